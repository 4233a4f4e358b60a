/** Which numbers of a cell are compared, and when two sets of them are the same. */
import { outSizeOf, type CellOf } from './cells.js';

/**
 * Norm of the difference over the norm of the reference. Sums of 200,000 products in f32, added in any
 * order, stay well below it; a wrong formula does not.
 */
export const TOLERANCE = 1e-3;

const MAX_SAMPLES = 256;

/** Elements of a kernel's output. */
export function outputLength(cell: CellOf<'matmul' | 'conv'>): number {
  if (cell.kind === 'matmul') return cell.size ** 2;
  const { batch, inC, size, outC, kernel } = cell.conv;
  if (cell.pass === 'forward') return batch * outC * outSizeOf(cell.conv) ** 2;
  return cell.pass === 'input gradient' ? batch * inC * size ** 2 : outC * inC * kernel ** 2;
}

/** Positions spread over an output of `length` elements, the first and the last among them. */
export function samplePositions(length: number): number[] {
  const count = Math.min(length, MAX_SAMPLES);
  if (count === length) return Array.from({ length }, (_, i) => i);
  return Array.from({ length: count }, (_, i) => Math.round((i * (length - 1)) / (count - 1)));
}

/** Norm of the difference over the norm of `expected`; Infinity where a value is no finite number. */
export function relativeError(actual: readonly number[], expected: readonly number[]): number {
  const difference = Math.hypot(...expected.map((value, i) => value - (actual[i] ?? NaN)));
  const error = difference / Math.hypot(...expected);
  return Number.isNaN(error) ? Infinity : error;
}
