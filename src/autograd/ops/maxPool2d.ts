import type { Shape } from '../../gpu/dtype.js';
import type { GpuArray } from '../../gpu/gpuArray.js';
import { checkFloat } from '../kernels/checks.js';
import type { Pair } from '../kernels/geometry.js';
import {
  adaptiveGeometry,
  maxBackward,
  maxForward,
  poolGeometry,
  type OutputSize,
  type PoolGeometry,
} from '../kernels/pool2d.js';
import { Op } from '../op.js';

export interface MaxPool2dOptions {
  /** Height and width of a window. */
  kernelSize: Pair;
  /** Step between windows. Default the kernel size. */
  stride?: Pair;
  /**
   * -Inf around the input, at most half a window; 'same' for as much as ceil(H / stride) windows
   * need, as in Keras: where that is odd, one more at the end. Default 0.
   */
  padding?: Pair | 'same';
  /** Step between the elements of a window. Default 1. */
  dilation?: Pair;
  /** Also takes windows that hang over the end. Default false. */
  ceilMode?: boolean;
}

/**
 * What the maximum pools share, on `x` (N, C, H, W) or (C, H, W):
 *
 *   y[i, j]  = max x[h, w]   over (h, w) in window (i, j)
 *   dx[h, w] = sum dy[i, j]  over the windows whose maximum is at (h, w)
 *
 * A tie gives its gradient to the first maximum in row-major order, and NaN counts as above all
 * numbers, the last NaN most, as in PyTorch.
 */
abstract class MaxPooling extends Op {
  /**
   * Made by `forward` if asked for, and the caller's then: where each maximum is, h * W + w within
   * its plane, as i32 of the shape of y; -1 for a window that dilation leaves without an element.
   */
  indices: GpuArray | null = null;
  private geometry!: PoolGeometry; // this and the next are for backward
  private argmax!: GpuArray;

  constructor(private readonly returnIndices: boolean) {
    super();
  }

  protected abstract geometryOf(x: Shape): PoolGeometry;

  /** @throws ShapeError, DTypeError, ArgumentError */
  forward(x: GpuArray): GpuArray {
    checkFloat(this.name, 'input', x);
    this.geometry = this.geometryOf(x.shape);
    const { recording, returnIndices } = this;
    const { y, indices } = maxForward(x, this.geometry, recording || returnIndices);
    if (recording) this.argmax = this.own(indices!);
    if (returnIndices) this.indices = recording ? indices!.share() : indices;
    return y;
  }

  backward(dy: GpuArray): GpuArray {
    return maxBackward(dy, this.argmax, this.geometry);
  }
}

/**
 * Maximum over windows of one size.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.max_pool2d.html
 */
export class MaxPool2d extends MaxPooling {
  readonly name = 'maxPool2d';

  constructor(
    readonly options: MaxPool2dOptions,
    returnIndices = false,
  ) {
    super(returnIndices);
  }

  protected geometryOf(x: Shape): PoolGeometry {
    return poolGeometry(this.name, x, this.options);
  }
}

/**
 * Maximum over as many windows as the output has elements; window (i, j) has the rows
 * floor(i H / outH) .. ceil((i + 1) H / outH) - 1, and the columns alike.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_max_pool2d.html
 */
export class AdaptiveMaxPool2d extends MaxPooling {
  readonly name = 'adaptiveMaxPool2d';

  constructor(
    readonly outputSize: OutputSize,
    returnIndices = false,
  ) {
    super(returnIndices);
  }

  protected geometryOf(x: Shape): PoolGeometry {
    return adaptiveGeometry(this.name, x, this.outputSize);
  }
}
