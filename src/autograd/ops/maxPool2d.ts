import source from '../../../shaders/maxPool2d.wgsl';
import pool2d from '../../../shaders/pool2d.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { DTypeError } from '../../errors.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import { isTwoByTwo, POOL_PARAMS, poolBackward, poolParams } from '../kernels/pool2d.js';
import { Op } from '../op.js';
import { poolGeometry, type Pair, type PoolGeometry } from '../kernels/geometry.js';

const shader = defineShader({
  name: 'maxPool2d',
  source,
  params: { ...POOL_PARAMS, dilationH: 'u32', dilationW: 'u32', lowest: 'f32' },
  flags: ['ARGMAX', 'TWO_BY_TWO'],
  includes: { pool2d, threads },
});

export interface MaxPool2dOptions {
  /** Height and width of a window. */
  kernelSize: Pair;
  /** Step between windows. Default the kernel size. */
  stride?: Pair;
  /** -Inf around the input, at most half a window. Default 0. */
  padding?: Pair;
  /** Step between the elements of a window. Default 1. */
  dilation?: Pair;
  /** Also takes windows that hang over the end. Default false. */
  ceilMode?: boolean;
}

/**
 * Maximum over each window of `x`, (N, C, H, W).
 *
 *   y[i, j]  = max x[h, w]   over (h, w) in window (i, j)
 *   dx[h, w] = sum dy[i, j]  over the windows whose maximum is at (h, w)
 *
 * A tie gives its gradient to the first maximum in row-major order, and NaN counts as above all
 * numbers, as in PyTorch.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.max_pool2d.html
 */
export class MaxPool2d extends Op {
  readonly name = 'maxPool2d';
  private geometry!: PoolGeometry; // this and the next are for backward
  private argmax!: GpuArray;

  constructor(readonly options: MaxPool2dOptions) {
    super();
  }

  /** @throws ShapeError, DTypeError, ArgumentError */
  forward(x: GpuArray): GpuArray {
    if (x.dtype !== 'f32') {
      throw new DTypeError(this.name, 'input of f32', x.dtype, "Convert it with to('f32').");
    }
    this.geometry = poolGeometry(this.name, x.shape, this.options);
    const { n, channels, h, w } = this.geometry;
    const shape = [n, channels, h.output, w.output];
    const y = GpuArray.empty(shape, 'f32', x.device);
    const { recording } = this;
    if (recording) this.argmax = this.own(GpuArray.empty(shape, 'u32', x.device));
    launch(shader, 'forward', {
      inputs: [x],
      outputs: recording ? [y, this.argmax] : [y],
      params: this.params(),
      flags: { ARGMAX: recording, TWO_BY_TWO: isTwoByTwo(this.geometry) },
      threads: y.numel,
    });
    return y;
  }

  backward(dy: GpuArray): GpuArray {
    const { n, channels, h, w } = this.geometry;
    const dx = GpuArray.empty([n, channels, h.input, w.input], 'f32', dy.device);
    const { entry, threads } = poolBackward(this.geometry);
    const inputs = [dy, this.argmax];
    launch(shader, entry, { inputs, outputs: [dx], params: this.params(), threads });
    return dx;
  }

  private params(): Record<keyof typeof shader.params, number> {
    const { h, w } = this.geometry;
    return {
      ...poolParams(this.geometry),
      dilationH: h.dilation,
      dilationW: w.dilation,
      lowest: -Infinity,
    };
  }
}
