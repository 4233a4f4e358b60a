import type { Tensor } from '../tensor/tensor.js';
import { kaimingUniform_, uniform_ } from './init.js';

/**
 * PyTorch's default for Linear and Conv2d: weight (out, in, ...) and bias (out) from U(-b, b) with
 * b = 1 / sqrt(inputs of one unit).
 */
export function initWeightAndBias(weight: Tensor, bias: Tensor | null): void {
  kaimingUniform_(weight, { a: Math.sqrt(5) });
  const bound = 1 / Math.sqrt(weight.numel / weight.shape[0]!);
  if (bias) uniform_(bias, -bound, bound);
}
