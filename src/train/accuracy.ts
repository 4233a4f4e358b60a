import { noGrad } from '../autograd/scope.js';
import { ShapeError } from '../errors.js';
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
