/** The shapes and dimensions that every reduction is tested at. */
export interface ReductionCase {
  shape: readonly number[];
  dim?: number | readonly number[];
  keepdim?: boolean;
}

export const REDUCTION_CASES: readonly ReductionCase[] = [
  { shape: [] },
  { shape: [7] },
  { shape: [1, 1], dim: 0 },
  { shape: [65, 33] },
  { shape: [5, 7], dim: 0 },
  { shape: [5, 7], dim: 1, keepdim: true },
  { shape: [5, 7], dim: -1 },
  { shape: [3, 5, 17], dim: 1 },
  { shape: [2, 3, 4, 5], dim: [0, 2, 3] },
  { shape: [2, 3, 4, 5], dim: [1, -1], keepdim: true },
  { shape: [2, 3, 2, 3, 2], dim: [0, 2, 4] },
  { shape: [3, 1, 2], dim: 1 },
  { shape: [3, 1031], dim: 1 }, // rows of several segments
  { shape: [1031, 3], dim: 0 },
  { shape: [2, 517, 2], dim: [1, 2] },
];

/** The dimensions of a case, from 0. */
export function dimsOf({ shape, dim }: ReductionCase): number[] {
  if (dim === undefined) return shape.map((_, d) => d);
  return [dim].flat().map((d) => (d + shape.length) % shape.length);
}
