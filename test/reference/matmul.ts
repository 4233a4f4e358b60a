import type { Reference } from '../support/checkOp.js';

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** a (..., M, K) times b (..., K, N); leading dimensions broadcast, both have at least two. */
export function matmul(a: Reference, b: Reference): Reference {
  const [m, k] = a.shape.slice(-2) as [number, number];
  const n = b.shape.at(-1)!;
  const rank = Math.max(a.shape.length, b.shape.length) - 2;
  const leadOf = (x: Reference): number[] => [
    ...Array<number>(rank + 2 - x.shape.length).fill(1),
    ...x.shape.slice(0, -2),
  ];
  const [aLead, bLead] = [leadOf(a), leadOf(b)];
  const lead = aLead.map((size, d) => (size === 1 ? bLead[d]! : size));
  const data = new Float64Array(sizeOf(lead) * m * n);
  for (let item = 0; item < sizeOf(lead); item++) {
    let [aItem, bItem, rest, aStep, bStep] = [0, 0, item, 1, 1];
    for (let d = rank - 1; d >= 0; d--) {
      const index = rest % lead[d]!;
      rest = (rest - index) / lead[d]!;
      if (aLead[d]! > 1) aItem += index * aStep;
      if (bLead[d]! > 1) bItem += index * bStep;
      aStep *= aLead[d]!;
      bStep *= bLead[d]!;
    }
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let l = 0; l < k; l++) {
          sum += a.data[(aItem * m + i) * k + l]! * b.data[(bItem * k + l) * n + j]!;
        }
        data[(item * m + i) * n + j] = sum;
      }
    }
  }
  return { shape: [...lead, m, n], data };
}

/** y[i] = x at the index that has i[d] at place dims[d]. */
export function permute(x: Reference, dims: readonly number[]): Reference {
  const shape = dims.map((d) => x.shape[d]!);
  const data = new Float64Array(x.data.length);
  const index = shape.map(() => 0);
  for (let at = 0; at < data.length; at++) {
    let from = 0;
    for (let d = 0; d < dims.length; d++) from = from * x.shape[d]! + index[dims.indexOf(d)]!;
    data[at] = x.data[from]!;
    for (let d = dims.length - 1; d >= 0 && ++index[d]! === shape[d]; d--) index[d] = 0;
  }
  return { shape, data };
}
