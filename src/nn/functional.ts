import type { OutputSize } from '../autograd/kernels/pool2d.js';
import {
  AdaptiveAvgPool2d as AdaptiveAvgPool2dOp,
  AvgPool2d as AvgPool2dOp,
  type AvgPool2dOptions,
} from '../autograd/ops/avgPool2d.js';
import {
  BatchNorm as BatchNormOp,
  type BatchNormOptions as BatchNormOpOptions,
} from '../autograd/ops/batchNorm.js';
import { Conv2d as Conv2dOp, type Conv2dOptions } from '../autograd/ops/conv2d.js';
import {
  ConvTranspose2d as ConvTranspose2dOp,
  type ConvTranspose2dOptions,
} from '../autograd/ops/convTranspose2d.js';
import {
  CrossEntropy,
  type CrossEntropyOptions as CrossEntropyOpOptions,
  type Reduction,
} from '../autograd/ops/crossEntropy.js';
import { LayerNorm as LayerNormOp } from '../autograd/ops/layerNorm.js';
import { checkProbability, Dropout } from '../autograd/ops/dropout.js';
import {
  ElementLoss,
  type ElementLossName,
  type ElementLossOptions,
} from '../autograd/ops/elementLoss.js';
import { Linear as LinearOp, type LinearOptions } from '../autograd/ops/linear.js';
import {
  LocalResponseNorm as LocalResponseNormOp,
  type LocalResponseNormOptions,
} from '../autograd/ops/localResponseNorm.js';
import {
  AdaptiveMaxPool2d as AdaptiveMaxPool2dOp,
  MaxPool2d as MaxPool2dOp,
  type MaxPool2dOptions,
} from '../autograd/ops/maxPool2d.js';
import { NLLLoss, type NLLLossOptions as NLLLossOpOptions } from '../autograd/ops/nllLoss.js';
import { PReLU } from '../autograd/ops/prelu.js';
import { OneHot } from '../autograd/ops/oneHot.js';
import { padOp, type PadMode } from '../autograd/ops/pad.js';
import { ArgumentError } from '../errors.js';
import type { Shape } from '../gpu/dtype.js';
import { apply, sideResult, type GeluOptions, type Tensor } from '../tensor/tensor.js';

/**
 * The layers as plain functions of tensors, under PyTorch's names in camelCase.
 * Source: https://docs.pytorch.org/docs/stable/nn.functional.html
 */

export type {
  AvgPool2dOptions,
  Conv2dOptions,
  LinearOptions,
  LocalResponseNormOptions,
  MaxPool2dOptions,
  OutputSize,
};

export interface BatchNormOptions extends BatchNormOpOptions {
  /** A scalar of i32, which training counts up; what momentum null averages by. */
  numBatchesTracked?: Tensor | null;
}

export interface CrossEntropyOptions extends CrossEntropyOpOptions {
  /** (C,): how much each class counts. Default 1 each. */
  weight?: Tensor;
}

export interface NLLLossOptions extends NLLLossOpOptions {
  /** (C,): how much each class counts. Default 1 each. */
  weight?: Tensor;
}

export interface LossOptions {
  /** 'mean' (default) over all elements, 'sum' of them, or 'none', which gives each. */
  reduction?: Reduction;
}

export interface SmoothL1LossOptions extends LossOptions {
  /** Difference from which the loss grows linearly, 0 or more. Default 1. */
  beta?: number;
}

export interface HuberLossOptions extends LossOptions {
  /** Difference from which the loss grows linearly, above 0. Default 1. */
  delta?: number;
}

export interface BCEWithLogitsLossOptions extends LossOptions {
  /** How much each element counts; broadcasts to the shape of the logits. Default 1. */
  weight?: Tensor;
  /** How much targets of 1 count, such as (C,) for logits (N, C); broadcasts. Default 1. */
  posWeight?: Tensor;
}

/**
 * 2-D convolution (cross-correlation).
 *
 * Shape: x (N, C, H, W), weight (K, C / groups, kH, kW), bias (K) -> (N, K, outH, outW);
 * x (C, H, W) -> (K, outH, outW).
 *
 * Inf and NaN reach the results whose windows they are in; for filters of 3x3 and 5x5 with stride 1, on
 * adapters where minimal filtering is faster, also their neighbours in the same tile of up to 4x4.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv2d.html
 */
