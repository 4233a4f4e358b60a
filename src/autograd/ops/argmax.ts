import { numelOf } from '../../gpu/dtype.js';
import type { GpuArray } from '../../gpu/gpuArray.js';
import { findExtremes, rowsAlong } from '../kernels/argmax.js';
import { reducedShape, resolveDim, resolveDims } from '../kernels/dims.js';
import { Op, type Gradients } from '../op.js';
import { checkNotEmpty } from './extremum.js';

export interface ArgOptions {
  /** The dimension to search, negative from the end. Default: all, as if flattened. */
  dim?: number;
  /** Whether a searched dimension stays, as 1. Default false. */
  keepdim?: boolean;
}

/**
 * The index of the largest or smallest element along a dimension, as i32, without gradient.
 * The first of equals; NaN is taken before any number, as in PyTorch.
 */
export class Argmax extends Op {
  override readonly differentiable = false;

  constructor(
    readonly name: 'argmax' | 'argmin',
    readonly options: ArgOptions = {},
  ) {
    super();
  }

  forward(x: GpuArray): GpuArray {
    const { dim, keepdim = false } = this.options;
    const ndim = x.shape.length;
    const rows =
      dim === undefined
        ? { outer: 1, size: numelOf(x.shape), inner: 1 }
        : rowsAlong(x.shape, resolveDim(this.name, dim, ndim));
    checkNotEmpty(this.name, rows.size);
    const shape = reducedShape(x.shape, resolveDims(this.name, dim, ndim), keepdim);
    return findExtremes(x, rows, shape, this.name === 'argmin');
  }

  backward(): Gradients {
    return null;
  }
}
