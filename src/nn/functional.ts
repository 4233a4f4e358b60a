import { AvgPool2d as AvgPool2dOp, type AvgPool2dOptions } from '../autograd/ops/avgPool2d.js';
import { Conv2d as Conv2dOp, type Conv2dOptions } from '../autograd/ops/conv2d.js';
import {
  CrossEntropy,
  type CrossEntropyOptions as CrossEntropyOpOptions,
} from '../autograd/ops/crossEntropy.js';
import { Linear as LinearOp } from '../autograd/ops/linear.js';
import { MaxPool2d as MaxPool2dOp, type MaxPool2dOptions } from '../autograd/ops/maxPool2d.js';
import { OneHot } from '../autograd/ops/oneHot.js';
import { apply, type Tensor } from '../tensor/tensor.js';

/**
 * The layers as plain functions of tensors, under PyTorch's names in camelCase.
 * Source: https://docs.pytorch.org/docs/stable/nn.functional.html
 */

export type { AvgPool2dOptions, Conv2dOptions, MaxPool2dOptions };

export interface CrossEntropyOptions extends CrossEntropyOpOptions {
  /** (C,): how much each class counts. Default 1 each. */
  weight?: Tensor;
}

/**
 * 2-D convolution (cross-correlation).
 *
 * Shape: x (N, C, H, W), weight (K, C / groups, kH, kW), bias (K) -> (N, K, outH, outW).
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

/** Maximum over each window. Shape: (N, C, H, W) -> (N, C, outH, outW). */
export function maxPool2d(
  x: Tensor,
  kernelSize: MaxPool2dOptions['kernelSize'],
  options: Omit<MaxPool2dOptions, 'kernelSize'> = {},
): Tensor {
  return apply(new MaxPool2dOp({ ...options, kernelSize }), x);
}

/** Mean over each window. Shape: (N, C, H, W) -> (N, C, outH, outW). */
export function avgPool2d(
  x: Tensor,
  kernelSize: AvgPool2dOptions['kernelSize'],
  options: Omit<AvgPool2dOptions, 'kernelSize'> = {},
): Tensor {
  return apply(new AvgPool2dOp({ ...options, kernelSize }), x);
}

/** x W^T + b. Shape: x (..., in), weight (out, in), bias (out) -> (..., out). */
export function linear(x: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor {
  const inputs = bias ? [x, weight, bias] : [x, weight];
  return apply(new LinearOp(), ...inputs);
}

/** max(x, 0) */
export function relu(x: Tensor): Tensor {
  return x.relu();
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

/**
 * Cross-entropy of softmax(logits) with the target.
 *
 * Shape: logits (N, C); target (N) class indices of i32 or u32, or (N, C) probabilities of f32
 * -> a scalar, or (N) with reduction 'none'.
 */
export function crossEntropy(
  logits: Tensor,
  target: Tensor,
  options: CrossEntropyOptions = {},
): Tensor {
  const { weight, ...rest } = options;
  const inputs = weight ? [logits, target, weight] : [logits, target];
  return apply(new CrossEntropy(rest), ...inputs);
}

/** Class indices as rows with a single 1. Shape: (...) of i32 or u32 -> (..., numClasses) of f32. */
export function oneHot(indices: Tensor, numClasses: number): Tensor {
  return apply(new OneHot(numClasses), indices);
}
