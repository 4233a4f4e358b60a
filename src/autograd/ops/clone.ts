import { GpuArray } from '../../gpu/gpuArray.js';
import { planCopy, stridedCopy } from '../kernels/stridedCopy.js';
import { Op } from '../op.js';

/** A copy in memory of its own. dx = dy */
export class Clone extends Op {
  readonly name = 'clone';

  forward(x: GpuArray): GpuArray {
    const y = GpuArray.empty(x.shape, x.dtype, x.device);
    stridedCopy(planCopy([x.numel]), x, y);
    return y;
  }

  backward(dy: GpuArray): GpuArray {
    return dy.share();
  }
}