export function conv2d(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  options: Conv2dOptions = {},
): Tensor {
  const inputs = bias ? [x, weight, bias] : [x, weight];
  return apply(new Conv2dOp(options), ...inputs);
}

/**
 * Transposed 2-D convolution.
 *
 * Shape: x (N, in, H, W), weight (in, out / groups, kH, kW), bias (out) -> (N, out, outH, outW),
 * where outH = (H - 1) * stride - 2 * padding + dilation * (kH - 1) + outputPadding + 1, and outW
 * alike; x (in, H, W) -> (out, outH, outW).
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose2d.html
 */
export function convTranspose2d(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  options: ConvTranspose2dOptions = {},
): Tensor {
  const inputs = bias ? [x, weight, bias] : [x, weight];
  return apply(new ConvTranspose2dOp(options), ...inputs);
}

/** Maximum over each window. Shape: (N, C, H, W) or (C, H, W) -> (..., C, outH, outW). */
export function maxPool2d(
  x: Tensor,
  kernelSize: MaxPool2dOptions['kernelSize'],
  options: Omit<MaxPool2dOptions, 'kernelSize'> = {},
): Tensor {
  return apply(new MaxPool2dOp({ ...options, kernelSize }), x);
}

/**
 * `maxPool2d` and where each maximum is: h * W + w within its plane, as i32; -1 for a window that
 * dilation leaves without an element. PyTorch's `return_indices=True`.
 *
 * Shape: (N, C, H, W) or (C, H, W) -> twice (..., C, outH, outW).
 */
export function maxPool2dWithIndices(
  x: Tensor,
  kernelSize: MaxPool2dOptions['kernelSize'],
  options: Omit<MaxPool2dOptions, 'kernelSize'> = {},
): [values: Tensor, indices: Tensor] {
  const op = new MaxPool2dOp({ ...options, kernelSize }, true);
  const values = apply(op, x);
  return [values, sideResult(values, op.indices!)];
}

/**
 * Maximum over as many windows as `outputSize` says, which share the input evenly and overlap where
 * they must; null keeps a size. Shape: (N, C, H, W) or (C, H, W) -> (..., C, outH, outW).
 */
export function adaptiveMaxPool2d(x: Tensor, outputSize: OutputSize): Tensor {
  return apply(new AdaptiveMaxPool2dOp(outputSize), x);
}

/** `adaptiveMaxPool2d` and where each maximum is: h * W + w within its plane, as i32. */
export function adaptiveMaxPool2dWithIndices(
  x: Tensor,
  outputSize: OutputSize,
): [values: Tensor, indices: Tensor] {
  const op = new AdaptiveMaxPool2dOp(outputSize, true);
  const values = apply(op, x);
  return [values, sideResult(values, op.indices!)];
}

/** Mean over each window. Shape: (N, C, H, W) or (C, H, W) -> (..., C, outH, outW). */
export function avgPool2d(
  x: Tensor,
  kernelSize: AvgPool2dOptions['kernelSize'],
  options: Omit<AvgPool2dOptions, 'kernelSize'> = {},
): Tensor {
  return apply(new AvgPool2dOp({ ...options, kernelSize }), x);
}

/**
 * Mean over as many windows as `outputSize` says, which share the input evenly and overlap where
 * they must; null keeps a size. Shape: (N, C, H, W) or (C, H, W) -> (..., C, outH, outW).
 */
export function adaptiveAvgPool2d(x: Tensor, outputSize: OutputSize): Tensor {
  return apply(new AdaptiveAvgPool2dOp(outputSize), x);
}

/** Local response normalisation across `size` channels. Shape: (N, C, ...) -> (N, C, ...). */
export function localResponseNorm(
  x: Tensor,
  size: number,
  options: Omit<LocalResponseNormOptions, 'size'> = {},
): Tensor {
  return apply(new LocalResponseNormOp({ ...options, size }), x);
}

/**
 * x W^T + b, and an activation of that if `activation` names one, in the same kernel.
 *
 * Shape: x (..., in), weight (out, in), bias (out) -> (..., out).
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.linear.html
 */
export function linear(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  options: LinearOptions = {},
): Tensor {
  const inputs = bias ? [x, weight, bias] : [x, weight];
  return apply(new LinearOp(options), ...inputs);
}

/**
 * Batch normalization by channel. While training, by the statistics of x, which go into the running
 * ones in place; else by the running ones.
 *
 * Shape: x (N, C) or (N, C, ...), all others (C) -> as x.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.batch_norm.html
 */
