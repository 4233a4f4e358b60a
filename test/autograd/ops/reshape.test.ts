import * as sg from 'shadegrad';
import { expect, test } from 'vitest';
import { checkOp } from '../../support/checkOp.js';
import { uniform } from '../../support/random.js';

test.each([
  { from: [2, 6], shape: [3, 4], to: [3, 4] },
  { from: [2, 3, 5], shape: [-1, 5], to: [6, 5] },
  { from: [2, 3, 5], shape: [2, -1], to: [2, 15] },
  { from: [1], shape: [], to: [] },
])('reshape of $from to $shape', ({ from, shape, to }) =>
  checkOp({
    inputs: [
      {
        shape: from,
        data: uniform(
          from.reduce((a, b) => a * b, 1),
          1,
        ),
      },
    ],
    op: (x) => x.reshape(shape),
    reference: ({ data }) => ({ shape: to, data }),
    options: { shape },
  }),
);

test('reshape of no elements', () => {
  using x = sg.zeros([0, 3]);
  using y = x.reshape([-1, 5]);
  using z = x.reshape([7, 0]);
  expect([y.shape, z.shape]).toEqual([
    [0, 5],
    [7, 0],
  ]);
  expect(() => x.reshape([-1, 0])).toThrow('reshape: expected a shape of 0 elements');
});

test('reshape refuses what does not fit', () => {
  using x = sg.zeros([2, 3]);
  using one = sg.zeros([1]);
  for (const shape of [[4], [-1, 4], [-1, 0], [2, -3], [1.5, 4]]) {
    expect(() => x.reshape(shape)).toThrow(
      `reshape: expected a shape of 6 elements, as the input has, got (${shape.join(', ')}`,
    );
  }
  expect(() => one.reshape([-1, -1])).toThrow('reshape: expected one -1 at most, got [-1, -1]');
});
