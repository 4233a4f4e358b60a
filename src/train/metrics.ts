import { noGrad } from '../autograd/scope.js';
import { ArgumentError, ShapeError } from '../errors.js';
import type { TypedArray } from '../gpu/dtype.js';
import type { Tensor } from '../tensor/tensor.js';
import { checkPredictions } from './outcomes.js';

/**
 * Share of the rows whose largest logit is at the target, from 0 to 1.
 *
 * @param logits  (N, C), logits or probabilities.
 * @param target  (N) class indices, or (N, C) probabilities.
 */
export async function accuracy(logits: Tensor, target: Tensor): Promise<number> {
  checkPredictions('accuracy', logits, target);
  const rows = logits.shape[0]!;
  if (rows === 0) throw new ShapeError('accuracy', 'one row of logits or more', logits.shape);
  // The reads are enqueued within the scope, so its tensors may go when it ends.
  const reads = noGrad(() =>
    [logits.argmax(1), target.ndim === 2 ? target.argmax(1) : target].map((t) => t.data()),
  );
  const [predicted, expected] = (await Promise.all(reads)) as [TypedArray, TypedArray];
  let right = 0;
  for (let i = 0; i < rows; i++) right += Number(predicted[i] === expected[i]);
  return right / rows;
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
