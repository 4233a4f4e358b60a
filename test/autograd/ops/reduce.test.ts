import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { numelOf } from '../../../src/gpu/dtype.js';
import { mean, norm, product, reduceOver, sum } from '../../reference/reduce.js';
import { checkOp } from '../../support/checkOp.js';
import { expectClose } from '../../support/compare.js';
import { unlessAll } from '../../support/extent.js';
import { withBindingLimit } from '../../support/limits.js';
import { uniform } from '../../support/random.js';
import { dimsOf, REDUCTION_CASES } from '../../support/reductions.js';
import { ADAPTERS, tuneFor } from '../../support/tuning.js';

const REDUCTIONS = [
  { name: 'sum', f: sum, low: -1 },
  { name: 'mean', f: mean, low: -1 },
  { name: 'prod', f: product, low: 0.9 },
] as const;

describe.each(ADAPTERS)('tuned for %s', (adapter) => {
  tuneFor(adapter);

  describe.each(REDUCTIONS)('$name', ({ name, f, low }) => {
    test.each(REDUCTION_CASES)('of $shape over dim $dim, keepdim $keepdim', (options) => {
      const { shape, dim, keepdim } = options;
      return checkOp({
        inputs: [{ shape, data: uniform(numelOf(shape), 1, low, 1.1) }],
        op: (x) => x[name](dim, keepdim),
        reference: (x) => reduceOver(x, dimsOf(options), keepdim ?? false, f),
        options: { dim, keepdim },
        samples: 16,
      });
    });
  });

  test('sums of few long rows and of many short ones are right to 1e-6', async () => {
    const cases = [
      { shape: [3, 100_003], dim: 1 },
      { shape: [601, 67], dim: 1 },
      { shape: [20_001, 33], dim: 0 },
      { shape: [100_003, 3], dim: 0 },
      { shape: [30_011, 11], dim: 1 },
      { shape: [7, 20_001, 3], dim: 1 },
    ];
    for (const { shape, dim } of unlessAll(cases.slice(0, 3), cases)) {
      const data = uniform(numelOf(shape), 6, 1, 1.001);
      using x = sg.tensor(data, { shape });
      using y = x.sum(dim);
      const expected = reduceOver({ shape, data: Float64Array.from(data) }, [dim], false, sum);
      expectClose(await y.data(), expected.data, { absolute: 0, relative: 1e-6 });
    }
  });

  test('a sum of ten million numbers is right to 1e-6', async () => {
    const data = new Float32Array(1e7);
    let total = 0;
    for (let i = 0; i < data.length; i++) {
      data[i] = 0.5 + ((i * 2654435761) % 2 ** 32) / 2 ** 32;
      total += data[i]!;
    }
    using x = sg.tensor(data);
    using y = x.sum();
    expectClose([await y.item()], [total], { absolute: 0, relative: 1e-6 });
  });

  test('a sum has the same bits each time', async () => {
    using x = sg.tensor(uniform(123_457, 7));
    using first = x.sum();
    using second = x.sum();
    expect(await first.item()).toBe(await second.item());
  });
});

describe.each(REDUCTIONS)('$name', ({ name }) => {
  test('refuses a dim that is not there, or comes twice', () => {
    using x = sg.zeros([2, 3]);
    expect(() => x[name](2)).toThrow(`${name}: expected dim from -2 to 1, got 2`);
    expect(() => x[name]([0, -2])).toThrow(`${name}: expected each dim once, got [0, -2]`);
  });
});

test('the gradient of a product is right where elements are 0', () =>
  checkOp({
    inputs: [
      {
        shape: [4, 4],
        data: new Float32Array([2, 3, -1, 4, 2, 0, 3, 4, 0, 2, -0, 5, 0, 0, 0, 0]),
      },
    ],
    op: (x) => x.prod(-1),
    reference: (x) => reduceOver(x, [1], false, product),
  }));

test('a product of zeros over several dimensions has its gradient at the only zero', async () => {
  using x = sg.tensor([[[2, 0], [3, 1]], [[5, 1], [7, 2]]], { requiresGrad: true }); // prettier-ignore
  using y = x.prod([0, 2]);
  using gradient = sg.tensor([1, 2]);
  y.backward({ gradient });
  expect([...(await x.grad!.data())]).toEqual([0, 10, 28, 84, 0, 0, 12, 42]);
});

test('sums and products of integers are integers, and wrap', async () => {
  using x = sg.tensor([[16777217, 2], [3, -5]], { dtype: 'i32' }); // prettier-ignore
  using sums = x.sum(1);
  using products = x.prod(1);
  expect([sums.dtype, products.dtype]).toEqual(['i32', 'i32']);
  expect([...(await sums.data())]).toEqual([16777219, -2]);
  expect([...(await products.data())]).toEqual([33554434, -15]);
  using u = sg.tensor([4294967295, 3], { dtype: 'u32' });
  using total = u.sum();
  using product = u.prod();
  expect([await total.item(), await product.item()]).toEqual([2, 4294967293]);
});

test('mean refuses integers', () => {
  using x = sg.tensor([1, 2], { dtype: 'i32' });
  expect(() => x.mean()).toThrow(
    "mean: expected x of f32 or f16, got i32. Convert it with to('f32').",
  );
});

test('of nothing the sum is 0, the product 1 and the mean NaN', async () => {
  using x = sg.zeros([0, 3], { requiresGrad: true });
  using total = x.sum();
  using columns = x.sum(0);
  using products = x.prod(0);
  using average = x.mean(0);
  expect(await total.item()).toBe(0);
  expect([...(await columns.data())]).toEqual([0, 0, 0]);
  expect([...(await products.data())]).toEqual([1, 1, 1]);
  expect([...(await average.data())]).toEqual([NaN, NaN, NaN]);
  using rows = x.sum(1);
  expect(rows.shape).toEqual([0]);
  for (const y of [total, products]) {
    using gradient = sg.onesLike(y);
    y.backward({ gradient, retainGraph: true });
    expect(x.grad!.shape).toEqual([0, 3]);
  }
});

test('NaN and infinities pass through', async () => {
  using x = sg.tensor([[1, NaN, 3], [Infinity, -Infinity, 1], [Infinity, 2, -1], [0, -Infinity, 1]]); // prettier-ignore
  using sums = x.sum(1);
  using products = x.prod(1);
  expect([...(await sums.data())]).toEqual([NaN, NaN, Infinity, -Infinity]);
  expect([...(await products.data())]).toEqual([NaN, -Infinity, -Infinity, NaN]);
});

describe('in parts where a binding is small', () => {
  test.each([
    { shape: [2000], dim: 0 },
    { shape: [1, 300, 7], dim: [1, 2] },
    { shape: [600, 3], dim: 0 },
    { shape: [600, 3], dim: 1 },
    { shape: [120, 2, 9], dim: [0, 2] },
  ])('$shape over dim $dim', async ({ shape, dim }) => {
    const data = uniform(numelOf(shape), 3, 1, 2);
    using x = sg.tensor(data, { shape });
    const reference = { shape, data: Float64Array.from(data) };
    for (const [name, f] of [
      ['mean', mean],
      ['max', (row: number[]) => row.reduce((a, b) => Math.max(a, b))],
      ['norm', (row: number[]) => norm(row, 2)],
    ] as const) {
      using y = await withBindingLimit(1024, () =>
        name === 'norm' ? x.norm(2, dim) : x[name](dim),
      );
      const expected = reduceOver(reference, [dim].flat(), false, f);
      expect(y.shape).toEqual(expected.shape);
      expectClose(await y.data(), expected.data, { relative: 1e-6 });
    }
  });
});
