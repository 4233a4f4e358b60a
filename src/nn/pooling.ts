import type { Tensor } from '../tensor/tensor.js';
import * as functional from './functional.js';
import { Module } from './module.js';

/**
 * Maximum over each window of an NCHW input.
 *
 * @param kernelSize  Height and width of a window, a number or [height, width].
 * @param options     `stride` (default the kernel size), `padding`, `dilation`, `ceilMode`.
 *
 * Shape: (N, C, H, W) -> (N, C, outH, outW), where
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
}

/**
 * Mean over each window of an NCHW input.
 *
 * @param kernelSize  Height and width of a window, a number or [height, width].
 * @param options     `stride` (default the kernel size), `padding`, `ceilMode`, `countIncludePad`.
 *
 * Shape: (N, C, H, W) -> (N, C, outH, outW), where
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
}
