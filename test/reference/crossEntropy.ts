import type { Reference } from '../support/checkOp.js';
import { logSoftmax } from './softmax.js';

export interface ClassLossOptions {
  reduction?: 'mean' | 'sum' | 'none';
  ignoreIndex?: number;
}

export interface CrossEntropyReferenceOptions extends ClassLossOptions {
  labelSmoothing?: number;
}

/**
 * logits (C), (N, C) or (N, C, ...), target of class indices, without the C, or of probabilities of
 * the shape of the logits, weight (C,).
 */
export function crossEntropy(
  logits: Reference,
  target: Reference,
  weight?: Reference,
  { labelSmoothing = 0, ...options }: CrossEntropyReferenceOptions = {},
): Reference {
  const logP = logSoftmax(logits, logits.shape.length === 1 ? 0 : 1);
  const byIndex = target.shape.length < logits.shape.length;
  return overRows(logP, options, (scores, row, at) => {
    const index = byIndex ? target.data[row]! : null;
    if (index !== null && index === (options.ignoreIndex ?? -100)) return { loss: 0, count: 0 };
    let loss = 0;
    scores.forEach((score, k) => {
      const label = byIndex ? Number(k === index) : target.data[at(k)]!;
      const share = (1 - labelSmoothing) * label + labelSmoothing / scores.length;
      if (share !== 0) loss -= (weight?.data[k] ?? 1) * share * score;
    });
    return { loss, count: index === null ? 1 : (weight?.data[index] ?? 1) };
  });
}

/** The same of logarithms of probabilities, with class indices. */
export function nllLoss(
  logP: Reference,
  target: Reference,
  weight?: Reference,
  options: ClassLossOptions = {},
): Reference {
  return overRows(logP, options, (scores, row) => {
    const index = target.data[row]!;
    if (index === (options.ignoreIndex ?? -100)) return { loss: 0, count: 0 };
    const count = weight?.data[index] ?? 1;
    return { loss: -count * scores[index]!, count };
  });
}

/** The losses of all rows of (C), (N, C) or (N, C, ...), reduced; `at` says where score k lies. */
function overRows(
  { shape, data }: Reference,
  { reduction = 'mean' }: ClassLossOptions,
  lossOf: (
    scores: number[],
    row: number,
    at: (k: number) => number,
  ) => { loss: number; count: number },
): Reference {
  const dim = shape.length === 1 ? 0 : 1;
  const c = shape[dim]!;
  const inner = shape.slice(dim + 1).reduce((a, b) => a * b, 1);
  const rowShape = shape.filter((_, d) => d !== dim);
  const losses = new Float64Array(rowShape.reduce((a, b) => a * b, 1));
  let divisor = 0;
  losses.forEach((_, row) => {
    const at = (k: number): number => (Math.floor(row / inner) * c + k) * inner + (row % inner);
    const scores = Array.from({ length: c }, (_, k) => data[at(k)]!);
    const { loss, count } = lossOf(scores, row, at);
    losses[row] = loss;
    divisor += count;
  });
  if (reduction === 'none') return { shape: rowShape, data: losses };
  const sum = losses.reduce((a, b) => a + b, 0);
  return { shape: [], data: new Float64Array([reduction === 'mean' ? sum / divisor : sum]) };
}
