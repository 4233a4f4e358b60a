import { sameShape, type Shape } from '../../gpu/dtype.js';
import type { GpuArray } from '../../gpu/gpuArray.js';
import { reduceDims } from './reduce.js';

/**
 * The gradient of an input of `shape` that was broadcast: `gradient` summed over the dimensions
 * in which it was repeated, in a fixed order. Takes over `gradient`.
 */
export function sumTo(gradient: GpuArray, shape: Shape): GpuArray {
  if (sameShape(gradient.shape, shape)) return gradient;
  const missing = gradient.shape.length - shape.length;
  const repeated = gradient.shape
    .map((_, d) => d)
    .filter((d) => gradient.shape[d] !== 1 && (d < missing || shape[d - missing] === 1));
  const sum = repeated.length > 0 ? reduceDims(gradient, repeated) : gradient.share();
  gradient.release();
  const result = sum.share(shape);
  sum.release();
  return result;
}
