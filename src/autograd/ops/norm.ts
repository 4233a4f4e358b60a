import { ArgumentError } from '../../errors.js';
import type { GpuArray } from '../../gpu/gpuArray.js';
import { castTo } from '../kernels/cast.js';
import { checkFloat } from '../kernels/checks.js';
import { reduceDims, type ReduceOptions } from '../kernels/reduce.js';
import { ratioRows, signRows } from '../kernels/reduceBackward.js';
import { checkNotEmpty, shareOfExtremes } from './extremum.js';
import { Reduction, type ReduceOpOptions } from './reduce.js';

export interface NormOptions extends ReduceOpOptions {
  /** 2 (default) the Euclidean length, 1 the sum of sizes, Infinity the largest size. */
  p?: number;
}

/**
 * Norm of vectors along dimensions, of f32 or f16.
 *
 *   p = 2          y = (sum x^2)^(1/2)    dx = dy x / y, 0 where y is 0
 *   p = 1          y = sum |x|            dx = dy sign(x)
 *   p = Infinity   y = max |x|            dx = dy sign(x) / (how many |x| equal y) where |x| = y
 */
export class Norm extends Reduction {
  readonly name = 'norm';
  private readonly p: number;
  private x!: GpuArray;
  private y!: GpuArray; // in f32, or for p = Infinity of the dtype of x

  constructor({ p = 2, ...options }: NormOptions = {}) {
    super(options);
    this.p = p;
  }

  forward(x: GpuArray): GpuArray {
    checkFloat(this.name, 'x', x);
    const size = this.resolve(x);
    if (this.p === Infinity) checkNotEmpty(this.name, size);
    const y = reduceDims(x, this.dims, { ...normOptions(this.name, this.p), dtype: 'f32' });
    const result = castTo(y, x.dtype);
    if (this.recording) {
      this.x = this.save(x);
      this.y = this.save(this.p === Infinity ? result : y);
    }
    y.release();
    return this.finish(result);
  }

  backward(dy: GpuArray): GpuArray {
    const dyKept = this.keepdim(dy);
    const dx = this.gradient(dyKept);
    dyKept.release();
    return dx;
  }

  private gradient(dy: GpuArray): GpuArray {
    const { p, x, y } = this;
    if (p === 1) return signRows(dy, x);
    return p === 2 ? ratioRows(dy, x, y) : shareOfExtremes(dy, x, y, this.dims, true);
  }
}

/** How `reduceDims` computes a norm. @throws ArgumentError for a p that it does not know. */
export function normOptions(op: string, p: number): ReduceOptions {
  if (p === 2) return { of: 'square', root: true };
  if (p === 1) return { of: 'abs' };
  if (p === Infinity) return { of: 'abs', kind: 'max' };
  throw new ArgumentError(op, 'a norm of p = 1, 2 or Infinity', p);
}
