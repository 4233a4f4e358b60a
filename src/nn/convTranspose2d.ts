import { ArgumentError } from '../errors.js';
import { numelOf, type Shape } from '../gpu/dtype.js';
import type { ConvTranspose2dOptions } from '../autograd/ops/convTranspose2d.js';
import type { Tensor } from '../tensor/tensor.js';
import { both, checkGroups, filtersText } from './conv2d.js';
import { initWeightAndBias } from './defaultInit.js';
import * as functional from './functional.js';
import { Module } from './module.js';
import { Parameter } from './parameter.js';

export interface ConvTranspose2dLayerOptions extends ConvTranspose2dOptions {
  /** Whether it adds a learnt bias. Default true. */
  bias?: boolean;
}

/**
 * Transposed 2-D convolution of an NCHW input: what a Conv2d makes smaller, it makes larger.
 *
 * @param inChannels   Channels of the input.
 * @param outChannels  Channels of the result.
 * @param kernelSize   Height and width of a filter, a number or [height, width].
 * @param options      `stride` and `dilation` (default 1), `padding` (default 0), `outputPadding`
 *   (default 0: rows and columns more at the end), `groups` (default 1), `bias` (default true).
 *
 * Shape: (N, in, H, W) or (in, H, W) -> (N, out, outH, outW) or (out, outH, outW), where
 *   outH = (H - 1) * stride - 2 * padding + dilation * (kernelSize - 1) + outputPadding + 1, and
 *   outW alike.
 * Parameters: `weight` (in, out / groups, kH, kW) and `bias` (out), both from U(-b, b) with
 *   b = 1 / sqrt(out / groups * kH * kW), as in PyTorch's ConvTranspose2d.
 * @throws ArgumentError if `groups` does not divide both numbers of channels.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html
 *
 * @example
 * const up = new ConvTranspose2d(16, 8, 3, { stride: 2, padding: 1 });
 * up.forward(x); //           (1, 16, 6, 6) -> (1, 8, 11, 11)
 * up.forward(x, [12, 12]); // (1, 16, 6, 6) -> (1, 8, 12, 12)
 */
export class ConvTranspose2d extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | null;
  private readonly options: ConvTranspose2dOptions;

  constructor(
    readonly inChannels: number,
    readonly outChannels: number,
    readonly kernelSize: number | readonly [number, number],
    { bias = true, ...options }: ConvTranspose2dLayerOptions = {},
  ) {
    super();
    this.options = options;
    const { groups = 1 } = options;
    checkGroups('ConvTranspose2d', inChannels, outChannels, groups);
    this.weight = new Parameter([inChannels, outChannels / groups, ...both(kernelSize)]);
    this.bias = bias ? new Parameter([outChannels]) : null;
    initWeightAndBias(this.weight, this.bias);
  }

  forward(x: Tensor): Tensor; // what Module has, where the one below would not do
  /**
   * @param outputSize  [height, width] of the result, of those that the stride allows; in place of
   *   the option `outputPadding`.
   * @throws ArgumentError for a size out of reach
   */
  // eslint-disable-next-line @typescript-eslint/unified-signatures
  forward(x: Tensor, outputSize: readonly [height: number, width: number]): Tensor;
  forward(x: Tensor, outputSize?: readonly [number, number]): Tensor {
    const options = outputSize
      ? { ...this.options, outputPadding: this.outputPaddingFor(x, outputSize) }
      : this.options;
    return functional.convTranspose2d(x, this.weight, this.bias, options);
  }

  override extraRepr(): string {
    return filtersText(this.outChannels, this.kernelSize, this.options);
  }

  /** By its input, each element of which meets the filters: torchinfo takes stride^2 times as many. */
  override multiplyAdds(inputShape: Shape, outputShape: Shape): number {
    const products = (numelOf(inputShape) / this.inChannels) * this.weight.numel;
    return products + (this.bias ? numelOf(outputShape) : 0);
  }

  private outputPaddingFor(x: Tensor, outputSize: readonly [number, number]): [number, number] {
    const { stride = 1, padding = 0, dilation = 1 } = this.options;
    const [strides, paddings, dilations] = [stride, padding, dilation].map(both);
    return both(this.kernelSize).map((kernel, i) => {
      const least =
        (x.shape.at(i - 2)! - 1) * strides![i]! -
        2 * paddings![i]! +
        dilations![i]! * (kernel - 1) +
        1;
      const most = least + strides![i]! - 1;
      const size = outputSize[i]!;
      if (!(size >= least && size <= most)) {
        throw new ArgumentError(
          'ConvTranspose2d',
          `outputSize of ${least} to ${most} in ${i === 0 ? 'height' : 'width'}`,
          size,
        );
      }
      return size - least;
    }) as [number, number];
  }
}
