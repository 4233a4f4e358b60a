import { expect } from 'vitest';
import { relativeError } from './results.js';

export interface Tolerance {
  /** Most that may differ at any element, in absolute terms. */
  absolute?: number;
  /** Most that may differ, relative to the largest magnitude of the expected values. */
  relative?: number;
  /** Instead of these two: the largest norm of the difference, relative to that of the expected. */
  norm?: number;
}

/**
 * Fails unless `actual` and `expected` agree, NaN with NaN and Inf with Inf, and names the first
 * index that does not.
 */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { absolute = 1e-6, relative = 1e-5, norm }: Tolerance = {},
  what = 'values',
): void {
  expect(actual.length, `${what}: length`).toBe(expected.length);
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    if (Number.isFinite(expected[i])) largest = Math.max(largest, Math.abs(expected[i]!));
  }
  // With a norm any finite difference, but Inf only with Inf.
  const most = norm === undefined ? absolute + relative * largest : Number.MAX_VALUE;
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [actual[i]!, expected[i]!];
    const close =
      Object.is(a, e) || a === e || Math.abs(a - e) <= most || (Number.isNaN(a) && Number.isNaN(e));
    if (!close) expect.fail(`${what}: expected ${e} at index ${i}, got ${a} (tolerance ${most})`);
  }
  if (norm !== undefined) {
    const error = relativeError(actual, expected);
    expect(error, `${what}: relative error (norm of difference over norm)`).toBeLessThan(norm);
  }
}
