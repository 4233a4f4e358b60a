import { ArgumentError, DTypeError, formatShape, ShapeError } from '../../errors.js';
import { sameShape, type Shape } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { resolveDim } from '../kernels/dims.js';
import { planCopy, stridedCopy } from '../kernels/stridedCopy.js';
import { contiguous, type Layout } from '../kernels/strides.js';
import { Op } from '../op.js';

/** Where an input lies in the result. */
interface Part {
  /** Of the input, with the new dimension of stack. */
  shape: Shape;
  layout: Layout;
}

/**
 * Arrays one after the other: `cat` along a dimension that they have, `stack` along a new one.
 * The gradient of each is its part of dy. Inputs of shape (0,) go with any other in cat.
 */
export class Cat extends Op {
  private inShapes!: Shape[];
  private parts!: Part[];

  constructor(
    readonly name: 'cat' | 'stack',
    readonly dim: number,
  ) {
    super();
  }

  forward(...inputs: GpuArray[]): GpuArray {
    if (inputs.length === 0) throw new ArgumentError(this.name, 'at least one tensor', 'none');
    const stacks = this.name === 'stack';
    const model = Math.max(
      0,
      inputs.findIndex(({ shape }) => !this.isNothing(shape)),
    );
    const first = inputs[model]!;
    if (!stacks) inputs.forEach((x, i) => this.checkNotScalar(x, i));
    const dim = resolveDim(this.name, this.dim, first.shape.length + (stacks ? 1 : 0));
    inputs.forEach((x, i) => this.check(x, i, first, model, dim));
    const opened = (shape: Shape): Shape =>
      stacks ? [...shape.slice(0, dim), 1, ...shape.slice(dim)] : shape;
    const sizes = inputs.map(({ shape }) => (this.isNothing(shape) ? 0 : opened(shape)[dim]!));
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const outShape = opened(first.shape).map((size, d) => (d === dim ? total : size));
    const { strides } = contiguous(outShape);
    let start = 0;
    this.parts = sizes.map((size) => {
      const layout = { strides, offset: start * strides[dim]! };
      start += size;
      return { shape: outShape.map((whole, d) => (d === dim ? size : whole)), layout };
    });
    this.inShapes = inputs.map(({ shape }) => shape);
    const y = GpuArray.empty(outShape, first.dtype, first.device);
    this.parts.forEach(({ shape, layout }, i) =>
      stridedCopy(planCopy(shape, { to: layout }), inputs[i]!, y),
    );
    return y;
  }

  backward(dy: GpuArray): (GpuArray | null)[] {
    return this.parts.map(({ shape, layout }, i) => {
      if (!this.needs[i]) return null;
      const dx = GpuArray.empty(this.inShapes[i]!, dy.dtype, dy.device);
      stridedCopy(planCopy(shape, { from: layout }), dy, dx);
      return dx;
    });
  }

  /** True for what cat leaves out, whatever the shape of the rest. */
  private isNothing(shape: Shape): boolean {
    return this.name === 'cat' && sameShape(shape, [0]);
  }

  private checkNotScalar(x: GpuArray, i: number): void {
    if (x.shape.length > 0) return;
    const fix = 'Use stack(), or unsqueeze(0) on it.';
    throw new ShapeError(this.name, `tensor ${i} of one dimension or more`, x.shape, fix);
  }

  /** Every tensor must have the dtype of the model and, but for `dim` of cat, its shape. */
  private check(x: GpuArray, i: number, first: GpuArray, model: number, dim: number): void {
    if (x.dtype !== first.dtype) {
      const expected = `tensor ${i} of ${first.dtype}, as tensor ${model}`;
      throw new DTypeError(this.name, expected, x.dtype, `Convert it with to('${first.dtype}').`);
    }
    if (this.isNothing(x.shape)) return;
    const compared = (shape: Shape): Shape =>
      this.name === 'cat' ? shape.map((size, d) => (d === dim ? -1 : size)) : shape;
    if (!sameShape(compared(x.shape), compared(first.shape))) {
      const but = this.name === 'cat' ? ` but for dim ${dim}` : '';
      throw new ShapeError(
        this.name,
        `tensor ${i} of shape ${formatShape(first.shape)}${but}, as tensor ${model}`,
        x.shape,
      );
    }
  }
}
