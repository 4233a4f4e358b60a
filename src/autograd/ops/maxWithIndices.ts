import type { Shape } from '../../gpu/dtype.js';
import type { GpuArray } from '../../gpu/gpuArray.js';
import { findExtremes, pickElements, rowsAlong, spreadPicked } from '../kernels/argmax.js';
import { reducedShape, resolveDim } from '../kernels/dims.js';
import type { Rows } from '../kernels/reduce.js';
import { Op } from '../op.js';
import { checkNotEmpty } from './extremum.js';

/**
 * The largest or smallest element along a dimension; `indices` says where it is, as i32.
 *
 *   y = x[i]    dx[i] = dy, elsewhere 0
 *
 * The first of equals has all of the gradient, and NaN is taken before any number.
 */
export class MaxWithIndices extends Op {
  /** Set by forward, of the shape of y; belongs to the caller. */
  indices!: GpuArray;
  private kept!: GpuArray; // the same, for backward
  private rows!: Rows;
  private inShape!: Shape;

  constructor(
    readonly name: 'maxWithIndices' | 'minWithIndices',
    private readonly dim: number,
    private readonly keepdim: boolean,
  ) {
    super();
  }

  forward(x: GpuArray): GpuArray {
    const dim = resolveDim(this.name, this.dim, x.shape.length);
    this.inShape = x.shape;
    this.rows = rowsAlong(x.shape, dim);
    checkNotEmpty(this.name, this.rows.size);
    const shape = reducedShape(x.shape, [dim], this.keepdim);
    this.indices = findExtremes(x, this.rows, shape, this.name === 'minWithIndices');
    if (this.recording) this.kept = this.save(this.indices);
    return pickElements(x, this.rows, this.indices);
  }

  backward(dy: GpuArray): GpuArray {
    return spreadPicked(dy, this.rows, this.kept, this.inShape);
  }
}
