import { isFloat, type DType } from '../../gpu/dtype.js';
import type { GpuArray } from '../../gpu/gpuArray.js';
import { castTo } from '../kernels/cast.js';
import { Op } from '../op.js';

/**
 * The elements as another type, and the same memory where they have it already. A float to an
 * integer type truncates towards zero and saturates; a gradient passes between float types only.
 */
export class Cast extends Op {
  readonly name = 'to';
  override readonly differentiable: boolean;
  private from!: DType;

  constructor(readonly dtype: DType) {
    super();
    this.differentiable = isFloat(dtype);
  }

  forward(x: GpuArray): GpuArray {
    this.from = x.dtype;
    return castTo(x, this.dtype);
  }

  backward(dy: GpuArray): GpuArray {
    return castTo(dy, this.from);
  }
}
