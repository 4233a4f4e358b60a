import type { Activation } from '../autograd/kernels/activation.js';
import { checkPaddingMode } from '../autograd/kernels/geometry.js';
import { ArgumentError } from '../errors.js';
import { numelOf, type Shape } from '../gpu/dtype.js';
import type { Tensor } from '../tensor/tensor.js';
import { initWeightAndBias } from './defaultInit.js';
import * as functional from './functional.js';
import { Module } from './module.js';
import { Parameter } from './parameter.js';
import { settingsText, sizeText } from './settings.js';

export interface Conv2dLayerOptions {
  /** Step between windows, a number or [height, width]. Default 1. */
  stride?: number | readonly [number, number];
  /** Zeros around the input, a number or [height, width]; or 'same', 'valid'. Default 0. */
  padding?: number | readonly [number, number] | 'same' | 'valid';
  /** Step between the taps of a filter, a number or [height, width]. Default 1. */
  dilation?: number | readonly [number, number];
  /** Into how many independent groups the channels are split. Default 1. */
  groups?: number;
  /** What lies around the input. Default and only value 'zeros'. */
  paddingMode?: 'zeros';
  /** Whether it adds a learnt bias. Default true. */
  bias?: boolean;
}

/** [height, width] of a size given as one number or as both. */
export function both(
  size: number | readonly [number, number],
): readonly [height: number, width: number] {
  return typeof size === 'number' ? [size, size] : size;
}

/** The settings of a convolution in words. */
export function filtersText(
  outChannels: number,
  kernelSize: number | readonly [number, number],
  options: object,
): string {
  const defaults = { stride: 1, padding: 0, dilation: 1, groups: 1, outputPadding: 0 };
  const { paddingMode: _, ...told } = options as { paddingMode?: string };
  return settingsText(`${outChannels} filters ${sizeText(kernelSize)}`, told, defaults);
}

/** @throws ArgumentError in the name of the layer unless they divide both numbers of channels. */
export function checkGroups(
  layer: string,
  inChannels: number,
  outChannels: number,
  groups: number,
): void {
  if (inChannels % groups !== 0 || outChannels % groups !== 0) {
    throw new ArgumentError(
      layer,
      `inChannels and outChannels that ${groups} groups divide`,
      `${inChannels} and ${outChannels}`,
    );
  }
}

/**
 * 2-D convolution (cross-correlation) of an NCHW input.
 *
 * @param inChannels   C, the channels of the input.
 * @param outChannels  K, the number of filters.
 * @param kernelSize   Height and width of a filter, a number or [height, width].
 *
 * Shape: (N, C, H, W) or (C, H, W) -> (N, K, outH, outW) or (K, outH, outW), where
 *   outH = floor((H + 2 * padding - dilation * (kernelSize - 1) - 1) / stride) + 1, and outW alike.
 * Parameters: `weight` (K, C / groups, kH, kW) and `bias` (K), both from U(-b, b) with
 *   b = 1 / sqrt(C / groups * kH * kW), as in PyTorch's Conv2d.
 * @throws ArgumentError if `groups` does not divide both numbers of channels.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
 *
 * @example
 * const conv = new Conv2d(3, 64, 11, { stride: 4, padding: 2 });
 * conv.forward(x); // (8, 3, 224, 224) -> (8, 64, 55, 55)
 */
export class Conv2d extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | null;
  private readonly options: Omit<Conv2dLayerOptions, 'bias'>;

  constructor(
    readonly inChannels: number,
    readonly outChannels: number,
    readonly kernelSize: number | readonly [number, number],
    { bias = true, ...options }: Conv2dLayerOptions = {},
  ) {
    super();
    this.options = options;
    const { groups = 1, paddingMode } = options;
    checkGroups('Conv2d', inChannels, outChannels, groups);
    checkPaddingMode('Conv2d', paddingMode);
    this.weight = new Parameter([outChannels, inChannels / groups, ...both(kernelSize)]);
    this.bias = bias ? new Parameter([outChannels]) : null;
    initWeightAndBias(this.weight, this.bias);
  }

  forward(x: Tensor): Tensor {
    return functional.conv2d(x, this.weight, this.bias, this.options);
  }

  override extraRepr(): string {
    return filtersText(this.outChannels, this.kernelSize, this.options);
  }

  override multiplyAdds(_: Shape, outputShape: Shape): number {
    return (numelOf(outputShape) / this.outChannels) * this.parameterCount();
  }

  /** The activation of `forward(x)`, computed by the same kernel. */
  forwardActivated(x: Tensor, activation: Activation): Tensor {
    return functional.conv2d(x, this.weight, this.bias, { ...this.options, activation });
  }
}
