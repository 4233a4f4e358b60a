import type { Tensor } from '../tensor/tensor.js';
import * as functional from './functional.js';
import { Module } from './module.js';

/**
 * Softmax and cross-entropy in one, from logits.
 *
 * @param options  `reduction` 'mean' (default), 'sum' or 'none'; `labelSmoothing` (0);
 *                 `ignoreIndex` (-100); `weight`, (C,), how much each class counts (1 each).
 *
 * Shape: logits (N, C); target (N) class indices of i32 or u32, or (N, C) probabilities of f32
 * -> a scalar, or (N) with reduction 'none'.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html
 */
export class CrossEntropyLoss extends Module {
  constructor(private readonly options: functional.CrossEntropyOptions = {}) {
    super();
  }

  forward(logits: Tensor, target: Tensor): Tensor {
    return functional.crossEntropy(logits, target, this.options);
  }
}
