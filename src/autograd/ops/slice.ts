import { ArgumentError } from '../../errors.js';
import type { Shape } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { resolveDim } from '../kernels/dims.js';
import { fill } from '../kernels/fill.js';
import { planCopy, stridedCopy, type CopyPlan } from '../kernels/stridedCopy.js';
import { contiguous, type Layout } from '../kernels/strides.js';
import { Op } from '../op.js';

/** Elements of one dimension, as a copy. dx is dy where an element was taken, and 0 elsewhere. */
abstract class Taking extends Op {
  private inShape!: Shape;
  private plan!: CopyPlan; // from dy to dx

  protected take(x: GpuArray, dim: number, start: number, size: number, step: number): GpuArray {
    this.inShape = x.shape;
    const taken = x.shape.map((whole, d) => (d === dim ? size : whole));
    const { strides } = contiguous(x.shape);
    const within: Layout = {
      strides: strides.map((stride, d) => (d === dim ? stride * step : stride)),
      offset: start * strides[dim]!,
    };
    this.plan = planCopy(this.name, taken, { to: within });
    const plan = planCopy(this.name, taken, { from: within });
    const y = GpuArray.empty(taken, x.dtype, x.device);
    stridedCopy(plan, x, y);
    return y;
  }

  backward(dy: GpuArray): GpuArray {
    const dx = fill(GpuArray.empty(this.inShape, 'f32', dy.device), 0);
    stridedCopy(this.plan, dy, dx);
    return dx;
  }
}

export interface Range {
  /** First index, negative from the end; out of range it is moved into range. Default 0. */
  start?: number;
  /** Index after the last one, likewise. Default: the size of the dimension. */
  end?: number;
  /** From 1 up. Default 1. */
  step?: number;
}

/** x[..., start : end : step, ...] along one dimension. */
export class Slice extends Taking {
  readonly name = 'slice';

  constructor(
    readonly dim: number,
    readonly range: Range,
  ) {
    super();
  }

  forward(x: GpuArray): GpuArray {
    const dim = resolveDim(this.name, this.dim, x.shape.length);
    const size = x.shape[dim]!;
    const { start = 0, end = size, step = 1 } = this.range;
    if (!Number.isInteger(step) || step < 1) {
      throw new ArgumentError(this.name, 'a step from 1 up', step);
    }
    const first = this.clip('start', start, size);
    const last = this.clip('end', end, size);
    return this.take(x, dim, first, Math.max(0, Math.ceil((last - first) / step)), step);
  }

  private clip(what: string, index: number, size: number): number {
    if (!Number.isInteger(index)) {
      throw new ArgumentError(this.name, `${what} as a whole number`, index);
    }
    return Math.min(Math.max(index < 0 ? index + size : index, 0), size);
  }
}

/** x[..., index, ...]: one index of a dimension, which goes. */
export class Select extends Taking {
  readonly name = 'select';

  /** @param index  Negative from the end. */
  constructor(
    readonly dim: number,
    readonly index: number,
  ) {
    super();
  }

  forward(x: GpuArray): GpuArray {
    const dim = resolveDim(this.name, this.dim, x.shape.length);
    const size = x.shape[dim]!;
    const index = this.index < 0 ? this.index + size : this.index;
    if (!Number.isInteger(index) || index < 0 || index >= size) {
      const range = size === 0 ? 'none, for an empty dimension' : `from ${-size} to ${size - 1}`;
      throw new ArgumentError(this.name, `index ${range}`, this.index);
    }
    const taken = this.take(x, dim, index, 1, 1);
    const y = taken.share(x.shape.filter((_, d) => d !== dim));
    taken.release();
    return y;
  }
}
