import { ArgumentError, DTypeError } from '../../errors.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { inputGradient, weightGradient } from '../kernels/convolutionGradients.js';
import { contiguous, type Activation, type Incoming } from '../kernels/convolutionLayout.js';
import { convolve } from '../kernels/convolve.js';
import { Op, type Gradients } from '../op.js';
import { convGeometry, type ConvGeometry, type ConvGeometryOptions } from '../kernels/geometry.js';

export interface Conv2dOptions extends ConvGeometryOptions {
  /** Applied to the result, in the same kernel. Default none. */
  activation?: Activation;
}

const ACTIVATIONS: readonly (string | undefined)[] = [undefined, 'relu', 'sigmoid', 'tanh'];

/**
 * 2-D cross-correlation of `x`, (N, C, H, W), with `weight`, (K, C / groups, kH, kW), plus `bias`,
 * (K), where there is one. With s, d and p for stride, dilation and padding:
 *
 *   y[n, k, i, j]     = b[k] + sum w[k, c, u, v] x[n, c, i s + u d - p, j s + v d - p]   over c, u, v
 *   dx[n, c, h, w]    = sum w[k, c, u, v] dy[n, k, i, j]   over k and (u, v, i, j) that meet (h, w)
 *   dw[k, c, u, v]    = sum dy[n, k, i, j] x[n, c, i s + u d - p, j s + v d - p]   over n, i, j
 *   db[k]             = sum dy[n, k, i, j]   over n, i, j
 *
 * and with an activation f, y = f(that) and dy is multiplied by f' first.
 * Taps that are idle multiply neighbours by zero: Inf or NaN in x can spread by up to 4 columns.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv2d.html
 */
export class Conv2d extends Op {
  readonly name = 'conv2d';
  private geometry!: ConvGeometry;
  private x: GpuArray | null = null; // kept for dw and db
  private weight: GpuArray | null = null; // kept for dx
  private y: GpuArray | null = null; // kept for the activation

  /**
   * @param options  `stride` and `dilation` (default 1), `padding` (default 0; numbers, or 'same',
   *   which keeps H and W and needs stride 1, or 'valid'), `groups` (default 1), `activation`.
   */
  constructor(readonly options: Conv2dOptions = {}) {
    super();
  }

  /** @throws ShapeError, DTypeError, ArgumentError */
  forward(x: GpuArray, weight: GpuArray, bias?: GpuArray): GpuArray {
    this.check({ input: x, weight, bias });
    this.geometry = convGeometry(this.name, x.shape, weight.shape, bias?.shape, this.options);
    const { geometry } = this;
    const { activation } = this.options;
    const { n, outChannels, h, w } = geometry;
    const y = GpuArray.empty([n, outChannels, h.output, w.output], 'f32', x.device);
    convolve({ array: x }, weight, y, geometry, contiguous(geometry), { bias, activation });
    if (this.needs[1] || this.needs[2]) this.x = this.save(x);
    if (this.needs[0]) this.weight = this.save(weight);
    if (activation) this.y = this.save(y);
    return y;
  }

  backward(dy: GpuArray): Gradients {
    const incoming: Incoming = {
      array: dy,
      activation: this.options.activation,
      activated: this.y ?? undefined,
    };
    const dx = this.weight && inputGradient(incoming, this.weight, this.geometry);
    if (!this.x) return [dx];
    const { weight, bias } = weightGradient(this.x, incoming, this.geometry);
    if (!this.needs[1]) weight.release();
    if (!this.needs[2]) bias.release();
    return [dx, this.needs[1] ? weight : null, this.needs[2] ? bias : null];
  }

  private check(arrays: Record<string, GpuArray | undefined>): void {
    for (const [name, array] of Object.entries(arrays)) {
      if (array && array.dtype !== 'f32') {
        throw new DTypeError(
          this.name,
          `${name} of f32`,
          array.dtype,
          "Convert it with to('f32').",
        );
      }
    }
    const { activation } = this.options;
    if (!ACTIVATIONS.includes(activation)) {
      throw new ArgumentError(this.name, "activation 'relu', 'sigmoid' or 'tanh'", activation);
    }
  }
}
