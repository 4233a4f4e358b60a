import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { numelOf } from '../../../src/gpu/dtype.js';
import { norm, reduceOver } from '../../reference/reduce.js';
import { checkOp } from '../../support/checkOp.js';
import { shuffledRange } from '../../support/random.js';
import { dimsOf } from '../../support/reductions.js';

const CASES = [
  { shape: [17] },
  { shape: [5, 33], dim: 1 },
  { shape: [7, 5, 3], dim: -2, keepdim: true },
  { shape: [2, 3, 4, 5], dim: [0, 2, 3] },
  { shape: [3, 200], dim: 1 },
];

describe.each([1, 2, Infinity])('norm, p = %d', (p) => {
  test.each(CASES)('of $shape over dim $dim, keepdim $keepdim', (options) => {
    const { shape, dim, keepdim } = options;
    const count = numelOf(shape);
    return checkOp({
      // Sizes differ by more than the step of the gradient check, and none is 0.
      inputs: [
        {
          shape,
          data: shuffledRange(count, 3).map((x) => (x + 1) * (x % 3 === 0 ? -0.125 : 0.125)),
        },
      ],
      op: (x) => x.norm(p, dim, keepdim),
      reference: (x) => reduceOver(x, dimsOf(options), keepdim ?? false, (row) => norm(row, p)),
      options: { p, dim, keepdim },
      samples: 1000,
    });
  });

  test('of zeros is 0, and so is its gradient', async () => {
    using x = sg.zeros([3], { requiresGrad: true });
    using y = x.norm(p);
    y.backward();
    expect(await y.item()).toBe(0);
    expect([...(await x.grad!.data())]).toEqual([0, 0, 0]);
  });

  test('is NaN where an element is', async () => {
    using x = sg.tensor([[1, NaN], [Infinity, 2]]); // prettier-ignore
    using y = x.norm(p, 1);
    expect([...(await y.data())]).toEqual([NaN, Infinity]);
  });
});

test('the largest sizes share the gradient of the infinity norm', async () => {
  using x = sg.tensor([1, -3, 3], { requiresGrad: true });
  using y = x.norm(Infinity);
  y.backward();
  expect([...(await x.grad!.data())]).toEqual([0, -0.5, 0.5]);
});

test('of nothing the norm is 0, but there is no largest size', async () => {
  using x = sg.zeros([0, 2]);
  using y = x.norm(2, 0);
  expect([...(await y.data())]).toEqual([0, 0]);
  expect(() => x.norm(Infinity, 0)).toThrow('norm: expected at least one element to choose from');
});

test('refuses integers and other p', () => {
  using ints = sg.tensor([1, 2], { dtype: 'i32' });
  expect(() => ints.norm()).toThrow('norm: expected x of f32 or f16, got i32');
  using x = sg.zeros([2]);
  expect(() => x.norm(3)).toThrow('norm: expected a norm of p = 1, 2 or Infinity, got 3');
});
