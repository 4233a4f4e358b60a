import { GpuArray } from '../../gpu/gpuArray.js';
import { resolveDims } from '../kernels/dims.js';
import { planCopy, stridedCopy } from '../kernels/stridedCopy.js';
import { contiguous } from '../kernels/strides.js';
import { Op } from '../op.js';

/** Some dimensions from last to first, as a copy of any dtype. dx = dy, turned alike. */
export class Flip extends Op {
  readonly name = 'flip';

  constructor(readonly dims: number | readonly number[]) {
    super();
  }

  forward(x: GpuArray): GpuArray {
    const ndim = x.shape.length;
    const flipped = ndim === 0 ? [] : resolveDims(this.name, this.dims, ndim);
    const { strides } = contiguous(x.shape);
    const from = {
      strides: strides.map((stride, d) => (flipped.includes(d) ? -stride : stride)),
      offset: flipped.reduce((sum, d) => sum + (x.shape[d]! - 1) * strides[d]!, 0),
    };
    const y = GpuArray.empty(x.shape, x.dtype, x.device);
    stridedCopy(planCopy(x.shape, { from }), x, y);
    return y;
  }

  backward(dy: GpuArray): GpuArray {
    return this.forward(dy);
  }
}
