import { describe, expect, test } from 'vitest';
import { departures, linearFrom, type Point } from '../../bench/linear.js';

/** A made-up cost by kernel. */
const point = (size: number, kernels: Record<string, number>): Point => ({
  ...{ size, work: size, dispatches: 3, kernels },
  ms: Object.values(kernels).reduce((a, b) => a + b, 0),
});

describe('departures', () => {
  test('finds none in a linear cost', () => {
    const points = [1, 2, 4, 8].map((n) => point(n, { conv: 2 * n, pool: n }));
    expect(departures(points)).toEqual([]);
    expect(linearFrom(points)).toBe(1);
  });

  test('finds where a kernel takes more than its share of the work', () => {
    const points = [
      point(1, { conv: 2, pool: 1 }),
      point(2, { conv: 4, pool: 2 }),
      point(4, { conv: 8, pool: 16 }),
      point(8, { conv: 16, pool: 32 }),
    ];
    const found = departures(points);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ from: 2, to: 4, ratio: 2, kernel: 'pool' });
    expect(found[0]!.shareBefore).toBeCloseTo(1 / 3);
    expect(found[0]!.shareAfter).toBeCloseTo(2 / 3);
    expect(linearFrom(points)).toBe(4);
  });

  test('finds the fixed cost that more work shares', () => {
    const points = [1, 2, 4, 32, 64].map((n) => point(n, { conv: n / 10, sgd: 5 }));
    const found = departures(points);
    expect(found[0]).toMatchObject({ from: 1, to: 2, kernel: 'sgd' });
    expect(found.every(({ ratio, kernel }) => ratio < 1 && kernel === 'sgd')).toBe(true);
    expect(linearFrom(points)).toBeNull();
  });

  test('of nothing is nothing', () => {
    expect(departures([])).toEqual([]);
    expect(linearFrom([])).toBeNull();
  });
});
