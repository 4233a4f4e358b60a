import type { Reference } from '../support/checkOp.js';

/** f of each pair of elements, with NumPy's broadcasting. */
export function broadcastPairs(
  a: Reference,
  b: Reference,
  f: (a: number, b: number) => number,
): Reference {
  const ndim = Math.max(a.shape.length, b.shape.length);
  const pad = (shape: readonly number[]): number[] => [
    ...Array<number>(ndim - shape.length).fill(1),
    ...shape,
  ];
  const [shapeA, shapeB] = [pad(a.shape), pad(b.shape)];
  const shape = shapeA.map((size, d) => (size === 1 ? shapeB[d]! : size));
  const count = shape.reduce((x, y) => x * y, 1);
  const data = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    let rest = i;
    const index = Array<number>(ndim).fill(0);
    for (let d = ndim - 1; d >= 0; d--) {
      index[d] = rest % shape[d]!;
      rest = Math.floor(rest / shape[d]!);
    }
    data[i] = f(a.data[offset(index, shapeA)]!, b.data[offset(index, shapeB)]!);
  }
  return { shape, data };
}

function offset(index: readonly number[], shape: readonly number[]): number {
  let at = 0;
  for (let d = 0; d < shape.length; d++) at = at * shape[d]! + (shape[d] === 1 ? 0 : index[d]!);
  return at;
}
