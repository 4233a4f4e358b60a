import type { Shape } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { checkSameFloat } from '../kernels/checks.js';
import { biasGradient, inputGradient, weightGradient } from '../kernels/convolutionGradients.js';
import { batched, contiguous } from '../kernels/convolutionLayout.js';
import { convolve } from '../kernels/convolve.js';
import {
  convTransposeGeometry,
  type ConvGeometry,
  type ConvTransposeGeometryOptions,
} from '../kernels/geometry.js';
import { reshaped } from '../kernels/reshaped.js';
import { Op, type Gradients } from '../op.js';

export type ConvTranspose2dOptions = ConvTransposeGeometryOptions;

/**
 * Transposed 2-D convolution of `x`, (N, in, H, W) or (in, H, W), with `weight`,
 * (in, out / groups, kH, kW), plus `bias`, (out), where there is one: the input gradient of the
 * convolution C that goes the other way. With s, d and p for stride, dilation and padding:
 *
 *   y[n, k, i, j]    = b[k] + sum w[c, k, u, v] x[n, c, h, w]   over c and all (u, v, h, w) with
 *                      i = h s + u d - p and j = w s + v d - p
 *   dx               = C(dy, w)
 *   dw[c, k, u, v]   = sum x[n, c, h, w] dy[n, k, h s + u d - p, w s + v d - p]   over n, h, w
 *   db[k]            = sum dy[n, k, i, j]   over n, i, j
 *
 * Height of y: (H - 1) s - 2 p + d (kH - 1) + outputPadding + 1, and its width alike.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose2d.html
 */
export class ConvTranspose2d extends Op {
  readonly name = 'convTranspose2d';
  private geometry!: ConvGeometry; // of C
  private inShape!: Shape;
  private x: GpuArray | null = null; // (N, in, H, W), kept for dw
  private weight: GpuArray | null = null; // kept for dx

  /**
   * @param options  `stride` and `dilation` (default 1), `padding` and `outputPadding` (default 0),
   *   `groups` (default 1).
   */
  constructor(readonly options: ConvTranspose2dOptions = {}) {
    super();
  }

  /** @throws ShapeError, DTypeError, ArgumentError */
  forward(x: GpuArray, weight: GpuArray, bias?: GpuArray): GpuArray {
    for (const [name, array] of Object.entries({ input: x, weight, bias })) {
      if (array) checkSameFloat(this.name, name, array, x);
    }
    this.inShape = x.shape;
    const inShape = batched(x.shape);
    this.geometry = convTransposeGeometry(
      this.name,
      inShape,
      weight.shape,
      bias?.shape,
      this.options,
    );
    const batch = x.share(inShape);
    const y = inputGradient({ array: batch }, weight, this.geometry, bias);
    if (this.needs[1]) this.x = this.save(batch);
    if (this.needs[0]) this.weight = this.save(weight);
    batch.release();
    return x.shape.length === 3 ? reshaped(y, y.shape.slice(1)) : y;
  }

  backward(dy: GpuArray): Gradients {
    const batch = dy.share(batched(dy.shape));
    const dx = this.weight && reshaped(this.inputGradient(batch, this.weight), this.inShape);
    const dWeight = this.x && this.weightGradient(this.x, batch);
    const dBias = this.needs[2] ? biasGradient({ array: batch }, this.geometry.groups) : null;
    batch.release();
    return [dx, dWeight, dBias];
  }

  private inputGradient(dy: GpuArray, weight: GpuArray): GpuArray {
    const { geometry } = this;
    const { n, outChannels, h, w } = geometry;
    const dx = GpuArray.empty([n, outChannels, h.output, w.output], dy.dtype, dy.device);
    convolve({ array: dy }, weight, dx, geometry, contiguous(geometry));
    return dx;
  }

  private weightGradient(x: GpuArray, dy: GpuArray): GpuArray {
    const { weight, bias } = weightGradient(dy, { array: x }, this.geometry);
    bias.release(); // the sum of x
    return weight;
  }
}
