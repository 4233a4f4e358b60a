import source from '../../../shaders/avgPool2d.wgsl';
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
  name: 'avgPool2d',
  source,
  params: POOL_PARAMS,
  flags: ['COUNT_PADDING', 'TWO_BY_TWO'],
  includes: { pool2d, threads },
});

export interface AvgPool2dOptions {
  /** Height and width of a window. */
  kernelSize: Pair;
  /** Step between windows. Default the kernel size. */
  stride?: Pair;
  /** Zeros around the input, at most half a window. Default 0. */
  padding?: Pair;
  /** Also takes windows that hang over the end; what lies past the padding never counts. Default false. */
  ceilMode?: boolean;
  /** Whether padding counts in the mean. Default true. */
  countIncludePad?: boolean;
}

/**
 * Mean over each window of `x`, (N, C, H, W). With m[i, j] for how many elements of window (i, j)
 * count:
 *
 *   y[i, j]  = sum x[h, w] / m[i, j]   over (h, w) in window (i, j)
 *   dx[h, w] = sum dy[i, j] / m[i, j]  over the windows that (h, w) is in
 *
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool2d.html
 */
export class AvgPool2d extends Op {
  readonly name = 'avgPool2d';
  private geometry!: PoolGeometry; // for backward

  constructor(readonly options: AvgPool2dOptions) {
    super();
  }

  /** @throws ShapeError, DTypeError, ArgumentError */
  forward(x: GpuArray): GpuArray {
    if (x.dtype !== 'f32') {
      throw new DTypeError(this.name, 'input of f32', x.dtype, "Convert it with to('f32').");
    }
    this.geometry = poolGeometry(this.name, x.shape, this.options);
    const { n, channels, h, w } = this.geometry;
    const y = GpuArray.empty([n, channels, h.output, w.output], 'f32', x.device);
    this.launch('forward', x, y, y.numel);
    return y;
  }

  backward(dy: GpuArray): GpuArray {
    const { n, channels, h, w } = this.geometry;
    const dx = GpuArray.empty([n, channels, h.input, w.input], 'f32', dy.device);
    const { entry, threads } = poolBackward(this.geometry);
    this.launch(entry, dy, dx, threads);
    return dx;
  }

  private launch(entry: string, from: GpuArray, to: GpuArray, threads: number): void {
    launch(shader, entry, {
      inputs: [from],
      outputs: [to],
      params: poolParams(this.geometry),
      flags: {
        COUNT_PADDING: this.options.countIncludePad ?? true,
        TWO_BY_TWO: entry === 'forward' && isTwoByTwo(this.geometry),
      },
      threads,
    });
  }
}
