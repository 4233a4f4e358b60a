import { formatShape, ShapeError } from '../../errors.js';
import type { Shape } from '../../gpu/dtype.js';
import type { GpuArray } from '../../gpu/gpuArray.js';
import { checkIndex } from '../kernels/checks.js';
import { resolveDim, vectorShape } from '../kernels/dims.js';
import { gather, sumByIndex, type Choice } from '../kernels/gather.js';
import { reshaped } from '../kernels/reshaped.js';
import { Op } from '../op.js';

/** Elements of one dimension of x, of any dtype, which an index array of i32 or u32 chooses. */
abstract class Gathering extends Op {
  private inShape!: Shape;
  private choice!: Choice;
  private index!: GpuArray;

  protected gathered(choice: Choice, x: GpuArray, index: GpuArray): GpuArray {
    this.inShape = x.shape;
    this.choice = choice;
    if (this.needs[0]) this.index = this.save(index);
    return gather(choice, x, index);
  }

  backward(dy: GpuArray): (GpuArray | null)[] {
    return [reshaped(sumByIndex(this.choice, dy, this.index), this.inShape), null];
  }
}

/**
 * One index for each element of the result, which has its shape; here along the middle one of
 * three dimensions:
 *
 *   y[i, j, k]  = x[i, index[i, j, k], k]
 *   dx[i, l, k] = sum dy[i, j, k]  over the j with index[i, j, k] = l, in order
 *
 * The index may be smaller than x in the other dimensions. An index outside 0 to size - 1 gives
 * NaN, or 0 for integers, and no gradient, since the GPU cannot throw.
 */
export class Gather extends Gathering {
  readonly name = 'gather';

  constructor(readonly dim: number) {
    super();
  }

  forward(x: GpuArray, index: GpuArray): GpuArray {
    checkIndex(this.name, index);
    const xShape = vectorShape(x.shape);
    const yShape = vectorShape(index.shape);
    const dim = resolveDim(this.name, this.dim, xShape.length);
    const fits =
      yShape.length === xShape.length && yShape.every((size, d) => d === dim || size <= xShape[d]!);
    if (!fits) {
      const expected = `index of ${xShape.length} dimensions, but for dim ${dim} no larger than x, ${formatShape(x.shape)}`;
      throw new ShapeError(this.name, expected, index.shape);
    }
    const y = this.gathered({ op: this.name, dim, xShape, yShape }, x, index);
    return reshaped(y, index.shape);
  }
}

/**
 * Whole slices along one dimension, by one vector of indices; here along the first of two:
 *
 *   y[i, k]  = x[index[i], k]
 *   dx[l, k] = sum dy[i, k]  over the i with index[i] = l, in order
 *
 * An index out of range is as for gather.
 */
export class IndexSelect extends Gathering {
  readonly name = 'indexSelect';

  constructor(readonly dim: number) {
    super();
  }

  forward(x: GpuArray, index: GpuArray): GpuArray {
    checkIndex(this.name, index);
    if (index.shape.length > 1) throw new ShapeError(this.name, 'index (N,)', index.shape);
    const xShape = vectorShape(x.shape);
    const dim = resolveDim(this.name, this.dim, xShape.length);
    const yShape = xShape.map((size, d) => (d === dim ? index.numel : size));
    return this.gathered({ op: this.name, dim, xShape, yShape, shared: true }, x, index);
  }
}
