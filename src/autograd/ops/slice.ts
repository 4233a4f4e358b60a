import { ArgumentError } from '../../errors.js';
import type { Shape } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { resolveDim } from '../kernels/dims.js';
import { fill } from '../kernels/fill.js';
import { reshaped } from '../kernels/reshaped.js';
import { planCopy, stridedCopy } from '../kernels/stridedCopy.js';
import { contiguous, type Layout } from '../kernels/strides.js';
import { Op } from '../op.js';

/** Elements of one dimension, as a copy of any dtype. dx is dy where an element was taken, and 0 elsewhere. */
abstract class Taking extends Op {
  private inShape!: Shape;
  private taken!: Shape; // and where it lies in x
  private within!: Layout;

  protected take(x: GpuArray, dim: number, start: number, size: number, step = 1): GpuArray {
    const { strides } = contiguous(x.shape);
    this.inShape = x.shape;
    this.taken = x.shape.map((whole, d) => (d === dim ? size : whole));
    this.within = {
      strides: strides.map((stride, d) => (d === dim ? stride * step : stride)),
      offset: start * strides[dim]!,
    };
    const y = GpuArray.empty(this.taken, x.dtype, x.device);
    stridedCopy(planCopy(this.taken, { from: this.within }), x, y);
    return y;
  }

  backward(dy: GpuArray): GpuArray {
    const dx = fill(GpuArray.empty(this.inShape, dy.dtype, dy.device), 0);
    stridedCopy(planCopy(this.taken, { to: this.within }), dy, dx);
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
      throw new ArgumentError(this.name, 'a step from 1 up', step, 'Use flip() to go backwards.');
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

/** x[..., start : start + length, ...] along one dimension, all of it within range. */
export class Narrow extends Taking {
  readonly name = 'narrow';

  /** @param start  Negative from the end. */
  constructor(
    readonly dim: number,
    readonly start: number,
    readonly length: number,
  ) {
    super();
  }

  forward(x: GpuArray): GpuArray {
    const { length } = this;
    const dim = resolveDim(this.name, this.dim, x.shape.length);
    const size = x.shape[dim]!;
    const start = this.start < 0 ? this.start + size : this.start;
    if (!Number.isInteger(start) || start < 0 || start > size)
      throw new ArgumentError(this.name, `start from ${-size} to ${size}`, this.start);
    if (!Number.isInteger(length) || length < 0 || start + length > size)
      throw new ArgumentError(this.name, `length from 0 to ${size - start}`, length);
    return this.take(x, dim, start, length);
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
    const taken = this.take(x, dim, index, 1);
    return reshaped(
      taken,
      x.shape.filter((_, d) => d !== dim),
    );
  }
}
