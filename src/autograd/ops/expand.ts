import { formatShape, ShapeError } from '../../errors.js';
import type { Shape } from '../../gpu/dtype.js';
import type { GpuArray } from '../../gpu/gpuArray.js';
import { expandTo } from '../kernels/stridedCopy.js';
import { sumTo } from '../kernels/sumTo.js';
import { Op } from '../op.js';

/** Repeats dimensions of size 1, and adds dimensions in front. dx is dy summed over what was repeated. */
export class Expand extends Op {
  readonly name = 'expand';
  private inShape!: Shape;

  /** @param shape  -1 keeps the size of a dimension. */
  constructor(readonly shape: Shape) {
    super();
  }

  forward(x: GpuArray): GpuArray {
    this.inShape = x.shape;
    const missing = this.shape.length - x.shape.length;
    const shape = this.shape.map((size, d) => (size === -1 ? (x.shape[d - missing] ?? -1) : size));
    const fits = shape.every(
      (size, d) =>
        Number.isInteger(size) &&
        size >= 0 &&
        (d < missing || x.shape[d - missing] === 1 || x.shape[d - missing] === size),
    );
    if (missing < 0 || !fits) {
      throw new ShapeError(
        this.name,
        `a shape that ${formatShape(x.shape)} broadcasts to`,
        this.shape,
        'Only dimensions of size 1 can be repeated; -1 keeps a size.',
      );
    }
    return expandTo(x, shape);
  }

  backward(dy: GpuArray): GpuArray {
    return sumTo(dy.share(), this.inShape);
  }
}
