import type { DType } from '../../gpu/dtype.js';
import type { GpuArray } from '../../gpu/gpuArray.js';
import { castTo } from '../kernels/cast.js';
import { checkFloat } from '../kernels/checks.js';
import { reduceDims } from '../kernels/reduce.js';
import { ratioRows, scaleRows } from '../kernels/reduceBackward.js';
import { Binary } from './binary.js';
import { Reduction, type ReduceOpOptions } from './reduce.js';

export interface VarianceOptions extends ReduceOpOptions {
  /** The divisor is n - correction: 1 for a sample (the default), 0 for a population. */
  correction?: number;
}

/**
 * Variance over dimensions, of f32 or f16, or its root, the standard deviation. In two passes: the
 * mean first, then the squared distances to it, which does not cancel as E[x^2] - E[x]^2 does.
 *
 *   variance   y = sum (x - mean)^2 / m          dx = dy 2 (x - mean) / m
 *   std        y = (sum (x - mean)^2 / m)^(1/2)  dx = dy (x - mean) / (m y), 0 where y is 0
 *
 * m = n - correction, at least 0: then y is NaN or infinite.
 */
export class Variance extends Reduction {
  private centered!: GpuArray; // in f32, as y
  private y!: GpuArray;
  private divisor!: number;
  private dtype!: DType;

  constructor(
    readonly name: 'variance' | 'std',
    override readonly options: VarianceOptions = {},
  ) {
    super(options);
  }

  forward(x: GpuArray): GpuArray {
    checkFloat(this.name, 'x', x);
    const count = this.resolve(x);
    this.dtype = x.dtype;
    this.divisor = Math.max(0, count - (this.options.correction ?? 1));
    const wide = castTo(x, 'f32');
    const mean = reduceDims(wide, this.dims, { divisor: count });
    const centered = new Binary('sub').forward(wide, mean);
    mean.release();
    wide.release();
    const y = reduceDims(centered, this.dims, {
      of: 'square',
      divisor: this.divisor,
      root: this.name === 'std',
    });
    if (this.recording) this.centered = this.save(centered);
    if (this.recording) this.y = this.save(y);
    centered.release();
    const result = castTo(y, x.dtype);
    y.release();
    return this.finish(result);
  }

  backward(dy: GpuArray): GpuArray {
    const dyKept = this.keepdim(dy);
    const wide = castTo(dyKept, 'f32');
    const grad =
      this.name === 'std'
        ? ratioRows(wide, this.centered, this.y, 1 / this.divisor)
        : scaleRows(wide, this.centered, 2 / this.divisor);
    const dx = castTo(grad, this.dtype);
    for (const array of [dyKept, wide, grad]) array.release();
    return dx;
  }
}
