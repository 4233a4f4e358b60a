import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { matmul } from '../../reference/matmul.js';
import { checkOp, type OpInput, type Reference } from '../../support/checkOp.js';
import { expectClose } from '../../support/compare.js';
import { uniform } from '../../support/random.js';

const input = (shape: readonly number[], seed: number): OpInput => ({
  shape,
  data: uniform(
    shape.reduce((a, b) => a * b, 1),
    seed,
  ),
});

/** The reference for vectors too: a row on the left, a column on the right. */
function reference(a: Reference, b: Reference): Reference {
  const row = a.shape.length === 1;
  const column = b.shape.length === 1;
  const { shape, data } = matmul(
    row ? { ...a, shape: [1, ...a.shape] } : a,
    column ? { ...b, shape: [...b.shape, 1] } : b,
  );
  const m = row ? [] : shape.slice(-2, -1);
  const n = column ? [] : shape.slice(-1);
  return { shape: [...shape.slice(0, -2), ...m, ...n], data };
}

describe('matmul', () => {
  test.each([
    { a: [3, 5], b: [5, 7] },
    { a: [17, 31], b: [31, 33] },
    { a: [1, 1], b: [1, 1] },
    { a: [65, 4], b: [4, 1] },
    { a: [5], b: [5] },
    { a: [5], b: [5, 3] },
    { a: [3, 5], b: [5] },
    { a: [2, 3, 5], b: [5] },
    { a: [5], b: [2, 5, 3] },
    { a: [2, 3, 5], b: [5, 4] },
    { a: [3, 5], b: [2, 5, 4] },
    { a: [2, 3, 5], b: [2, 5, 4] },
    { a: [2, 1, 3, 5], b: [3, 5, 4] },
    { a: [2, 1, 3, 4], b: [1, 3, 4, 8] },
  ])('$a times $b', ({ a, b }) =>
    checkOp({ inputs: [input(a, 1), input(b, 2)], op: (x, y) => x.matmul(y), reference }),
  );

  test('of one tensor with itself', () =>
    checkOp({
      inputs: [input([4, 4], 1)],
      op: (x) => x.matmul(x),
      reference: (x) => matmul(x, x),
    }));

  test('large values do not spoil the small ones of other rows', async () => {
    const a = uniform(6 * 8, 1);
    for (let i = 0; i < 8; i++) a[i]! *= 1e4;
    const b = uniform(8 * 3, 2);
    using x = sg.tensor(a, { shape: [6, 8] });
    using y = sg.tensor(b, { shape: [8, 3] });
    using z = x.matmul(y);
    const [left, right] = [Float64Array.from(a), Float64Array.from(b)];
    const expected = matmul({ shape: [6, 8], data: left }, { shape: [8, 3], data: right });
    expectClose((await z.data()).subarray(3), expected.data.subarray(3));
  });
});

test('matmul skips the gradient that nobody wants', () => {
  using a = sg.tensor(uniform(6, 1), { shape: [2, 3], requiresGrad: true });
  using b = sg.tensor(uniform(6, 2), { shape: [3, 2] });
  using c = a.matmul(b);
  using loss = c.sum();
  loss.backward();
  expect(a.grad!.shape).toEqual([2, 3]);
  expect(b.grad).toBeNull();
});

test.each([
  [[2, 3], [2, 3], 'matmul: expected b (..., 3, N) for a (2, 3), got (2, 3)'],
  [[2, 3], [2], 'matmul: expected b (3,) for a (2, 3), got (2,)'],
  [[], [2], 'matmul: expected a of one dimension or more, got ()'],
  [[2, 1, 3], [3, 3, 2], 'matmul: expected a shape that broadcasts with (2,), got (3,)'],
])('matmul refuses %j times %j', (a, b, message) => {
  using x = sg.zeros(a);
  using y = sg.zeros(b);
  expect(() => x.matmul(y)).toThrow(message);
});

test('matmul refuses integers', () => {
  using x = sg.zeros([2, 2]);
  using y = sg.zeros([2, 2], { dtype: 'i32' });
  expect(() => x.matmul(y)).toThrow('matmul: expected b of f32 or f16, got i32');
});
