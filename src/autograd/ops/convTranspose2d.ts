import type { Shape } from '../../gpu/dtype.js';
import type { GpuArray } from '../../gpu/gpuArray.js';
import { checkSameFloat } from '../kernels/checks.js';
import { convolve, inputGradient, weightGradients } from '../kernels/convolution.js';
import { batched } from '../kernels/convolutionLayout.js';
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
    const { geometry, inShape, weight, x } = this;
    const batch = dy.share(batched(dy.shape));
    const dx = weight && reshaped(convolve({ x: { array: batch }, weight, geometry }), inShape);
    let dWeight: GpuArray | null = null;
    if (x) {
      // As C has it: its input is dy, and the gradient of its output x.
      dWeight = this.gradientFor(1, dy.device);
      weightGradients({ x: batch, dy: { array: x }, geometry, weight: dWeight });
    }
    let dBias: GpuArray | null = null;
    if (this.needs[2]) {
      dBias = this.gradientFor(2, dy.device);
      weightGradients({ dy: { array: batch }, geometry: transposed(geometry), bias: dBias });
    }
    batch.release();
    return [dx, dWeight, dBias];
  }
}

/** A convolution whose output has the shape of C's input: for the sum of dy. */
function transposed({ h, w, ...geometry }: ConvGeometry): ConvGeometry {
  const { inChannels, outChannels } = geometry;
  return {
    ...geometry,
    inChannels: outChannels,
    outChannels: inChannels,
    h: { ...h, output: h.input },
    w: { ...w, output: w.input },
  };
}