export function batchNorm(
  x: Tensor,
  runningMean: Tensor | null,
  runningVar: Tensor | null,
  weight: Tensor | null = null,
  bias: Tensor | null = null,
  { numBatchesTracked, ...options }: BatchNormOptions = {},
): Tensor {
  if (!runningMean !== !runningVar) {
    const [given, missing] = runningMean ? ['Mean', 'Var'] : ['Var', 'Mean'];
    throw new ArgumentError('batchNorm', `running${missing} with running${given}`, 'null');
  }
  const running =
    runningMean && runningVar
      ? {
          mean: runningMean.array,
          variance: runningVar.array,
          count: numBatchesTracked?.array ?? null,
        }
      : null;
  const given = { weight: weight !== null, bias: bias !== null };
  return apply(new BatchNormOp(options, running, given), ...present(x, weight, bias));
}

/**
 * Layer normalization of the last dimensions.
 *
 * Shape: x (..., normalizedShape), weight and bias (normalizedShape) -> as x.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.layer_norm.html
 *
 * @param eps  Added to the variance. Default 1e-5.
 */
export function layerNorm(
  x: Tensor,
  normalizedShape: Shape,
  weight: Tensor | null = null,
  bias: Tensor | null = null,
  eps = 1e-5,
): Tensor {
  const given = { weight: weight !== null, bias: bias !== null };
  return apply(new LayerNormOp(normalizedShape, eps, given), ...present(x, weight, bias));
}

function present(...tensors: (Tensor | null)[]): Tensor[] {
  return tensors.filter((tensor) => tensor !== null);
}

/** max(x, 0) */
export function relu(x: Tensor): Tensor {
  return x.relu();
}

/** min(max(x, 0), 6) */
export function relu6(x: Tensor): Tensor {
  return x.relu6();
}

/** x limited to [low, high]. */
export function hardtanh(x: Tensor, low = -1, high = 1): Tensor {
  return x.hardtanh(low, high);
}

/** x where x > 0, else negativeSlope x. */
export function leakyRelu(x: Tensor, negativeSlope = 0.01): Tensor {
  return x.leakyRelu(negativeSlope);
}

/** x where x > 0, else weight x. Shape: x (N, C, ...), weight (C,) or (1,) -> that of x. */
export function prelu(x: Tensor, weight: Tensor): Tensor {
  return apply(new PReLU(), x, weight);
}

/** x where x > 0, else alpha (e^x - 1). */
export function elu(x: Tensor, alpha = 1): Tensor {
  return x.elu(alpha);
}

/** x P(x), where P is the normal distribution; by 'tanh', the usual approximation of that. */
export function gelu(x: Tensor, options: GeluOptions = {}): Tensor {
  return x.gelu(options);
}

/** x / (1 + e^-x), also known as swish. */
export function silu(x: Tensor): Tensor {
  return x.silu();
}

/** ln(1 + e^(beta x)) / beta; x where beta x > threshold. */
export function softplus(x: Tensor, beta = 1, threshold = 20): Tensor {
  return x.softplus(beta, threshold);
}

/** 1 / (1 + e^-x) */
export function sigmoid(x: Tensor): Tensor {
  return x.sigmoid();
}

/** Hyperbolic tangent. */
export function tanh(x: Tensor): Tensor {
  return x.tanh();
}

/** e^x over its sum along `dim`. */
export function softmax(x: Tensor, dim: number): Tensor {
  return x.softmax(dim);
}

/** The logarithm of softmax, without its rounding. */
export function logSoftmax(x: Tensor, dim: number): Tensor {
  return x.logSoftmax(dim);
}

export interface DropoutOptions {
  /** False for inference: then x is returned as it is. Default true. */
  training?: boolean;
}

/**
 * In training, each element is 0 with probability p and the rest is scaled by 1 / (1 - p).
 * @throws ArgumentError unless p is from 0 to 1.
 */
export function dropout(x: Tensor, p = 0.5, { training = true }: DropoutOptions = {}): Tensor {
  checkProbability('dropout', p);
  return training && p > 0 ? apply(new Dropout(p), x) : x;
}

/**
 * As `dropout`, for whole channels of (N, C, H, W) or, unlike PyTorch's, of (C, H, W).
 * @throws ArgumentError unless p is from 0 to 1.
 */
export function dropout2d(x: Tensor, p = 0.5, { training = true }: DropoutOptions = {}): Tensor {
  checkProbability('dropout2d', p);
  return training && p > 0 ? apply(new Dropout(p, 'dropout2d'), x) : x;
}

