import element from '../../../shaders/element.wgsl';
import source from '../../../shaders/localResponseNorm.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { ShapeError } from '../../errors.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader, type ParamsOf } from '../../gpu/shader.js';
import { checkFloat } from '../kernels/checks.js';
import { rowsOf } from '../kernels/dims.js';
import { ELEMENT_FLAGS, elementThreads } from '../kernels/element.js';
import { checkInteger } from '../kernels/geometry.js';
import { inParts } from '../kernels/parts.js';
import { Op } from '../op.js';

const shader = defineShader({
  name: 'localResponseNorm',
  source,
  params: {
    count: 'u32',
    channels: 'u32',
    inner: 'u32',
    before: 'u32',
    after: 'u32',
    scale: 'f32',
    beta: 'f32',
    k: 'f32',
  },
  flags: [...ELEMENT_FLAGS, 'KEEP', 'THREE_QUARTERS'],
  includes: { element, threads },
});

export interface LocalResponseNormOptions {
  /** How many channels are summed over. */
  size: number;
  /** Of the sum, which is divided by `size`. Default 1e-4. */
  alpha?: number;
  /** The exponent. Default 0.75. */
  beta?: number;
  /** Added to the sum. Default 1. */
  k?: number;
}

/**
 * Local response normalisation of `x`, (N, C, ...), across channels:
 *
 *   d[c]  = k + alpha / size * sum x[i]^2   over channels c - floor(size / 2) .. c + ceil(size / 2) - 1
 *   y[c]  = x[c] d[c]^-beta
 *   dx[c] = dy[c] d[c]^-beta - 2 beta alpha / size * x[c] sum dy[i] x[i] d[i]^(-beta - 1)
 *           over the channels i whose sum has channel c
 *
 * There are zeros before the first channel and after the last. Sums are of f32, also for f16.
 * Sources: Krizhevsky et al. 2012, ImageNet Classification with Deep CNNs, section 3.3 (which does
 * not divide alpha by size);
 * https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.local_response_norm.html
 */
export class LocalResponseNorm extends Op {
  readonly name = 'localResponseNorm';
  private params!: ParamsOf<typeof shader>; // this and the next two are for backward
  private x!: GpuArray;
  private d!: GpuArray;

  constructor(readonly options: LocalResponseNormOptions) {
    super();
  }

  /** @throws ShapeError, DTypeError, ArgumentError */
  forward(x: GpuArray): GpuArray {
    const { size, alpha = 1e-4, beta = 0.75, k = 1 } = this.options;
    checkFloat(this.name, 'input', x);
    if (x.shape.length < 3) throw new ShapeError(this.name, 'input (N, C, ...)', x.shape);
    checkInteger(this.name, 'size', size, 1);
    const { size: channels, inner } = rowsOf(x.shape, 1);
    this.params = {
      count: x.numel,
      channels,
      inner,
      // More are never there.
      before: Math.min(Math.floor(size / 2), channels),
      after: Math.min(Math.floor((size - 1) / 2), channels),
      scale: alpha / size,
      beta,
      k,
    };
    const { recording } = this;
    const y = GpuArray.empty(x.shape, x.dtype, x.device);
    if (recording) {
      this.x = this.save(x);
      this.d = this.own(GpuArray.empty(x.shape, 'f32', x.device));
    }
    this.launch('forward', [x], recording ? [y, this.d] : [y]);
    return y;
  }

  backward(dy: GpuArray): GpuArray {
    const dx = GpuArray.empty(dy.shape, dy.dtype, dy.device);
    this.launch('backward', [dy, this.x, this.d], [dx]);
    return dx;
  }

  private launch(entry: string, inputs: GpuArray[], outputs: GpuArray[]): void {
    const { channels, inner: all } = this.params;
    const outer = this.params.count / (channels * all || 1);
    inParts({ outer, inner: all }, inputs, outputs, ({ outer, inner, ...arrays }) => {
      const count = outer * channels * inner;
      launch(shader, entry, {
        ...arrays,
        params: { ...this.params, count, inner },
        flags: { KEEP: outputs.length === 2, THREE_QUARTERS: this.params.beta === 0.75 },
        threads: elementThreads(count),
      });
    });
  }
}
