import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { numelOf } from '../../../src/gpu/dtype.js';
import { reduceOver } from '../../reference/reduce.js';
import { checkOp } from '../../support/checkOp.js';
import { uniform } from '../../support/random.js';
import { dimsOf, REDUCTION_CASES } from '../../support/reductions.js';

const REDUCTIONS = [
  { name: 'any', f: (x: number[]) => Number(x.some(Boolean)), often: 0.1 },
  { name: 'all', f: (x: number[]) => Number(x.every(Boolean)), often: 0.9 },
] as const;

describe.each(REDUCTIONS)('$name', ({ name, f, often }) => {
  test.each(REDUCTION_CASES)('of $shape over dim $dim, keepdim $keepdim', (options) => {
    const { shape, dim, keepdim } = options;
    const data = uniform(numelOf(shape), 4, 0, 1).map((x) => (x < often ? x + 1 : 0));
    return checkOp({
      inputs: [{ shape, data, grad: false }],
      op: (x) => x[name](dim, keepdim),
      reference: (x) => reduceOver(x, dimsOf(options), keepdim ?? false, f),
      options: { dim, keepdim },
    });
  });

  test('gives i32, takes integers, and NaN for set', async () => {
    using x = sg.tensor([[0, 0], [0, 7], [7, 7]], { dtype: 'u32' }); // prettier-ignore
    using y = x[name](1);
    expect([y.dtype, [...(await y.data())]]).toEqual([
      'i32',
      name === 'any' ? [0, 1, 1] : [0, 0, 1],
    ]);
    using nan = sg.tensor([NaN]);
    using set = nan[name]();
    expect(await set.item()).toBe(1);
  });

  test('of nothing', async () => {
    using x = sg.zeros([0, 2]);
    using y = x[name](0);
    expect([...(await y.data())]).toEqual(name === 'any' ? [0, 0] : [1, 1]);
  });
});
