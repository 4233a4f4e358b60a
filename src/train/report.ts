import { ArgumentError } from '../errors.js';

/** How the figures of the classes become one. */
export type Average = 'macro' | 'micro' | 'weighted';

/** From 0 to 1. */
export interface ClassFigures {
  /** Of the examples taken for the class, the share that is of it. */
  precision: number;
  /** Of the examples of the class, the share that was taken for it. */
  recall: number;
  /** The harmonic mean of the two. */
  f1: number;
}

export interface ClassificationReport {
  /** Share of all examples predicted right. */
  accuracy: number;
  /** For each class, with `support`, the number of its examples. */
  classes: (ClassFigures & { support: number })[];
  /** The mean over the classes. */
  macro: ClassFigures;
  /** All examples taken together; where each has one class, all three are the accuracy. */
  micro: ClassFigures;
  /** The mean over the classes by their support. */
  weighted: ClassFigures;
  /** (C, C), row-major: row = expected class, column = predicted class. */
  confusionMatrix: Uint32Array;
}

/**
 * Precision, recall and F1 of each class and of all of them.
 *
 *   precision = hits / predicted    recall = hits / expected    f1 = 2 hits / (predicted + expected)
 *
 * Source: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.precision_recall_fscore_support.html
 *
 * @param matrix   (numClasses, numClasses) counts, as `confusionMatrix` gives them.
 * @param options  `zeroDivision`, what stands for 0 / 0: 0 (default), 1, or NaN, which leaves the
 *                 class out of the means.
 * @throws ArgumentError for a matrix of another size.
 */
export function classificationReport(
  matrix: Uint32Array,
  numClasses: number,
  { zeroDivision = 0 }: { zeroDivision?: number } = {},
): ClassificationReport {
  if (matrix.length !== numClasses * numClasses) {
    throw new ArgumentError(
      'classificationReport',
      `${numClasses} x ${numClasses} counts`,
      matrix.length,
    );
  }
  const divide = (a: number, b: number): number => (b === 0 ? zeroDivision : a / b);
  const figures = (hits: number, predicted: number, expected: number): ClassFigures => ({
    precision: divide(hits, predicted),
    recall: divide(hits, expected),
    f1: divide(2 * hits, predicted + expected),
  });
  const indices = Array.from({ length: numClasses }, (_, i) => i);
  const total = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0);
  const at = (row: number, column: number): number => matrix[row * numClasses + column]!;
  const classes = indices.map((k) => {
    const predicted = total(indices.map((row) => at(row, k)));
    const support = total(indices.map((column) => at(k, column)));
    return { ...figures(at(k, k), predicted, support), support };
  });
  const mean = (figure: keyof ClassFigures, weights: readonly number[]): number => {
    const counted = indices.filter((k) => !Number.isNaN(classes[k]![figure]));
    const sum = total(counted.map((k) => classes[k]![figure] * weights[k]!));
    return divide(sum, total(counted.map((k) => weights[k]!)));
  };
  const means = (weights: readonly number[]): ClassFigures => ({
    precision: mean('precision', weights),
    recall: mean('recall', weights),
    f1: mean('f1', weights),
  });
  const hits = total(indices.map((k) => at(k, k)));
  const supports = classes.map(({ support }) => support);
  const examples = total(supports);
  return {
    accuracy: hits / examples,
    classes,
    macro: means(indices.map(() => 1)),
    micro: figures(hits, examples, examples),
    weighted: means(supports),
    confusionMatrix: matrix,
  };
}

/**
 * How often each class was taken for each other one.
 *
 * @param predicted   Class indices.
 * @param expected    Class indices, as many.
 * @returns (numClasses, numClasses), row-major: row = expected class, column = predicted class.
 * @throws ArgumentError for lengths that differ or an index outside the classes.
 */
export function confusionMatrix(
  predicted: ArrayLike<number>,
  expected: ArrayLike<number>,
  numClasses: number,
): Uint32Array {
  if (predicted.length !== expected.length) {
    throw new ArgumentError('confusionMatrix', `${expected.length} predictions`, predicted.length);
  }
  const counts = new Uint32Array(numClasses * numClasses);
  for (let i = 0; i < expected.length; i++) {
    for (const index of [predicted[i]!, expected[i]!]) {
      if (!Number.isInteger(index) || index < 0 || index >= numClasses) {
        throw new ArgumentError(
          'confusionMatrix',
          `class indices from 0 to ${numClasses - 1}`,
          index,
        );
      }
    }
    counts[expected[i]! * numClasses + predicted[i]!]!++;
  }
  return counts;
}
