import type { Shape } from '../../gpu/dtype.js';
import type { GpuArray } from '../../gpu/gpuArray.js';

/** `x` with another shape of as many elements. Takes over `x`. */
export function reshaped(x: GpuArray, shape: Shape): GpuArray {
  const y = x.share(shape);
  x.release();
  return y;
}
