import * as sg from 'shadegrad';
import { expect, test } from 'vitest';
import { broadcastPairs } from '../../reference/broadcast.js';
import { checkOp } from '../../support/checkOp.js';
import { uniform } from '../../support/random.js';

const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

test.each([
  { from: [3, 1], shape: [3, 4], to: [3, 4] },
  { from: [5], shape: [2, 3, -1], to: [2, 3, 5] },
  { from: [1, 3, 1], shape: [2, -1, 7], to: [2, 3, 7] },
  { from: [], shape: [3, 3], to: [3, 3] },
  { from: [2, 3], shape: [2, 3], to: [2, 3] },
])('expand $from to $shape', ({ from, shape, to }) =>
  checkOp({
    inputs: [{ shape: from, data: uniform(size(from), 1) }],
    op: (x) => x.expand(shape),
    reference: (x) => broadcastPairs(x, { shape: to, data: new Float64Array(size(to)) }, (a) => a),
  }),
);

test('expand refuses to repeat what is not 1', () => {
  using x = sg.zeros([2, 3]);
  for (const shape of [[4, 3], [3], [-1, 2, 3]]) {
    expect(() => x.expand(shape)).toThrow('expand: expected a shape that (2, 3) broadcasts to');
  }
});

test('expand moves the bits of integers, to nothing too', async () => {
  using x = sg.tensor([2143289345, 7], { shape: [2, 1], dtype: 'u32' });
  using y = x.expand([2, 2]);
  expect([...(await y.data())]).toEqual([2143289345, 2143289345, 7, 7]);
  using one = sg.ones([1], { requiresGrad: true });
  using none = one.expand([3, 0]);
  expect(none.shape).toEqual([3, 0]);
  using gradient = sg.zeros([3, 0]);
  none.backward({ gradient });
  expect(await one.grad!.item()).toBe(0);
});
