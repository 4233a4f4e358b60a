import { gather } from '../autograd/kernels/gather.js';
import type { GpuArray } from '../gpu/gpuArray.js';

/** Rows `order[start]` to `order[start + count - 1]` of `x`, whose rows are its first dimension. */
export function gatherRows(x: GpuArray, order: GpuArray, start: number, count: number): GpuArray {
  const yShape = [count, ...x.shape.slice(1)];
  return gather(
    { op: 'gatherRows', dim: 0, xShape: x.shape, yShape, shared: true, start },
    x,
    order,
  );
}
