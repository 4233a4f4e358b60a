import type { Tensor } from '../tensor/tensor.js';
import { Module } from './module.js';

/**
 * Joins dimensions `startDim` to `endDim` into one.
 *
 * Shape: (N, C, H, W) -> (N, C * H * W) with the defaults 1 and -1.
 */
export class Flatten extends Module {
  constructor(
    readonly startDim = 1,
    readonly endDim = -1,
  ) {
    super();
  }

  forward(x: Tensor): Tensor {
    return x.flatten(this.startDim, this.endDim);
  }
}
