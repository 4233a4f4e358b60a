import { ShapeError } from '../../errors.js';
import type { Shape } from '../../gpu/dtype.js';
import type { GpuArray } from '../../gpu/gpuArray.js';
import { reduceDims } from '../kernels/reduce.js';
import { reshaped } from '../kernels/reshaped.js';
import { expandTo } from '../kernels/stridedCopy.js';
import { Op } from '../op.js';

/**
 * Copies of x side by side, `sizes[d]` of them along each dimension d; of any dtype. A size for
 * each dimension that x does not have, in front, adds it. dx is dy summed over the copies.
 */
export class Repeat extends Op {
  private inShape!: Shape;
  private apart!: Shape; // of the result, with the copies in dimensions of their own

  constructor(
    readonly name: 'repeat' | 'tile',
    readonly sizes: readonly number[],
  ) {
    super();
  }

  forward(x: GpuArray): GpuArray {
    const { sizes } = this;
    const missing = sizes.length - x.shape.length;
    if (missing < 0 || sizes.some((size) => !Number.isInteger(size) || size < 0)) {
      throw new ShapeError(
        this.name,
        `sizes from 0 up, ${x.shape.length} or more of them for x of as many dimensions`,
        `[${sizes.join(', ')}]`,
      );
    }
    this.inShape = x.shape;
    const padded = sizes.map((_, d) => (d < missing ? 1 : x.shape[d - missing]!));
    this.apart = sizes.flatMap((size, d) => [size, padded[d]!]);
    const single = x.share(padded.flatMap((size) => [1, size]));
    const y = expandTo(single, this.apart);
    single.release();
    return reshaped(
      y,
      sizes.map((size, d) => size * padded[d]!),
    );
  }

  backward(dy: GpuArray): GpuArray {
    const apart = dy.share(this.apart);
    const copies = this.sizes.flatMap((size, d) => (size === 1 ? [] : [2 * d]));
    const dx = copies.length > 0 ? reduceDims(apart, copies) : apart.share();
    apart.release();
    return reshaped(dx, this.inShape);
  }
}
