import { ShapeError } from '../../errors.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { resolveDim, resolveDims } from '../kernels/dims.js';
import { planCopy, stridedCopy } from '../kernels/stridedCopy.js';
import { contiguous } from '../kernels/strides.js';
import { Op } from '../op.js';

/**
 * The dimensions in another order, as a copy; of any dtype.
 *
 *   y[i[dims[0]], i[dims[1]], ...] = x[i[0], i[1], ...]    dx = dy in the order of before
 */
export class Permute extends Op {
  readonly name: string = 'permute';
  private order!: readonly number[];

  /** @param dims  For each dimension of the result, which one of the input it is; all of them. */
  constructor(readonly dims: readonly number[]) {
    super();
  }

  forward(x: GpuArray): GpuArray {
    this.order = this.orderFor(x.shape.length);
    if (this.order.length !== x.shape.length) {
      throw new ShapeError(
        this.name,
        `each of the ${x.shape.length} dimensions of x once`,
        `[${this.dims.join(', ')}]`,
      );
    }
    return this.permuted(x, this.order);
  }

  backward(dy: GpuArray): GpuArray {
    const inverse = this.order.map((_, d) => this.order.indexOf(d));
    return this.permuted(dy, inverse);
  }

  protected orderFor(ndim: number): readonly number[] {
    return resolveDims(this.name, this.dims, ndim);
  }

  private permuted(x: GpuArray, order: readonly number[]): GpuArray {
    const { strides } = contiguous(x.shape);
    const shape = order.map((d) => x.shape[d]!);
    const from = { strides: order.map((d) => strides[d]!) };
    const plan = planCopy(shape, { from });
    const y = GpuArray.empty(shape, x.dtype, x.device);
    stridedCopy(plan, x, y);
    return y;
  }
}

/** Two dimensions in each other's place, as a copy. */
export class Transpose extends Permute {
  override readonly name = 'transpose';

  constructor(a: number, b: number) {
    super([a, b]);
  }

  protected override orderFor(ndim: number): readonly number[] {
    const [a, b] = this.dims.map((dim) => resolveDim(this.name, dim, ndim)) as [number, number];
    const order = Array.from({ length: ndim }, (_, d) => d);
    [order[a], order[b]] = [b, a];
    return order;
  }
}
