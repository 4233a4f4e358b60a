import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { numelOf } from '../../../src/gpu/dtype.js';
import { reduceOver } from '../../reference/reduce.js';
import { checkOp } from '../../support/checkOp.js';
import { shuffledRange, uniform } from '../../support/random.js';

const SEARCHES = [
  { name: 'maxWithIndices', extreme: Math.max },
  { name: 'minWithIndices', extreme: Math.min },
] as const;

describe.each(SEARCHES)('$name', ({ name, extreme }) => {
  const best = (row: readonly number[]): number => row.reduce((a, b) => extreme(a, b));

  test.each([
    { shape: [17], dim: 0, keepdim: false },
    { shape: [5, 33], dim: 1, keepdim: true },
    { shape: [3, 7, 5], dim: -2, keepdim: false },
    { shape: [31, 2, 3], dim: 0, keepdim: false },
    { shape: [2, 1, 3], dim: 1, keepdim: false },
    { shape: [2, 513], dim: 1, keepdim: false },
  ])('values of $shape over dim $dim, keepdim $keepdim', ({ shape, dim, keepdim }) =>
    checkOp({
      inputs: [{ shape, data: shuffledRange(numelOf(shape), 5) }],
      op: (x) => {
        const [values, indices] = x[name](dim, keepdim);
        indices.dispose();
        return values;
      },
      reference: (x) => reduceOver(x, [(dim + shape.length) % shape.length], keepdim, best),
      options: { dim, keepdim },
      samples: 2000,
    }),
  );

  test('indices are those of argmax and argmin, ties and NaN included', async () => {
    const data = uniform(4 * 50 * 3, 6, 0, 9).map(Math.floor);
    data[20] = data[50] = NaN;
    using x = sg.tensor(data, { shape: [4, 50, 3] });
    const [values, indices] = x[name](1);
    using expected = name === 'maxWithIndices' ? x.argmax(1) : x.argmin(1);
    using extremes = name === 'maxWithIndices' ? x.max(1) : x.min(1);
    expect([indices.dtype, indices.shape]).toEqual(['i32', [4, 3]]);
    expect(await indices.data()).toEqual(await expected.data());
    expect(await values.data()).toEqual(await extremes.data());
    values.dispose();
    indices.dispose();
  });

  test('takes integers', async () => {
    using x = sg.tensor([[16777216, 16777217]], { dtype: 'i32' });
    const [values, indices] = x[name](1);
    expect(values.dtype).toBe('i32');
    const isMax = name === 'maxWithIndices';
    expect([await values.item(), await indices.item()]).toEqual([16777216 + +isMax, +isMax]);
    values.dispose();
    indices.dispose();
  });

  test('refuses what is empty, and a dim that is not there', () => {
    using empty = sg.zeros([2, 0]);
    expect(() => empty[name](1)).toThrow(`${name}: expected at least one element to choose from`);
    expect(() => empty[name](2)).toThrow(`${name}: expected dim from -2 to 1, got 2`);
    const [values, indices] = empty[name](0);
    expect([values.shape, indices.shape]).toEqual([[0], [0]]);
    values.dispose();
    indices.dispose();
  });
});

test('the first of equals has all of the gradient', async () => {
  using x = sg.tensor([[1, 3, 3], [2, 2, 0]], { requiresGrad: true }); // prettier-ignore
  const [values, indices] = x.maxWithIndices(1);
  expect([values.requiresGrad, indices.requiresGrad]).toEqual([true, false]);
  using gradient = sg.tensor([5, 7]);
  values.backward({ gradient });
  expect([...(await x.grad!.data())]).toEqual([0, 5, 0, 7, 0, 0]);
  values.dispose();
  indices.dispose();
});

test('indices of a training step are freed with it', async () => {
  using x = sg.tensor([1, 3, 2], { requiresGrad: true });
  let indices!: sg.Tensor;
  for (let step = 0; step < 3; step++) {
    const before = indices as sg.Tensor | undefined;
    const [values, found] = x.maxWithIndices(0);
    indices = found;
    if (before) expect(before.isFreed).toBe(true);
    values.backward();
    expect(await indices.item()).toBe(1);
  }
  using next = x.sum();
  expect(indices.isFreed).toBe(true);
  next.backward();
});
