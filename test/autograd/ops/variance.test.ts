import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { numelOf } from '../../../src/gpu/dtype.js';
import { reduceOver, variance } from '../../reference/reduce.js';
import { checkOp } from '../../support/checkOp.js';
import { expectClose } from '../../support/compare.js';
import { uniform } from '../../support/random.js';

const REDUCTIONS = [
  { name: 'variance', f: variance },
  { name: 'std', f: (x: number[], correction?: number) => Math.sqrt(variance(x, correction)) },
] as const;

describe.each(REDUCTIONS)('$name', ({ name, f }) => {
  test.each([
    { shape: [9] },
    { shape: [5, 33], dim: 1 },
    { shape: [33, 5], dim: -2, options: { correction: 0, keepdim: true } },
    { shape: [2, 3, 4, 5], dim: [0, 2, 3], options: { correction: 0 } },
    { shape: [2, 17, 3], dim: 1, options: { correction: 3 } },
    { shape: [1031, 2], dim: 0 },
  ])('of $shape over dim $dim with $options', ({ shape, dim, options }) =>
    checkOp({
      inputs: [{ shape, data: uniform(numelOf(shape), 1) }],
      op: (x) => x[name](dim, options),
      reference: (x) => {
        const dims = dim === undefined ? shape.map((_, d) => d) : [dim].flat();
        return reduceOver(
          x,
          dims.map((d) => (d + shape.length) % shape.length),
          options?.keepdim ?? false,
          (elements) => f(elements, options?.correction),
        );
      },
      options: { dim, ...options },
    }),
  );

  test('does not cancel far from zero', async () => {
    const data = uniform(4096, 3).map((x) => x + 1e4);
    using x = sg.tensor(data);
    using y = x[name]();
    expectClose(await y.data(), [f([...data])], { absolute: 0, relative: 1e-4 });
  });

  test('of one element is NaN with correction 1, of nothing too, as in PyTorch', async () => {
    using x = sg.tensor([3]);
    using sample = x[name]();
    using population = x[name](undefined, { correction: 0 });
    expect([await sample.item(), await population.item()]).toEqual([NaN, 0]);
    using pair = sg.tensor([1, 2]);
    using beyond = pair[name](0, { correction: 5 });
    expect(await beyond.item()).toBe(Infinity);
    using none = sg.zeros([0, 2]);
    using columns = none[name](0);
    expect([...(await columns.data())]).toEqual([NaN, NaN]);
  });

  test('refuses integers', () => {
    using x = sg.tensor([1, 2], { dtype: 'i32' });
    expect(() => x[name]()).toThrow(
      `${name}: expected x of f32 or f16, got i32. Convert it with to('f32').`,
    );
  });
});

test('the gradient of std is 0 where all elements are equal', async () => {
  using x = sg.tensor([3, 3, 3], { requiresGrad: true });
  using y = x.std();
  y.backward();
  expect([...(await x.grad!.data())]).toEqual([0, 0, 0]);
});
