import type { Reference } from '../support/checkOp.js';
import { logSoftmax } from './softmax.js';

export interface CrossEntropyReferenceOptions {
  reduction?: 'mean' | 'sum' | 'none';
  labelSmoothing?: number;
  ignoreIndex?: number;
}

/** logits (N, C), target of class indices (N,) or probabilities (N, C), weight (C,). */
export function crossEntropy(
  logits: Reference,
  target: Reference,
  weight?: Reference,
  options: CrossEntropyReferenceOptions = {},
): Reference {
  const { reduction = 'mean', labelSmoothing = 0, ignoreIndex = -100 } = options;
  const [n, c] = logits.shape as [number, number];
  const logP = logSoftmax(logits, 1).data;
  const losses = new Float64Array(n);
  let divisor = 0;
  for (let row = 0; row < n; row++) {
    const byIndex = target.shape.length === 1;
    const index = target.data[row]!;
    if (byIndex && index === ignoreIndex) continue;
    for (let k = 0; k < c; k++) {
      const label = byIndex ? Number(k === index) : target.data[row * c + k]!;
      const share = (1 - labelSmoothing) * label + labelSmoothing / c;
      if (share !== 0) losses[row]! -= (weight?.data[k] ?? 1) * share * logP[row * c + k]!;
    }
    divisor += byIndex ? (weight?.data[index] ?? 1) : 1;
  }
  if (reduction === 'none') return { shape: [n], data: losses };
  const sum = losses.reduce((a, b) => a + b, 0);
  return { shape: [], data: new Float64Array([reduction === 'mean' ? sum / divisor : sum]) };
}
