import { checkProbability } from '../autograd/ops/dropout.js';
import type { Tensor } from '../tensor/tensor.js';
import * as functional from './functional.js';
import { Module } from './module.js';

/**
 * In training, sets each element to 0 with probability p and scales the rest by 1 / (1 - p); after
 * `eval()` it gives its input.
 *
 * @param p  From 0 to 1. Default 0.5.
 *
 * Shape: (...) -> the same.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Dropout.html
 */
export class Dropout extends Module {
  constructor(readonly p = 0.5) {
    super();
    checkProbability('Dropout', p);
  }

  forward(x: Tensor): Tensor {
    return functional.dropout(x, this.p, { training: this.training });
  }

  override extraRepr(): string {
    return `p ${this.p}`;
  }
}

/**
 * As Dropout, for whole channels: the pixels of one are too much alike to be dropped alone.
 *
 * @param p  From 0 to 1. Default 0.5.
 *
 * Shape: (N, C, H, W) or, unlike PyTorch's, (C, H, W) -> the same.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Dropout2d.html
 */
export class Dropout2d extends Module {
  constructor(readonly p = 0.5) {
    super();
    checkProbability('Dropout2d', p);
  }

  forward(x: Tensor): Tensor {
    return functional.dropout2d(x, this.p, { training: this.training });
  }

  override extraRepr(): string {
    return `p ${this.p}`;
  }
}
