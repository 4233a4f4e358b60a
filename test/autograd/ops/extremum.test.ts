import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { numelOf } from '../../../src/gpu/dtype.js';
import { reduceOver } from '../../reference/reduce.js';
import { checkOp } from '../../support/checkOp.js';
import { shuffledRange } from '../../support/random.js';
import { dimsOf, REDUCTION_CASES } from '../../support/reductions.js';

const REDUCTIONS = [
  { name: 'max', f: (x: number[]) => x.reduce((a, b) => Math.max(a, b)) },
  { name: 'min', f: (x: number[]) => x.reduce((a, b) => Math.min(a, b)) },
] as const;

describe.each(REDUCTIONS)('$name', ({ name, f }) => {
  test.each(REDUCTION_CASES)('of $shape over dim $dim, keepdim $keepdim', (options) => {
    const { shape, dim, keepdim } = options;
    const count = numelOf(shape);
    return checkOp({
      // Whole numbers: f16 has each of them, and no step of the gradient check crosses a tie.
      inputs: [{ shape, data: shuffledRange(count, 1).map((x) => x - 1000), grad: count <= 1000 }],
      op: (x) => x[name](dim, keepdim),
      reference: (x) => reduceOver(x, dimsOf(options), keepdim ?? false, f),
      options: { dim, keepdim },
      samples: 1000,
    });
  });

  test('refuses nothing to choose from, and a dim that is not there', () => {
    using x = sg.zeros([0, 3]);
    using none = x[name](1);
    expect(none.shape).toEqual([0]);
    expect(() => x[name](0)).toThrow(
      `${name}: expected at least one element to choose from, got none. Leave out`,
    );
    expect(() => x[name](2)).toThrow(`${name}: expected dim from -2 to 1, got 2`);
  });

  test('takes integers', async () => {
    using x = sg.tensor([4294967295, 3], { dtype: 'u32' });
    using y = x[name]();
    expect([y.dtype, await y.item()]).toEqual(['u32', name === 'max' ? 4294967295 : 3]);
  });
});

test('ties share the gradient evenly', async () => {
  using x = sg.tensor([[2, 5, 5, 1, 5], [1, 1, 1, 1, 0]], { requiresGrad: true }); // prettier-ignore
  using y = x.max(1);
  using gradient = sg.tensor([3, 8]);
  y.backward({ gradient });
  expect([...(await x.grad!.data())]).toEqual([0, 1, 1, 0, 1, 2, 2, 2, 2, 0]);
});

test('NaN is the maximum and the minimum where there is one, and has the gradient', async () => {
  const rows = [
    [1, NaN, 3],
    [-Infinity, -Infinity, -Infinity],
    [Infinity, -1, -Infinity],
    [NaN, 2, NaN],
  ];
  using x = sg.tensor(rows, { requiresGrad: true });
  using max = x.max(1);
  using fixed = x.detach();
  using min = fixed.min(1);
  expect([...(await max.data())]).toEqual([NaN, -Infinity, Infinity, NaN]);
  expect([...(await min.data())]).toEqual([NaN, -Infinity, -Infinity, NaN]);
  using gradient = sg.tensor([2, 3, 4, 6]);
  max.backward({ gradient });
  expect(await x.grad!.toArray()).toEqual([
    [0, 2, 0],
    [1, 1, 1],
    [4, 0, 0],
    [3, 0, 3],
  ]);
});
