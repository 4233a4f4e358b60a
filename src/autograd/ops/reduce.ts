import { ArgumentError, DTypeError } from '../../errors.js';
import { numelOf, type Shape } from '../../gpu/dtype.js';
import type { GpuArray } from '../../gpu/gpuArray.js';
import { reducedShape, resolveDims } from '../kernels/dims.js';
import { reduceDims } from '../kernels/reduce.js';
import { expandTo } from '../kernels/stridedCopy.js';
import { Op } from '../op.js';
import { Binary } from './binary.js';
import { Compare } from './compare.js';

export interface ReduceOpOptions {
  /** One dimension or several, negative from the end. Default: all. */
  dim?: number | readonly number[];
  /** Whether a reduced dimension stays, as 1. Default false. */
  keepdim?: boolean;
}

/** What all reductions share: the dimensions and the shapes that follow from them. */
abstract class Reduction extends Op {
  protected dims!: readonly number[];
  protected inShape!: Shape;

  constructor(readonly options: ReduceOpOptions = {}) {
    super();
  }

  /** Sets `dims` and `inShape`. @returns how many elements make one. */
  protected resolve(x: GpuArray): number {
    this.inShape = x.shape;
    this.dims = resolveDims(this.name, this.options.dim, x.shape.length);
    return numelOf(this.dims.map((d) => x.shape[d]!));
  }

  /** The result from one that has the reduced dimensions as 1, which it takes over. */
  protected finish(kept: GpuArray): GpuArray {
    const y = kept.share(reducedShape(this.inShape, this.dims, this.options.keepdim ?? false));
    kept.release();
    return y;
  }

  /** An array of the shape of y, with the reduced dimensions as 1: it broadcasts with x. */
  protected keepdim(array: GpuArray): GpuArray {
    return array.share(reducedShape(this.inShape, this.dims, true));
  }

  /** `array`, of the shape of y, repeated over the reduced dimensions. */
  protected spread(array: GpuArray): GpuArray {
    const kept = this.keepdim(array);
    const dx = expandTo(kept, this.inShape);
    kept.release();
    return dx;
  }
}

/**
 * Sum over dimensions; of integers an integer.
 *
 *   y = sum x    dx = dy
 */
export class Sum extends Reduction {
  readonly name = 'sum';

  forward(x: GpuArray): GpuArray {
    this.resolve(x);
    return this.finish(reduceDims(x, this.dims));
  }

  backward(dy: GpuArray): GpuArray {
    return this.spread(dy);
  }
}

/**
 * Mean over dimensions, of f32; of nothing it is NaN.
 *
 *   y = sum x / n    dx = dy / n
 */
export class Mean extends Reduction {
  readonly name = 'mean';
  private count!: number;

  forward(x: GpuArray): GpuArray {
    checkFloat(this.name, x);
    this.count = this.resolve(x);
    return this.finish(reduceDims(x, this.dims, { divisor: this.count }));
  }

  backward(dy: GpuArray): GpuArray {
    const share = new Binary('div', this.count).forward(dy);
    const dx = this.spread(share);
    share.release();
    return dx;
  }
}

/**
 * Largest or smallest element over dimensions; NaN if there is one.
 *
 *   y = max x    dx = dy / (how many equal y) where x = y, else 0
 *
 * Ties share the gradient evenly, as PyTorch's amax and amin do.
 */
export class Extremum extends Reduction {
  private x!: GpuArray;
  private y!: GpuArray;

  constructor(
    readonly name: 'max' | 'min',
    options: ReduceOpOptions = {},
  ) {
    super(options);
  }

  forward(x: GpuArray): GpuArray {
    if (this.resolve(x) === 0) {
      throw new ArgumentError(this.name, 'at least one element to choose from', 'none');
    }
    const y = this.finish(reduceDims(x, this.dims, { kind: this.name }));
    if (this.recording) {
      this.x = this.save(x);
      this.y = this.save(y);
    }
    return y;
  }

  backward(dy: GpuArray): GpuArray {
    const [y, dyKept] = [this.keepdim(this.y), this.keepdim(dy)];
    const isExtreme = new Compare('eq').forward(this.x, y);
    const ties = reduceDims(isExtreme, this.dims);
    const share = new Binary('div').forward(dyKept, ties);
    const dx = new Binary('mul').forward(isExtreme, share);
    for (const array of [y, dyKept, isExtreme, ties, share]) array.release();
    return dx;
  }
}

export interface VarianceOptions extends ReduceOpOptions {
  /** The divisor is n - correction: 1 for a sample (the default), 0 for a population. */
  correction?: number;
}

/**
 * Variance over dimensions, of f32, in two passes: the mean first, then the squared distances to
 * it, which does not cancel as E[x^2] - E[x]^2 does. NaN where n <= correction.
 *
 *   y = sum (x - mean)^2 / (n - correction)    dx = dy 2 (x - mean) / (n - correction)
 */
export class Variance extends Reduction {
  readonly name = 'variance';
  private centered!: GpuArray;
  private divisor!: number;

  constructor(override readonly options: VarianceOptions = {}) {
    super(options);
  }

  forward(x: GpuArray): GpuArray {
    checkFloat(this.name, x);
    const count = this.resolve(x);
    this.divisor = Math.max(0, count - (this.options.correction ?? 1));
    const mean = reduceDims(x, this.dims, { divisor: count });
    const centered = new Binary('sub').forward(x, mean);
    mean.release();
    const y = reduceDims(centered, this.dims, { square: true, divisor: this.divisor });
    if (this.recording) this.centered = this.own(centered);
    else centered.release();
    return this.finish(y);
  }

  backward(dy: GpuArray): GpuArray {
    const dyKept = this.keepdim(dy);
    const scaled = new Binary('mul', 2 / this.divisor).forward(dyKept);
    const dx = new Binary('mul').forward(this.centered, scaled);
    dyKept.release();
    scaled.release();
    return dx;
  }
}

function checkFloat(op: string, x: GpuArray): void {
  if (x.dtype !== 'f32') {
    throw new DTypeError(op, 'x of f32', x.dtype, "Convert it with to('f32').");
  }
}
