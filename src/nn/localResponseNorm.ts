import type { Tensor } from '../tensor/tensor.js';
import * as functional from './functional.js';
import { Module } from './module.js';

/**
 * Local response normalisation across channels, as between the first layers of AlexNet.
 *
 * @param size     How many channels are summed over.
 * @param options  `alpha` (default 1e-4, divided by `size`), `beta` (0.75), `k` (1).
 *
 * Shape: (N, C, ...) -> (N, C, ...)
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LocalResponseNorm.html
 */
export class LocalResponseNorm extends Module {
  constructor(
    readonly size: number,
    private readonly options: Omit<functional.LocalResponseNormOptions, 'size'> = {},
  ) {
    super();
  }

  forward(x: Tensor): Tensor {
    return functional.localResponseNorm(x, this.size, this.options);
  }

  override extraRepr(): string {
    return `${this.size} channels`;
  }
}
