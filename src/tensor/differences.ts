/** What numerical differentiation is made of: `gradcheck` and `train.checkGradients` share it. */
import { noGrad } from '../autograd/scope.js';
import { DTypeError } from '../errors.js';
import { isFloat, type TypedArray } from '../gpu/dtype.js';
import type { Generator } from '../random/generator.js';
import type { Tensor } from './tensor.js';

/** Runs `fn` and puts the generator back: each call draws the same numbers, such as dropout's. */
export function withSameDraws<T>(generator: Generator, fn: () => T): T {
  const { state } = generator;
  try {
    return fn();
  } finally {
    generator.state = state;
  }
}

/** Starts reading what `fn` gives, computed without a graph; the generator is then as before. */
export function readResult(
  op: string,
  fn: () => Tensor,
  generator: Generator,
): Promise<TypedArray> {
  return withSameDraws(
    generator,
    () => noGrad(() => ({ data: checkOutput(op, fn()).data() })).data,
  );
}

/** sum weights * (high - low) in float64, so that only what was rounded before is lost. */
export function weightedChange(
  high: TypedArray,
  low: TypedArray,
  weights: TypedArray | null,
): number {
  let sum = 0;
  for (let k = 0; k < high.length; k++) sum += (high[k]! - low[k]!) * (weights?.[k] ?? 1);
  return sum;
}

/** @throws DTypeError for what has no gradient. */
export function checkOutput(op: string, y: Tensor): Tensor {
  if (!isFloat(y.dtype)) throw new DTypeError(op, 'a result of fn of f32 or f16', y.dtype);
  return y;
}
