import type { Tensor } from '../tensor/tensor.js';
import * as functional from './functional.js';
import { Module } from './module.js';
import { settingsText, sizeText } from './settings.js';

/** The settings of a pool in words. */
function windowText(
  kernelSize: number | readonly [number, number],
  { stride = kernelSize, ...options }: Partial<functional.MaxPool2dOptions>,
): string {
  const defaults = { padding: 0, dilation: 1, ceilMode: false, countIncludePad: true };
  return settingsText(sizeText(kernelSize), { stride, ...options }, defaults);
}

/**
 * Maximum over each window of an NCHW input; `functional.maxPool2dWithIndices` gives the indices too.
 *
 * @param kernelSize  Height and width of a window, a number or [height, width].
 * @param options     `stride` (default the kernel size), `padding` (number, pair or 'same'),
 *   `dilation`, `ceilMode`.
 *
 * Shape: (N, C, H, W) or (C, H, W) -> (..., C, outH, outW), where
 *   outH = floor((H + 2 * padding - dilation * (kernelSize - 1) - 1) / stride) + 1, and outW alike.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html
 */
export class MaxPool2d extends Module {
  constructor(
    readonly kernelSize: functional.MaxPool2dOptions['kernelSize'],
    private readonly options: Omit<functional.MaxPool2dOptions, 'kernelSize'> = {},
  ) {
    super();
  }

  forward(x: Tensor): Tensor {
    return functional.maxPool2d(x, this.kernelSize, this.options);
  }

  override extraRepr(): string {
    return windowText(this.kernelSize, this.options);
  }
}

/**
 * Mean over each window of an NCHW input.
 *
 * @param kernelSize  Height and width of a window, a number or [height, width].
 * @param options     `stride` (default the kernel size), `padding` (number, pair or 'same'),
 *   `ceilMode`, `countIncludePad`, `divisorOverride`.
 *
 * Shape: (N, C, H, W) or (C, H, W) -> (..., C, outH, outW), where
 *   outH = floor((H + 2 * padding - kernelSize) / stride) + 1, and outW alike.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html
 */
export class AvgPool2d extends Module {
  constructor(
    readonly kernelSize: functional.AvgPool2dOptions['kernelSize'],
    private readonly options: Omit<functional.AvgPool2dOptions, 'kernelSize'> = {},
  ) {
    super();
  }

  forward(x: Tensor): Tensor {
    return functional.avgPool2d(x, this.kernelSize, this.options);
  }

  override extraRepr(): string {
    return windowText(this.kernelSize, this.options);
  }
}

/**
 * Mean over as many windows as the output has elements: they share the input evenly, and overlap
 * where they must. With 1 the mean of each channel.
 *
 * @param outputSize  Height and width of the output, a number or [height, width]; null keeps one.
 *
 * Shape: (N, C, H, W) or (C, H, W) -> (..., C, outH, outW).
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html
 */
export class AdaptiveAvgPool2d extends Module {
  constructor(readonly outputSize: functional.OutputSize) {
    super();
  }

  forward(x: Tensor): Tensor {
    return functional.adaptiveAvgPool2d(x, this.outputSize);
  }

  override extraRepr(): string {
    return `to ${sizeText(this.outputSize)}`;
  }
}

/**
 * Maximum over as many windows as the output has elements, as of {@link AdaptiveAvgPool2d};
 * `functional.adaptiveMaxPool2dWithIndices` gives the indices too.
 *
 * @param outputSize  Height and width of the output, a number or [height, width]; null keeps one.
 *
 * Shape: (N, C, H, W) or (C, H, W) -> (..., C, outH, outW).
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool2d.html
 */
export class AdaptiveMaxPool2d extends Module {
  constructor(readonly outputSize: functional.OutputSize) {
    super();
  }

  forward(x: Tensor): Tensor {
    return functional.adaptiveMaxPool2d(x, this.outputSize);
  }

  override extraRepr(): string {
    return `to ${sizeText(this.outputSize)}`;
  }
}
