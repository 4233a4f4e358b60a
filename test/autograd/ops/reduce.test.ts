import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { mean, reduceOver, sum, variance } from '../../reference/reduce.js';
import { checkOp } from '../../support/checkOp.js';
import { expectClose } from '../../support/compare.js';
import { shuffledRange, uniform } from '../../support/random.js';

const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

const REDUCTIONS = [
  { name: 'sum', f: sum },
  { name: 'mean', f: mean },
  { name: 'max', f: (x: number[]) => Math.max(...x) },
  { name: 'min', f: (x: number[]) => Math.min(...x) },
] as const;

const CASES: { shape: number[]; dim?: number | number[]; keepdim?: boolean }[] = [
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

describe.each(REDUCTIONS)('$name', ({ name, f }) => {
  test.each(CASES)('of $shape over dim $dim, keepdim $keepdim', ({ shape, dim, keepdim }) =>
    checkOp({
      // Apart by more than the step of the gradient check, so that it never crosses a tie.
      inputs: [{ shape, data: shuffledRange(size(shape), 1).map((x) => 0.01 * x - 3) }],
      op: (x) => x[name](dim, keepdim),
      reference: (x) => {
        const all = shape.map((_, d) => d);
        const dims =
          dim === undefined ? all : [dim].flat().map((d) => (d + shape.length) % shape.length);
        return reduceOver(x, dims, keepdim ?? false, f);
      },
      samples: 2000,
    }),
  );

  test('refuses a dim that is not there, or comes twice', () => {
    using x = sg.zeros([2, 3]);
    expect(() => x[name](2)).toThrow(`${name}: expected dim from -2 to 1, got 2`);
    expect(() => x[name]([0, -2])).toThrow(`${name}: expected each dim once, got [0, -2]`);
  });
});

describe('variance', () => {
  test.each([
    { shape: [9] },
    { shape: [5, 33], dim: 1 },
    { shape: [33, 5], dim: 0, options: { correction: 0, keepdim: true } },
    { shape: [2, 3, 4, 5], dim: [0, 2, 3], options: { correction: 0 } },
    { shape: [1031, 2], dim: 0 },
  ])('of $shape over dim $dim with $options', ({ shape, dim, options }) =>
    checkOp({
      inputs: [{ shape, data: uniform(size(shape), 1) }],
      op: (x) => x.variance(dim, options),
      reference: (x) => {
        const dims = dim === undefined ? shape.map((_, d) => d) : [dim].flat();
        const f = (elements: number[]): number => variance(elements, options?.correction);
        return reduceOver(x, dims, options?.keepdim ?? false, f);
      },
    }),
  );

  test('does not cancel far from zero', async () => {
    const data = uniform(4096, 3).map((x) => x + 1e4);
    using x = sg.tensor(data);
    using y = x.variance();
    const expected = variance([...data]);
    expectClose(await y.data(), [expected], { absolute: 0, relative: 1e-4 });
  });

  test('of one element is NaN with correction 1, as in PyTorch', async () => {
    using x = sg.tensor([3]);
    using sample = x.variance();
    using population = x.variance(undefined, { correction: 0 });
    expect([await sample.item(), await population.item()]).toEqual([NaN, 0]);
  });

  test('refuses integers', () => {
    using x = sg.tensor([1, 2], { dtype: 'i32' });
    expect(() => x.variance()).toThrow(
      "variance: expected x of f32 or f16, got i32. Convert it with to('f32').",
    );
  });
});

describe('a long sum', () => {
  test('of a million numbers near 1 is right to 1e-6', async () => {
    const data = uniform(1_000_000, 5, 1, 1.001);
    using x = sg.tensor(data);
    using total = x.sum();
    const expected = data.reduce((a, b) => a + b, 0);
    expectClose([await total.item()], [expected], { absolute: 0, relative: 1e-6 });
  });

  test('of few long rows and of many short ones is right to 1e-6', async () => {
    for (const { shape, dim } of [
      { shape: [3, 100_003], dim: 1 },
      { shape: [100_003, 3], dim: 0 },
      { shape: [30_011, 11], dim: 1 },
      { shape: [7, 20_001, 3], dim: 1 },
      { shape: [20_001, 33], dim: 0 },
    ]) {
      const data = uniform(size(shape), 6, 1, 1.001);
      using x = sg.tensor(data, { shape });
      using y = x.sum(dim);
      const expected = reduceOver({ shape, data: Float64Array.from(data) }, [dim], false, sum);
      expectClose(await y.data(), expected.data, { absolute: 0, relative: 1e-6 });
    }
  });

  test('has the same bits each time', async () => {
    using x = sg.tensor(uniform(123_457, 7));
    using first = x.sum();
    using second = x.sum();
    expect(await first.item()).toBe(await second.item());
  });
});

test('sums of integers are integers, and wrap', async () => {
  using x = sg.tensor(
    [
      [16777217, 2],
      [3, -5],
    ],
    { dtype: 'i32' },
  );
  using rows = x.sum(1);
  expect(rows.dtype).toBe('i32');
  expect([...(await rows.data())]).toEqual([16777219, -2]);
  using u = sg.tensor([4294967295, 3], { dtype: 'u32' });
  using total = u.sum();
  expect(await total.item()).toBe(2);
  using largest = u.max();
  expect(await largest.item()).toBe(4294967295);
});

test('mean refuses integers', () => {
  using x = sg.tensor([1, 2], { dtype: 'i32' });
  expect(() => x.mean()).toThrow("mean: expected x of f32 or f16, got i32. Convert it with to('f32').");
});

test('the sum of nothing is 0, its mean NaN, and it has no maximum', async () => {
  using x = sg.zeros([0, 3], { requiresGrad: true });
  using total = x.sum();
  using columns = x.sum(0);
  using average = x.mean(0);
  expect(await total.item()).toBe(0);
  expect([...(await columns.data())]).toEqual([0, 0, 0]);
  expect([...(await average.data())]).toEqual([NaN, NaN, NaN]);
  using none = x.max(1);
  expect(none.shape).toEqual([0]);
  expect(() => x.max(0)).toThrow('max: expected at least one element to choose from, got none');
  total.backward({ retainGraph: true });
  expect(x.grad!.shape).toEqual([0, 3]);
});

test('ties of max and min share the gradient evenly', async () => {
  using x = sg.tensor(
    [
      [2, 5, 5, 1, 5],
      [1, 1, 1, 1, 0],
    ],
    { requiresGrad: true },
  );
  using y = x.max(1);
  using gradient = sg.tensor([3, 8]);
  y.backward({ gradient });
  expect([...(await x.grad!.data())]).toEqual([0, 1, 1, 0, 1, 2, 2, 2, 2, 0]);
});

test('max and min give NaN where there is one, and know infinities', async () => {
  const rows = [
    [1, NaN, 3],
    [-Infinity, -Infinity, -Infinity],
    [Infinity, -1, -Infinity],
  ];
  using x = sg.tensor(rows);
  using max = x.max(1);
  using min = x.min(1);
  expect([...(await max.data())]).toEqual([NaN, -Infinity, Infinity]);
  expect([...(await min.data())]).toEqual([NaN, -Infinity, -Infinity]);
});
