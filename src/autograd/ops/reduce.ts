import { numelOf, type Shape } from '../../gpu/dtype.js';
import type { GpuArray } from '../../gpu/gpuArray.js';
import { checkFloat } from '../kernels/checks.js';
import { reducedShape, resolveDims } from '../kernels/dims.js';
import { reduceDims } from '../kernels/reduce.js';
import { othersRows } from '../kernels/reduceBackward.js';
import { expandTo } from '../kernels/stridedCopy.js';
import { Op } from '../op.js';
import { Binary } from './binary.js';

export interface ReduceOpOptions {
  /** One dimension or several, negative from the end. Default: all. */
  dim?: number | readonly number[];
  /** Whether a reduced dimension stays, as 1. Default false. */
  keepdim?: boolean;
}

/** What all reductions share: the dimensions and the shapes that follow from them. */
export abstract class Reduction extends Op {
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
 * Mean over dimensions, of f32 or f16; of nothing it is NaN.
 *
 *   y = sum x / n    dx = dy / n
 */
export class Mean extends Reduction {
  readonly name = 'mean';
  private count!: number;

  forward(x: GpuArray): GpuArray {
    checkFloat(this.name, 'x', x);
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
 * Product over dimensions; of integers an integer, of nothing 1.
 *
 *   y = prod x    dx_i = dy prod x_j over j != i
 *
 * Right where elements are 0 too: one of them alone has a gradient, of several none has one.
 */
export class Prod extends Reduction {
  readonly name = 'prod';
  private x!: GpuArray;

  forward(x: GpuArray): GpuArray {
    this.resolve(x);
    if (this.recording) this.x = this.save(x);
    return this.finish(reduceDims(x, this.dims, { kind: 'prod' }));
  }

  backward(dy: GpuArray): GpuArray {
    const dyKept = this.keepdim(dy);
    const product = reduceDims(this.x, this.dims, { kind: 'prod', of: 'nonzero', dtype: 'f32' });
    const zeros = reduceDims(this.x, this.dims, { of: 'isZero', dtype: 'f32' });
    const dx = othersRows(dyKept, this.x, product, zeros);
    for (const array of [dyKept, product, zeros]) array.release();
    return dx;
  }
}
