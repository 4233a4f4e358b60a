import { ShapeError } from '../errors.js';
import type { Shape } from '../gpu/dtype.js';

/** What a classifier says of N examples. */
export interface TopPredictions {
  /** The most probable class of each. */
  labels: Uint32Array;
  /** The probability of that class, from 0 to 1. */
  confidences: Float32Array;
}

/**
 * The most probable class of each example, and how sure the network is of it; of equal ones the first.
 *
 * @param probabilities  (N, C), row-major, as `predict` gives them.
 * @throws ShapeError    for another shape.
 */
export function topPredictions(probabilities: {
  shape: Shape;
  data: ArrayLike<number>;
}): TopPredictions {
  const { shape, data } = probabilities;
  const [rows = 0, classes = 0] = shape;
  if (shape.length !== 2 || data.length !== rows * classes || classes === 0) {
    throw new ShapeError('topPredictions', 'probabilities (N, C) of the data', shape);
  }
  const labels = new Uint32Array(rows);
  const confidences = new Float32Array(rows);
  for (let i = 0; i < rows; i++) {
    let best = 0;
    for (let k = 1; k < classes; k++) {
      if (data[i * classes + k]! > data[i * classes + best]!) best = k;
    }
    labels[i] = best;
    confidences[i] = data[i * classes + best]!;
  }
  return { labels, confidences };
}

/**
 * Which examples a classifier got wrong, those first that it was most sure of.
 *
 * @param trueLabels  The class of each example.
 * @param count       How many at most. Default all.
 * @returns their indices.
 * @throws ShapeError if there are not as many labels as predictions.
 *
 * @example
 * const worst = mistakes(topPredictions(await trainer.predict(loader)), test.labels, 20);
 */
export function mistakes(
  { labels, confidences }: TopPredictions,
  trueLabels: ArrayLike<number>,
  count = Infinity,
): number[] {
  if (trueLabels.length !== labels.length) {
    throw new ShapeError('mistakes', `${labels.length} true labels`, [trueLabels.length]);
  }
  return Array.from(labels.keys())
    .filter((i) => labels[i] !== trueLabels[i])
    .sort((a, b) => confidences[b]! - confidences[a]!)
    .slice(0, count);
}
