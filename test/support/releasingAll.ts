import * as sg from 'shadegrad';
import { vi } from 'vitest';
import { GpuArray } from '../../src/gpu/gpuArray.js';

/**
 * Runs `work` and gives back all GPU memory that it took, as the end of a process does: commands and
 * programs leave theirs to that.
 */
export async function releasingAll<T>(work: () => Promise<T>): Promise<T> {
  const made: GpuArray[] = [];
  const { prototype } = GpuArray;
  const { empty } = GpuArray;
  vi.spyOn(GpuArray, 'empty').mockImplementation((...args) => {
    const array = empty.apply(GpuArray, args);
    made.push(array);
    return array;
  });
  const spies = (['share', 'part', 'piece', 'upTo'] as const).map((name) => {
    const method = prototype[name] as (this: GpuArray, ...args: unknown[]) => GpuArray;
    return vi.spyOn(prototype, name).mockImplementation(function (
      this: GpuArray,
      ...args: unknown[]
    ) {
      const array = method.apply(this, args);
      made.push(array);
      return array;
    });
  });
  try {
    return await sg.tidy(work);
  } finally {
    for (const spy of [vi.mocked(GpuArray.empty), ...spies]) spy.mockRestore();
    for (const array of made) array.release();
  }
}