/**
 * Cross-entropy of softmax(logits) with the target.
 *
 * Shape: logits (C), (N, C) or (N, C, d1, ...); target class indices of i32 or u32, of that shape
 * without the C, or probabilities of the shape and dtype of the logits -> a scalar, or with
 * reduction 'none' the logits' shape without the C.
 */
export function crossEntropy(
  logits: Tensor,
  target: Tensor,
  { weight, ...options }: CrossEntropyOptions = {},
): Tensor {
  const inputs = weight ? [logits, target, weight] : [logits, target];
  return apply(new CrossEntropy(options), ...inputs);
}

/**
 * Minus the entry of `logProbs` at each row's class: with logSoftmax before it, cross-entropy.
 *
 * Shape: logProbs (C), (N, C) or (N, C, d1, ...); target class indices of i32 or u32, of that shape
 * without the C -> a scalar, or with reduction 'none' the shape of the target.
 */
export function nllLoss(
  logProbs: Tensor,
  target: Tensor,
  { weight, ...options }: NLLLossOptions = {},
): Tensor {
  const inputs = weight ? [logProbs, target, weight] : [logProbs, target];
  return apply(new NLLLoss(options), ...inputs);
}

/** Squared difference. Shape: input and target alike (...) -> a scalar, or (...) by 'none'. */
export function mseLoss(input: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  return elementLoss('mseLoss', input, target, options);
}

/** Absolute difference. Shape: input and target alike (...) -> a scalar, or (...) by 'none'. */
export function l1Loss(input: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  return elementLoss('l1Loss', input, target, options);
}

/**
 * d^2 / (2 beta) where |d| < beta, else |d| - beta / 2; d = input - target.
 *
 * Shape: input and target alike (...) -> a scalar, or (...) with reduction 'none'.
 */
export function smoothL1Loss(
  input: Tensor,
  target: Tensor,
  { beta, ...options }: SmoothL1LossOptions = {},
): Tensor {
  return elementLoss('smoothL1Loss', input, target, { ...options, knee: beta });
}

/**
 * d^2 / 2 where |d| < delta, else delta (|d| - delta / 2); d = input - target.
 *
 * Shape: input and target alike (...) -> a scalar, or (...) with reduction 'none'.
 */
export function huberLoss(
  input: Tensor,
  target: Tensor,
  { delta, ...options }: HuberLossOptions = {},
): Tensor {
  return elementLoss('huberLoss', input, target, { ...options, knee: delta });
}

/**
 * Cross-entropy of sigmoid(logits) with targets from 0 to 1, stable for logits of any size.
 *
 * Shape: logits and target alike (...) -> a scalar, or (...) with reduction 'none'.
 */
export function binaryCrossEntropyWithLogits(
  logits: Tensor,
  target: Tensor,
  { weight, posWeight, ...options }: BCEWithLogitsLossOptions = {},
): Tensor {
  const given = Object.entries({ weight, posWeight }).filter(([, tensor]) => tensor);
  const weights = given.map(([name]) => name as 'weight' | 'posWeight');
  const tensors = given.map(([, tensor]) => tensor!);
  return elementLoss(
    'binaryCrossEntropyWithLogits',
    logits,
    target,
    { ...options, weights },
    tensors,
  );
}

function elementLoss(
  name: ElementLossName,
  input: Tensor,
  target: Tensor,
  options: ElementLossOptions,
  weights: readonly Tensor[] = [],
): Tensor {
  return apply(new ElementLoss(name, options), input, target, ...weights);
}

export interface PadOptions {
  /** 'constant' (default), 'reflect', 'replicate' or 'circular'. */
  mode?: PadMode;
  /** What mode 'constant' fills with. Default 0. */
  value?: number;
}

/**
 * Elements around the last dimensions, or fewer where `padding` is negative.
 *
 * @param padding  Pairs (front, back), that of the last dimension first.
 *
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.pad.html
 */
export function pad(
  x: Tensor,
  padding: readonly number[],
  { mode = 'constant', value }: PadOptions = {},
): Tensor {
  return apply(padOp(padding, mode, value), x);
}

/** Class indices as rows with a single 1. Shape: (...) of i32 or u32 -> (..., numClasses) of f32. */
export function oneHot(indices: Tensor, numClasses: number): Tensor {
  return apply(new OneHot(numClasses), indices);
}
