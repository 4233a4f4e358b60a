import type { DType } from '../../gpu/dtype.js';
import type { GpuArray } from '../../gpu/gpuArray.js';
import { castTo } from '../kernels/cast.js';
import { Op } from '../op.js';

/**
 * The elements as another type, and the same memory where they have it already. f32 to an integer
 * type truncates towards zero and saturates; a gradient passes from f32 to f32 only.
 */
export class Cast extends Op {
  readonly name = 'to';
  override readonly differentiable: boolean;

  constructor(readonly dtype: DType) {
    super();
    this.differentiable = dtype === 'f32';
  }

  forward(x: GpuArray): GpuArray {
    return castTo(x, this.dtype);
  }

  backward(dy: GpuArray): GpuArray {
    return dy.share();
  }
}
