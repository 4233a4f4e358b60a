import { Cat } from '../autograd/ops/cat.js';
import { Where } from '../autograd/ops/where.js';
import { apply, type Tensor } from './tensor.js';

/** Tensors one after the other along dimension `dim`, which they have. */
export function cat(tensors: readonly Tensor[], dim = 0): Tensor {
  return apply(new Cat('cat', dim), ...tensors);
}

/** Tensors of one shape one after the other along a new dimension `dim`. */
export function stack(tensors: readonly Tensor[], dim = 0): Tensor {
  return apply(new Cat('stack', dim), ...tensors);
}

/** `x.split(sizes, dim)` */
export function split(x: Tensor, sizes: number | readonly number[], dim = 0): Tensor[] {
  return x.split(sizes, dim);
}

/** `x.chunk(chunks, dim)` */
export function chunk(x: Tensor, chunks: number, dim = 0): Tensor[] {
  return x.chunk(chunks, dim);
}

/** Elements of `a` where `condition` is not 0, else of `b`; all three broadcast. */
export function where(condition: Tensor, a: Tensor | number, b: Tensor | number): Tensor {
  const numbers = [a, b].map((x) => (typeof x === 'number' ? x : undefined));
  const tensors = [a, b].filter((x) => typeof x !== 'number');
  return apply(new Where(...numbers), condition, ...tensors);
}
