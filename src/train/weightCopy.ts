import type { GpuArray } from '../gpu/gpuArray.js';
import type { Module } from '../nn/index.js';

/** Parameters and buffers as they were, on the GPU: bit for bit, and nothing waits. */
export class WeightCopy {
  private readonly copies = new Map<string, GpuArray>();

  /** Replaces the copy by one of `model` as it is now. */
  take(model: Module): void {
    const state = model.stateDict();
    for (const [key, { array }] of Object.entries(state)) {
      const copy = this.copies.get(key);
      if (copy) copy.copyFrom(array);
      else this.copies.set(key, array.copy());
    }
  }

  /** Copies back what was taken. */
  restore(model: Module): void {
    const state = model.stateDict();
    for (const [key, copy] of this.copies) state[key]!.array.copyFrom(copy);
  }

  dispose(): void {
    for (const copy of this.copies.values()) copy.release();
    this.copies.clear();
  }
}
