import { ArgumentError } from '../../errors.js';
import type { Shape } from '../../gpu/dtype.js';
import type { GpuArray } from '../../gpu/gpuArray.js';
import { resolveDimOrScalar, rowsOf, vectorShape } from '../kernels/dims.js';
import { gather, scatter, type Choice } from '../kernels/gather.js';
import { reshaped } from '../kernels/reshaped.js';
import { sortedPositions, type SortOptions } from '../kernels/sort.js';
import { Op, type Gradients } from '../op.js';

/**
 * The k largest or smallest elements of each row along one dimension, in order, and where they
 * were: `topk`, and with all of them `sort`. Of any dtype; equals stay in the order of x, and NaN
 * counts as the largest, as in PyTorch.
 *
 *   y[.., j, ..] = x[.., indices[.., j, ..], ..]    dx[.., indices[.., j, ..], ..] = dy[.., j, ..]
 */
export class TopK extends Op {
  /** Of i32, of the shape of the result; it belongs to the caller of forward. */
  indices!: GpuArray;
  private inShape!: Shape;
  private choice!: Choice;
  private kept!: GpuArray; // the indices

  constructor(
    readonly name: 'topk' | 'sort',
    readonly dim: number,
    readonly options: Pick<SortOptions, 'k' | 'largest'>,
  ) {
    super();
  }

  forward(x: GpuArray): GpuArray {
    const dim = resolveDimOrScalar(this.name, this.dim, x.shape.length);
    const { size } = rowsOf(x.shape, dim);
    const { k = size } = this.options;
    if (!Number.isInteger(k) || k < 0 || k > size)
      throw new ArgumentError(this.name, `k from 0 to ${size}, the size of dim ${dim}`, k);
    this.inShape = x.shape;
    this.indices = sortedPositions(x, dim, this.options);
    const xShape = vectorShape(x.shape);
    const yShape = xShape.map((whole, d) => (d === dim ? k : whole));
    this.choice = { op: this.name, dim, xShape, yShape };
    if (this.recording) this.kept = this.save(this.indices);
    return reshaped(gather(this.choice, x, this.indices), this.indices.shape);
  }

  backward(dy: GpuArray): GpuArray {
    return reshaped(scatter(this.choice, dy, this.kept), this.inShape);
  }
}

/** The indices of sort alone, as i32, without gradient. */
export class Argsort extends Op {
  readonly name = 'argsort';
  override readonly differentiable = false;

  constructor(
    readonly dim: number,
    readonly options: Pick<SortOptions, 'largest'>,
  ) {
    super();
  }

  forward(x: GpuArray): GpuArray {
    const dim = resolveDimOrScalar(this.name, this.dim, x.shape.length);
    return sortedPositions(x, dim, this.options);
  }

  backward(): Gradients {
    return null;
  }
}
