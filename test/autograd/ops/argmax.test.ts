import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { reduceOver } from '../../reference/reduce.js';
import { checkOp } from '../../support/checkOp.js';
import { withBindingLimit } from '../../support/limits.js';
import { uniform } from '../../support/random.js';

const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

const SEARCHES = [
  { name: 'argmax', extreme: Math.max },
  { name: 'argmin', extreme: Math.min },
] as const;

const CASES: { shape: number[]; dim?: number; keepdim?: boolean }[] = [
  { shape: [] },
  { shape: [17] },
  { shape: [5, 10], dim: 1 },
  { shape: [5, 10], dim: -2, keepdim: true },
  { shape: [3, 7, 5], dim: 1 },
  { shape: [3, 7, 5] },
  { shape: [2, 3001], dim: 1 },
  { shape: [3001, 2], dim: 0 },
  { shape: [4, 700, 3], dim: 1 },
  { shape: [50_000] },
];

describe.each(SEARCHES)('$name', ({ name, extreme }) => {
  test.each(CASES)('of $shape over dim $dim, keepdim $keepdim', ({ shape, dim, keepdim }) =>
    checkOp({
      // Few values, so that there are ties, of which the first wins.
      inputs: [{ shape, data: uniform(size(shape), 1, 0, 9).map(Math.floor), grad: false }],
      op: (x) => x[name](dim, keepdim),
      reference: (x) => {
        const dims =
          dim === undefined ? shape.map((_, d) => d) : [(dim + shape.length) % shape.length];
        return reduceOver(x, dims, keepdim ?? false, (row) =>
          row.indexOf(row.reduce((a, b) => extreme(a, b))),
        );
      },
    }),
  );

  test('gives i32 without gradient, and takes integers', async () => {
    using x = sg.tensor([1, 2], { requiresGrad: true });
    using y = x[name]();
    expect([y.dtype, y.requiresGrad]).toEqual(['i32', false]);
    using ints = sg.tensor([16777216, 16777217], { dtype: 'i32' });
    using z = ints[name]();
    expect(await z.item()).toBe(name === 'argmax' ? 1 : 0);
  });

  test('takes the first NaN before any number', async () => {
    using x = sg.tensor([
      [1, NaN, Infinity, NaN],
      [-Infinity, 2, 3, NaN],
    ]);
    using y = x[name](1);
    expect([...(await y.data())]).toEqual([1, 3]);
  });

  test('refuses what is empty, and a dim that is not there', () => {
    using empty = sg.zeros([2, 0]);
    expect(() => empty[name](1)).toThrow(
      `${name}: expected at least one element to choose from, got none. Leave out`,
    );
    expect(() => empty[name](2)).toThrow(`${name}: expected dim from -2 to 1, got 2`);
    using rows = empty[name](0);
    expect(rows.shape).toEqual([0]);
  });
});

test.each([{ where: 40 }, { where: 299 }, { where: 700 }])(
  'a row larger than a binding, the extreme at $where',
  ({ where }) =>
    withBindingLimit(512, async () => {
      const values = uniform(2 * 701, 5);
      values[where] = values[701 + where] = 2;
      using x = sg.tensor(values, { shape: [2, 701] });
      using rows = x.argmax(1);
      using all = x.argmax();
      expect([...(await rows.data()), await all.item()]).toEqual([where, where, where]);
    }),
);
