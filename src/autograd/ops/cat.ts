import { ArgumentError, DTypeError, formatShape, ShapeError } from '../../errors.js';
import { sameShape, type Shape } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { resolveDim } from '../kernels/dims.js';
import { planCopy, stridedCopy, type CopyPlan } from '../kernels/stridedCopy.js';
import { contiguous, type Layout } from '../kernels/strides.js';
import { Op } from '../op.js';

/**
 * Arrays one after the other: `cat` along a dimension that they have, `stack` along a new one.
 * The gradient of each is its part of dy.
 */
export class Cat extends Op {
  private inShapes!: Shape[];
  private plans!: CopyPlan[]; // from dy to each gradient

  constructor(
    readonly name: 'cat' | 'stack',
    readonly dim: number,
  ) {
    super();
  }

  forward(...inputs: GpuArray[]): GpuArray {
    const first = inputs[0];
    if (!first) throw new ArgumentError(this.name, 'at least one tensor', 'none');
    const stacks = this.name === 'stack';
    const dim = resolveDim(this.name, this.dim, first.shape.length + (stacks ? 1 : 0));
    inputs.forEach((x, i) => this.check(x, i, first, dim));
    const shapes = inputs.map(({ shape }) =>
      stacks ? [...shape.slice(0, dim), 1, ...shape.slice(dim)] : shape,
    );
    const total = shapes.reduce((sum, shape) => sum + shape[dim]!, 0);
    const outShape = shapes[0]!.map((size, d) => (d === dim ? total : size));
    const { strides } = contiguous(outShape);
    let start = 0;
    const parts = shapes.map((shape): { shape: Shape; layout: Layout } => {
      const layout = { strides, offset: start * strides[dim]! };
      start += shape[dim]!;
      return { shape, layout };
    });
    this.inShapes = inputs.map(({ shape }) => shape);
    this.plans = parts.map(({ shape, layout }) => planCopy(this.name, shape, { from: layout }));
    const plans = parts.map(({ shape, layout }) => planCopy(this.name, shape, { to: layout }));
    const y = GpuArray.empty(outShape, first.dtype, first.device);
    plans.forEach((plan, i) => stridedCopy(plan, inputs[i]!, y));
    return y;
  }

  backward(dy: GpuArray): (GpuArray | null)[] {
    return this.plans.map((plan, i) => {
      if (!this.needs[i]) return null;
      const dx = GpuArray.empty(this.inShapes[i]!, 'f32', dy.device);
      stridedCopy(plan, dy, dx);
      return dx;
    });
  }

  /** Every tensor must have the first one's dtype and, but for `dim` of cat, its shape. */
  private check(x: GpuArray, i: number, first: GpuArray, dim: number): void {
    if (x.dtype !== first.dtype) {
      const fix = `Convert it with to('${first.dtype}').`;
      throw new DTypeError(this.name, `tensor ${i} of ${first.dtype}, as tensor 0`, x.dtype, fix);
    }
    const compared = (shape: Shape): Shape =>
      this.name === 'cat' ? shape.map((size, d) => (d === dim ? -1 : size)) : shape;
    if (!sameShape(compared(x.shape), compared(first.shape))) {
      const but = this.name === 'cat' ? ` but for dim ${dim}` : '';
      throw new ShapeError(
        this.name,
        `tensor ${i} of shape ${formatShape(first.shape)}${but}, as tensor 0`,
        x.shape,
      );
    }
  }
}
