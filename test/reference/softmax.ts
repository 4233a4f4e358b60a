import type { Reference } from '../support/checkOp.js';

/** ln(e^x / sum e^x) along dimension `dim`, counted from 0. */
export function logSoftmax({ shape, data: x }: Reference, dim: number): Reference {
  const size = shape[dim]!;
  const inner = shape.slice(dim + 1).reduce((a, b) => a * b, 1);
  const data = new Float64Array(x.length);
  for (let row = 0; row < x.length / size; row++) {
    const start = Math.floor(row / inner) * size * inner + (row % inner);
    let highest = -Infinity;
    for (let i = 0; i < size; i++) highest = Math.max(highest, x[start + i * inner]!);
    let sum = 0;
    for (let i = 0; i < size; i++) sum += Math.exp(x[start + i * inner]! - highest);
    for (let i = 0; i < size; i++) {
      data[start + i * inner] = x[start + i * inner]! - highest - Math.log(sum);
    }
  }
  return { shape, data };
}

/** e^x / sum e^x along dimension `dim`, counted from 0. */
export function softmax(x: Reference, dim: number): Reference {
  const { shape, data } = logSoftmax(x, dim);
  return { shape, data: data.map(Math.exp) };
}
