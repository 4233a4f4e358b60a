import type { Reference } from '../support/checkOp.js';

export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** The element at each index of `shape`, in row-major order. */
export function build(
  shape: readonly number[],
  element: (index: readonly number[]) => number,
): Reference {
  const data = new Float64Array(sizeOf(shape));
  for (let i = 0; i < data.length; i++) {
    const index: number[] = [];
    let rest = i;
    for (let d = shape.length - 1; d >= 0; d--) {
      index.unshift(rest % shape[d]!);
      rest = Math.floor(rest / shape[d]!);
    }
    data[i] = element(index);
  }
  return { shape, data };
}

/** The element of `x` at an index. */
export function at(x: Reference, index: readonly number[]): number {
  return x.data[index.reduce((offset, i, d) => offset * x.shape[d]! + i, 0)]!;
}

export const replaced = (index: readonly number[], dim: number, by: number): readonly number[] =>
  index.map((i, d) => (d === dim ? by : i));

export function gather(x: Reference, dim: number, index: Reference): Reference {
  return build(index.shape, (i) => {
    const chosen = at(index, i);
    return chosen >= 0 && chosen < x.shape[dim]! ? at(x, replaced(i, dim, chosen)) : NaN;
  });
}

export function indexSelect(x: Reference, dim: number, index: Reference): Reference {
  return build(replaced(x.shape, dim, index.data.length), (i) => {
    const chosen = index.data[i[dim]!]!;
    return chosen >= 0 && chosen < x.shape[dim]! ? at(x, replaced(i, dim, chosen)) : NaN;
  });
}

/** The positions along `dim` of the k smallest or largest of each row, by a stable sort. */
export function sortedPositions(x: Reference, dim: number, k: number, largest: boolean): Reference {
  const order = (a: number, b: number): number => {
    const rising =
      Number(Number.isNaN(a)) - Number(Number.isNaN(b)) || Number(a > b) - Number(a < b);
    return largest ? -rising : rising;
  };
  const rows = new Map<string, number[]>();
  const positionsOf = (i: readonly number[]): number[] => {
    const row = Array.from({ length: x.shape[dim]! }, (_, n) => at(x, replaced(i, dim, n)));
    return row.map((_, n) => n).sort((a, b) => order(row[a]!, row[b]!) || a - b);
  };
  return build(replaced(x.shape, dim, k), (i) => {
    const key = replaced(i, dim, 0).join();
    if (!rows.has(key)) rows.set(key, positionsOf(i));
    return rows.get(key)![i[dim]!]!;
  });
}

export function cumsum(x: Reference, dim: number): Reference {
  return build(x.shape, (i) => {
    let sum = 0;
    for (let n = 0; n <= i[dim]!; n++) sum += at(x, replaced(i, dim, n));
    return sum;
  });
}

export function flip(x: Reference, dims: readonly number[]): Reference {
  return build(x.shape, (i) =>
    at(
      x,
      i.map((n, d) => (dims.includes(d) ? x.shape[d]! - 1 - n : n)),
    ),
  );
}

export function roll(x: Reference, shift: number, dim: number): Reference {
  const size = x.shape[dim]!;
  const back = (n: number): number => (((n - shift) % size) + size) % size;
  return build(x.shape, (i) => at(x, replaced(i, dim, back(i[dim]!))));
}

export function repeat(x: Reference, sizes: readonly number[]): Reference {
  const missing = sizes.length - x.shape.length;
  const shape = sizes.map((size, d) => size * (d < missing ? 1 : x.shape[d - missing]!));
  return build(shape, (i) =>
    at(
      x,
      x.shape.map((size, d) => i[d + missing]! % size),
    ),
  );
}

/** @param padding  As PyTorch's: pairs of the last dimension first. */
export function pad(
  x: Reference,
  padding: readonly number[],
  mode: string,
  value: number,
): Reference {
  const pair = (d: number): number => 2 * (x.shape.length - 1 - d);
  const shape = x.shape.map(
    (size, d) => size + (padding[pair(d)] ?? 0) + (padding[pair(d) + 1] ?? 0),
  );
  return build(shape, (index) => {
    const from = index.map((o, d) => o - (padding[pair(d)] ?? 0));
    const outside = from.some((i, d) => i < 0 || i >= x.shape[d]!);
    if (mode === 'constant' && outside) return value;
    return at(
      x,
      from.map((i, d) => moveIn(i, x.shape[d]!, mode)),
    );
  });
}

function moveIn(i: number, size: number, mode: string): number {
  if (i < 0) return { reflect: -i, replicate: 0, circular: i + size }[mode]!;
  if (i >= size)
    return { reflect: 2 * size - 2 - i, replicate: size - 1, circular: i - size }[mode]!;
  return i;
}
