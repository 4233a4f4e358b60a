import type { Tensor } from '../tensor/tensor.js';
import * as functional from './functional.js';
import { Module } from './module.js';

/**
 * Softmax and cross-entropy in one, from logits.
 *
 * @param options  `reduction` 'mean' (default), 'sum' or 'none'; `labelSmoothing` (0);
 *                 `ignoreIndex` (-100); `weight`, (C,), how much each class counts (1 each).
 *
 * Shape: logits (C), (N, C) or (N, C, d1, ...); target class indices of i32 or u32, of that shape
 * without the C, or probabilities of the shape and dtype of the logits -> a scalar, or with
 * reduction 'none' the logits' shape without the C.
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

/**
 * Negative log likelihood, from logarithms of probabilities such as LogSoftmax gives.
 *
 * @param options  `reduction` 'mean' (default), 'sum' or 'none'; `ignoreIndex` (-100); `weight`,
 *                 (C,), how much each class counts (1 each).
 *
 * Shape: logProbs (C), (N, C) or (N, C, d1, ...); target class indices of i32 or u32, of that shape
 * without the C -> a scalar, or with reduction 'none' the shape of the target.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.NLLLoss.html
 */
export class NLLLoss extends Module {
  constructor(private readonly options: functional.NLLLossOptions = {}) {
    super();
  }

  forward(logProbs: Tensor, target: Tensor): Tensor {
    return functional.nllLoss(logProbs, target, this.options);
  }
}

/**
 * Squared difference of input and target.
 *
 * @param options  `reduction` 'mean' (default), 'sum' or 'none'.
 *
 * Shape: input and target alike (...) -> a scalar, or (...) with reduction 'none'.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MSELoss.html
 */
export class MSELoss extends Module {
  constructor(private readonly options: functional.LossOptions = {}) {
    super();
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return functional.mseLoss(input, target, this.options);
  }
}

/**
 * Absolute difference of input and target; options and shapes as for MSELoss.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.L1Loss.html
 */
export class L1Loss extends Module {
  constructor(private readonly options: functional.LossOptions = {}) {
    super();
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return functional.l1Loss(input, target, this.options);
  }
}

/**
 * d^2 / (2 beta) where |d| < beta, else |d| - beta / 2; d = input - target.
 *
 * @param options  `beta` (1), and as for MSELoss, whose shapes it has.
 *
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.SmoothL1Loss.html
 */
export class SmoothL1Loss extends Module {
  constructor(private readonly options: functional.SmoothL1LossOptions = {}) {
    super();
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return functional.smoothL1Loss(input, target, this.options);
  }
}

/**
 * d^2 / 2 where |d| < delta, else delta (|d| - delta / 2); d = input - target.
 *
 * @param options  `delta` (1), and as for MSELoss, whose shapes it has.
 *
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.HuberLoss.html
 */
export class HuberLoss extends Module {
  constructor(private readonly options: functional.HuberLossOptions = {}) {
    super();
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return functional.huberLoss(input, target, this.options);
  }
}

/**
 * Sigmoid and binary cross-entropy in one, from logits, with targets from 0 to 1.
 *
 * @param options  `reduction` 'mean' (default), 'sum' or 'none'; `weight`, of each element, and
 *                 `posWeight`, of targets of 1 (1 each), both of which broadcast to the logits.
 *
 * Shape: logits and target alike (...) -> a scalar, or (...) with reduction 'none'.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html
 */
export class BCEWithLogitsLoss extends Module {
  constructor(private readonly options: functional.BCEWithLogitsLossOptions = {}) {
    super();
  }

  forward(logits: Tensor, target: Tensor): Tensor {
    return functional.binaryCrossEntropyWithLogits(logits, target, this.options);
  }
}
