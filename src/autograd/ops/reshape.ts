import { ArgumentError, ShapeError } from '../../errors.js';
import { numelOf, type Shape } from '../../gpu/dtype.js';
import type { GpuArray } from '../../gpu/gpuArray.js';
import { Op } from '../op.js';

/** `shape` with its one -1, if there is one, replaced by what is left over: not a whole number if nothing fits. */
function inferShape(shape: Shape, numel: number): Shape {
  const rest = numelOf(shape.filter((size) => size !== -1));
  return shape.map((size) => (size === -1 ? numel / rest : size));
}

/** The same elements in another shape: the same memory, both forward and backward. */
export class Reshape extends Op {
  readonly name = 'reshape';
  private inShape!: Shape;

  /** @param shape  May have one -1, which takes what is left over. */
  constructor(readonly shape: Shape) {
    super();
  }

  forward(x: GpuArray): GpuArray {
    this.inShape = x.shape;
    if (this.shape.filter((size) => size === -1).length > 1)
      throw new ArgumentError(this.name, 'one -1 at most', `[${this.shape.join(', ')}]`);
    const shape = inferShape(this.shape, x.numel);
    const valid = shape.every((size) => Number.isInteger(size) && size >= 0);
    if (!valid || numelOf(shape) !== x.numel) {
      throw new ShapeError(
        this.name,
        `a shape of ${x.numel} elements, as the input has`,
        this.shape,
        'One dimension may be -1.',
      );
    }
    return x.share(shape);
  }

  backward(dy: GpuArray): GpuArray {
    return dy.share(this.inShape);
  }
}
