import * as sg from 'shadegrad';
import { expect, test } from 'vitest';
import { cumsum, sizeOf } from '../../reference/indexing.js';
import { checkOp } from '../../support/checkOp.js';
import { uniform } from '../../support/random.js';

test.each([
  { shape: [7], dim: 0 },
  { shape: [3, 5], dim: 0 },
  { shape: [3, 5], dim: -1 },
  { shape: [2, 33, 3], dim: 1 },
  { shape: [2, 100, 3], dim: 1 },
  { shape: [1, 65], dim: 1 },
])('cumsum of $shape along $dim', ({ shape, dim }) =>
  checkOp({
    inputs: [{ shape, data: uniform(sizeOf(shape), 1) }],
    op: (x) => x.cumsum(dim),
    reference: (x) => cumsum(x, (dim + shape.length) % shape.length),
    options: { dim },
    samples: 40,
  }),
);

test('adds long rows in segments, of segments', async () => {
  const size = 50_000;
  const data = uniform(size, 1, 0, 1);
  using x = sg.tensor(data, { requiresGrad: true });
  using y = x.cumsum(0);
  let sum = 0;
  const expected = Float64Array.from(data, (value) => (sum += value));
  const error = (await y.data()).map((value, i) => Math.abs(value / expected[i]! - 1));
  expect(Math.max(...error.subarray(1))).toBeLessThan(1e-6);
  using gradient = sg.ones([size]);
  y.backward({ gradient });
  expect([...(await x.grad!.data())]).toEqual(Array.from({ length: size }, (_, i) => size - i));
});

test('cumsum keeps integers, and wraps', async () => {
  using x = sg.tensor([4294967295, 3, 7], { dtype: 'u32' });
  using y = x.cumsum(0);
  expect([y.dtype, ...(await y.data())]).toEqual(['u32', 4294967295, 2, 9]);
  using i = sg.full([3, 100], -1, { dtype: 'i32' });
  using z = i.cumsum(1);
  const row = Array.from({ length: 100 }, (_, n) => -1 - n);
  expect([...(await z.data())]).toEqual([...row, ...row, ...row]);
});

test('cumsum takes scalars and empty tensors, and refuses a dim that is not there', async () => {
  using scalar = sg.tensor(3);
  using same = scalar.cumsum(0);
  expect([same.shape, await same.item()]).toEqual([[], 3]);
  using empty = sg.zeros([0, 3]);
  using nothing = empty.cumsum(0);
  expect(nothing.shape).toEqual([0, 3]);
  expect(() => empty.cumsum(2)).toThrow('cumsum: expected dim from -2 to 1, got 2');
});
