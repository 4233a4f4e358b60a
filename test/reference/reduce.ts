import type { Reference } from '../support/checkOp.js';

/** f of the elements that differ in `dims` only, in row-major order. */
export function reduceOver(
  x: Reference,
  dims: readonly number[],
  keepdim: boolean,
  f: (elements: number[]) => number,
): Reference {
  const kept = x.shape.map((size, d) => (dims.includes(d) ? 1 : size));
  const groups = Array.from({ length: kept.reduce((a, b) => a * b, 1) }, (): number[] => []);
  x.data.forEach((value, i) => {
    let rest = i;
    let group = 0;
    let stride = 1;
    for (let d = x.shape.length - 1; d >= 0; d--) {
      if (!dims.includes(d)) group += (rest % x.shape[d]!) * stride;
      rest = Math.floor(rest / x.shape[d]!);
      stride *= kept[d]!;
    }
    groups[group]!.push(value);
  });
  const shape = keepdim ? kept : x.shape.filter((_, d) => !dims.includes(d));
  return { shape, data: Float64Array.from(groups, f) };
}

export const sum = (elements: readonly number[]): number => elements.reduce((a, b) => a + b, 0);

export const mean = (elements: readonly number[]): number => sum(elements) / elements.length;

export function variance(elements: readonly number[], correction = 1): number {
  const center = mean(elements);
  return sum(elements.map((x) => (x - center) ** 2)) / (elements.length - correction);
}

export const product = (elements: readonly number[]): number => elements.reduce((a, b) => a * b, 1);

export function norm(elements: readonly number[], p: number): number {
  const sizes = elements.map(Math.abs);
  if (p === Infinity) return sizes.reduce((a, b) => Math.max(a, b), 0);
  return sum(sizes.map((size) => size ** p)) ** (1 / p);
}
