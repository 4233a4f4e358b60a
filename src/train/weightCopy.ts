import { unscoped } from '../autograd/scope.js';
import type { Module } from '../nn/index.js';
import { Tensor } from '../tensor/tensor.js';

/** Parameters and buffers as they were, on the GPU: bit for bit, and nothing waits. */
export class WeightCopy {
  private copies: Record<string, Tensor> = {};

  /** By key; none before `take`. */
  get tensors(): Readonly<Record<string, Tensor>> {
    return this.copies;
  }

  /** Replaces the copy by one of `tensors` as they are now, such as a model's state. */
  take(tensors: Readonly<Record<string, Tensor>>): void {
    for (const [key, { array }] of Object.entries(tensors)) {
      const copy = this.copies[key];
      if (copy) copy.array.copyFrom(array);
      else this.copies[key] = unscoped(() => new Tensor(array.copy()).retain());
    }
  }

  /** Copies back what was taken. */
  restore(model: Module): void {
    const state = model.stateDict();
    for (const [key, copy] of Object.entries(this.copies)) state[key]!.array.copyFrom(copy.array);
  }

  dispose(): void {
    for (const copy of Object.values(this.copies)) copy.dispose();
    this.copies = {};
  }
}
