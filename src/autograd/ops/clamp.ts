import source from '../../../shaders/clamp.wgsl';
import element from '../../../shaders/element.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { ArgumentError } from '../../errors.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import { castTo, promote } from '../kernels/cast.js';
import { ELEMENT_FLAGS, elementBits, elementFlags } from '../kernels/element.js';
import { Op } from '../op.js';

const shader = defineShader({
  name: 'clamp',
  source,
  params: { count: 'u32', low: 'u32', high: 'u32' },
  flags: [...ELEMENT_FLAGS, 'LOW', 'HIGH', 'BACKWARD'],
  includes: { element, threads },
});

/**
 * Each element limited to [low, high], of which one may be missing.
 *
 *   y = min(max(x, low), high)    dx = dy where low < x < high, else 0
 *
 * A missing limit is infinite. A limit without the other lets the gradient pass at itself: dx = dy
 * where x = low, or x = high. All of this is as in PyTorch.
 *
 * NaN stays NaN. Where low > high every element becomes high.
 */
export class Clamp extends Op {
  readonly name = 'clamp';
  private x!: GpuArray;

  constructor(
    readonly low?: number,
    readonly high?: number,
  ) {
    super();
  }

  forward(x: GpuArray): GpuArray {
    const { low, high } = this;
    if (low === undefined && high === undefined) {
      throw new ArgumentError('clamp', 'a minimum or a maximum', 'neither');
    }
    const dtype = promote(promote(x.dtype, low ?? 0), high ?? 0);
    const input = castTo(x, dtype);
    const y = GpuArray.empty(x.shape, dtype, x.device);
    launch(shader, 'forward', {
      inputs: [input],
      outputs: [y],
      params: this.params(y),
      flags: this.flags(y),
      elements: y.numel,
    });
    input.release();
    this.x = this.save(x);
    return y;
  }

  backward(dy: GpuArray): GpuArray {
    const dx = GpuArray.empty(dy.shape, dy.dtype, dy.device);
    launch(shader, 'backward', {
      inputs: [dy, this.x],
      outputs: [dx],
      params: this.params(dx),
      flags: { ...this.flags(dx), BACKWARD: true },
      elements: dx.numel,
    });
    return dx;
  }

  private params({ numel: count, dtype }: GpuArray) {
    const [low, high] = [this.low ?? 0, this.high ?? 0];
    return { count, low: elementBits(low, dtype), high: elementBits(high, dtype) };
  }

  private flags({ dtype }: GpuArray) {
    return {
      ...elementFlags(dtype),
      LOW: this.low !== undefined,
      HIGH: this.high !== undefined,
    };
  }
}
