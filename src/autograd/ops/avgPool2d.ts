import { ArgumentError } from '../../errors.js';
import type { Shape } from '../../gpu/dtype.js';
import type { GpuArray } from '../../gpu/gpuArray.js';
import { checkFloat } from '../kernels/checks.js';
import type { Pair } from '../kernels/geometry.js';
import {
  adaptiveGeometry,
  meanBackward,
  meanForward,
  poolGeometry,
  type Counting,
  type OutputSize,
  type PoolGeometry,
} from '../kernels/pool2d.js';
import { Op } from '../op.js';

export interface AvgPool2dOptions {
  /** Height and width of a window. */
  kernelSize: Pair;
  /** Step between windows. Default the kernel size. */
  stride?: Pair;
  /**
   * Zeros around the input, at most half a window; 'same' for as much as ceil(H / stride) windows
   * need, as in Keras: where that is odd, one more at the end. Default 0.
   */
  padding?: Pair | 'same';
  /** Also takes windows that hang over the end; what lies past the padding never counts. Default false. */
  ceilMode?: boolean;
  /** Whether padding counts in the mean. Default true, but false with padding 'same', as in Keras. */
  countIncludePad?: boolean;
  /** What each sum is divided by, not 0, instead of how many elements count. */
  divisorOverride?: number;
}

/**
 * What the average pools share, on `x` (N, C, H, W) or (C, H, W). With m[i, j] for how many elements
 * of window (i, j) count:
 *
 *   y[i, j]  = sum x[h, w] / m[i, j]   over (h, w) in window (i, j)
 *   dx[h, w] = sum dy[i, j] / m[i, j]  over the windows that (h, w) is in
 */
abstract class AvgPooling extends Op {
  private geometry!: PoolGeometry; // for backward

  constructor(private readonly counting: Counting) {
    super();
  }

  protected abstract geometryOf(x: Shape): PoolGeometry;

  /** @throws ShapeError, DTypeError, ArgumentError */
  forward(x: GpuArray): GpuArray {
    checkFloat(this.name, 'input', x);
    this.geometry = this.geometryOf(x.shape);
    return meanForward(x, this.geometry, this.counting);
  }

  backward(dy: GpuArray): GpuArray {
    return meanBackward(dy, this.geometry, this.counting);
  }
}

/**
 * Mean over windows of one size.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool2d.html
 */
export class AvgPool2d extends AvgPooling {
  readonly name = 'avgPool2d';

  constructor(readonly options: AvgPool2dOptions) {
    const { padding, countIncludePad = padding !== 'same', divisorOverride } = options;
    super({ countPadding: countIncludePad, divisor: divisorOverride });
  }

  protected geometryOf(x: Shape): PoolGeometry {
    const { divisorOverride = 1 } = this.options;
    if (divisorOverride === 0 || !Number.isInteger(divisorOverride))
      throw new ArgumentError(this.name, 'divisorOverride as an integer but 0', divisorOverride);
    return poolGeometry(this.name, x, this.options);
  }
}

/**
 * Mean over as many windows as the output has elements; window (i, j) has the rows
 * floor(i H / outH) .. ceil((i + 1) H / outH) - 1, and the columns alike.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_avg_pool2d.html
 */
export class AdaptiveAvgPool2d extends AvgPooling {
  readonly name = 'adaptiveAvgPool2d';

  constructor(readonly outputSize: OutputSize) {
    super({ countPadding: false });
  }

  protected geometryOf(x: Shape): PoolGeometry {
    return adaptiveGeometry(this.name, x, this.outputSize);
  }
}
