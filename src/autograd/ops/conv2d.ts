import { ArgumentError } from '../../errors.js';
import type { Shape } from '../../gpu/dtype.js';
import type { GpuArray } from '../../gpu/gpuArray.js';
import { ACTIVATIONS, type Activation, type Incoming } from '../kernels/activation.js';
import { checkSameFloat } from '../kernels/checks.js';
import {
  convolutionGradients,
  convolve,
  inputGradient,
  weightGradients,
} from '../kernels/convolution.js';
import type { WeightGradient } from '../kernels/directGradients.js';
import { batched } from '../kernels/convolutionLayout.js';
import {
  checkPaddingMode,
  convGeometry,
  type ConvGeometry,
  type ConvGeometryOptions,
} from '../kernels/geometry.js';
import { reshaped } from '../kernels/reshaped.js';
import { Op, type Gradients } from '../op.js';

export interface Conv2dOptions extends ConvGeometryOptions {
  /** What lies around the input. Default and only value 'zeros'. */
  paddingMode?: 'zeros';
  /** Applied to the result, in the same kernel. Default none. */
  activation?: Activation;
}

/**
 * 2-D cross-correlation of `x`, (N, C, H, W) or (C, H, W), with `weight`, (K, C / groups, kH, kW),
 * plus `bias`, (K), where there is one. With s, d and p for stride, dilation and padding:
 *
 *   y[n, k, i, j]     = b[k] + sum w[k, c, u, v] x[n, c, i s + u d - p, j s + v d - p]   over c, u, v
 *   dx[n, c, h, w]    = sum w[k, c, u, v] dy[n, k, i, j]   over k and (u, v, i, j) that meet (h, w)
 *   dw[k, c, u, v]    = sum dy[n, k, i, j] x[n, c, i s + u d - p, j s + v d - p]   over n, i, j
 *   db[k]             = sum dy[n, k, i, j]   over n, i, j
 *
 * and with an activation f, y = f(that) and dy is multiplied by f' first.
 * Inf and NaN in x reach the windows that they are in, and no others, or by the kernels of minimal
 * filtering (3x3 and 5x5 with stride 1) all results of the tiles of up to 4x4 that these windows are in,
 * as NaN; in dx they spread alike, and in dw they may reach any tap of their channel. Arrays of f16 are
 * summed in f32.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv2d.html
 */
export class Conv2d extends Op {
  readonly name = 'conv2d';
  private geometry!: ConvGeometry;
  private inShape!: Shape;
  private x: GpuArray | null = null; // (N, C, H, W), kept for dw
  private weight: GpuArray | null = null; // kept for dx
  private y: GpuArray | null = null; // (N, K, outH, outW), kept for the activation

  /**
   * @param options  `stride` and `dilation` (default 1), `padding` (default 0; numbers, or 'same',
   *   which keeps H and W and needs stride 1, or 'valid'), `groups` (default 1), `activation`.
   */
  constructor(readonly options: Conv2dOptions = {}) {
    super();
  }

  /** @throws ShapeError, DTypeError, ArgumentError */
  forward(x: GpuArray, weight: GpuArray, bias?: GpuArray): GpuArray {
    this.check({ input: x, weight, bias }, x);
    this.inShape = x.shape;
    const inShape = batched(x.shape);
    this.geometry = convGeometry(this.name, inShape, weight.shape, bias?.shape, this.options);
    const { geometry } = this;
    const { activation } = this.options;
    const batch = x.share(inShape);
    const y = convolve({ x: { array: batch }, weight, bias, activation, geometry });
    if (this.needs[1]) this.x = this.save(batch);
    if (this.needs[0]) this.weight = this.save(weight);
    if (activation) this.y = this.save(y);
    batch.release();
    return x.shape.length === 3 ? reshaped(y, y.shape.slice(1)) : y;
  }

  backward(dy: GpuArray): Gradients {
    const { geometry, inShape, weight, x } = this;
    const incoming: Incoming = {
      array: dy.share(batched(dy.shape)),
      activation: this.options.activation,
      activated: this.y ?? undefined,
    };
    const job: WeightGradient = {
      x: x ?? undefined,
      dy: incoming,
      geometry,
      weight: x ? this.gradientFor(1, dy.device) : undefined,
      bias: this.needs[2] ? this.gradientFor(2, dy.device) : undefined,
    };
    const wantsSums = job.weight ?? job.bias;
    let dx: GpuArray | null = null;
    if (wantsSums && weight) dx = convolutionGradients(job, weight);
    else if (wantsSums) weightGradients(job);
    else if (weight) dx = inputGradient(incoming, weight, geometry);
    incoming.array.release();
    return [dx && reshaped(dx, inShape), job.weight ?? null, job.bias ?? null];
  }

  private check(arrays: Record<string, GpuArray | undefined>, x: GpuArray): void {
    for (const [name, array] of Object.entries(arrays)) {
      if (array) checkSameFloat(this.name, name, array, x);
    }
    const { activation, paddingMode } = this.options;
    if (!ACTIVATIONS.includes(activation)) {
      throw new ArgumentError(this.name, "activation 'relu', 'sigmoid' or 'tanh'", activation);
    }
    checkPaddingMode(this.name, paddingMode);
  }
}
