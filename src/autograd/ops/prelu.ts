import source from '../../../shaders/prelu.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { formatShape, ShapeError } from '../../errors.js';
import { numelOf, sameShape } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import { checkSameFloat } from '../kernels/checks.js';
import { reduceDims } from '../kernels/reduce.js';
import { reshaped } from '../kernels/reshaped.js';
import { Op, type Gradients } from '../op.js';

const shader = defineShader({
  name: 'prelu',
  source,
  params: { count: 'u32', channels: 'u32', inner: 'u32', start: 'u32' },
  includes: { threads },
});

/**
 * ReLU with a learnt slope (He et al., 2015), of `x` (N, C, ...) and `weight` (C,) or (1,).
 *
 *   y       = x     where x > 0, else weight x
 *   dx      = dy    where x > 0, else weight dy
 *   dweight = sum of dy x over the elements of the channel that are not above 0
 *
 * A vector or a scalar `x` has one channel.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.prelu.html
 */
export class PReLU extends Op {
  readonly name = 'prelu';
  private x!: GpuArray;
  private weight!: GpuArray;

  /** @throws ShapeError, DTypeError */
  forward(x: GpuArray, weight: GpuArray): GpuArray {
    checkSameFloat(this.name, 'x', x, x);
    checkSameFloat(this.name, 'weight', weight, x);
    const channels = x.shape.length < 2 ? 1 : x.shape[1]!;
    if (!sameShape(weight.shape, [1]) && !sameShape(weight.shape, [channels])) {
      throw new ShapeError(
        this.name,
        `weight (1,) or (${channels},) for x ${formatShape(x.shape)}`,
        weight.shape,
      );
    }
    this.x = this.save(x);
    this.weight = this.save(weight);
    const y = GpuArray.empty(x.shape, x.dtype, x.device);
    launch(shader, 'forward', {
      inputs: [x, weight],
      outputs: [y],
      params: this.params(),
      elements: x.numel,
    });
    return y;
  }

  backward(dy: GpuArray): Gradients {
    const { x, weight } = this;
    const dx = GpuArray.empty(x.shape, x.dtype, x.device);
    const products = GpuArray.empty(x.shape, 'f32', x.device);
    launch(shader, 'backward', {
      inputs: [dy, x, weight],
      outputs: [dx, products],
      params: this.params(),
      elements: x.numel,
    });
    const shared = weight.numel === 1;
    const dims = x.shape.map((_, d) => d).filter((d) => shared || d !== 1);
    const dWeight = this.needs[1] ? reduceDims(products, dims, { dtype: weight.dtype }) : null;
    products.release();
    return [dx, dWeight && reshaped(dWeight, weight.shape)];
  }

  private params(): Record<keyof typeof shader.params, number> {
    const { shape, numel } = this.x;
    return { count: numel, channels: this.weight.numel, inner: numelOf(shape.slice(2)), start: 0 };
  }
}
