import * as sg from 'shadegrad';
import { expect, test } from 'vitest';
import { broadcastPairs } from '../../reference/broadcast.js';
import { checkOp, type Reference } from '../../support/checkOp.js';
import { testHalf } from '../../support/half.js';
import { withBindingLimit } from '../../support/limits.js';
import { uniform } from '../../support/random.js';

const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** NumPy's where, by pairs: NaN marks an element that the other branch gives. */
function whereReference(condition: Reference, a: Reference, b: Reference): Reference {
  const fromA = broadcastPairs(condition, a, (c, x) => (c ? x : NaN));
  const zeros = { shape: a.shape, data: new Float64Array(a.data.length) };
  const all = broadcastPairs(b, zeros, (x) => x);
  return broadcastPairs(fromA, all, (x, y) => (Number.isNaN(x) ? y : x));
}

test.each([
  { c: [3, 5], a: [3, 5], b: [3, 5] },
  { c: [3, 1], a: [1, 5], b: [3, 5] },
  { c: [7], a: [3, 7], b: [1, 1] },
  { c: [4, 3], a: [], b: [3] },
])('where equals the reference at $c, $a and $b', ({ c, a, b }) =>
  checkOp({
    inputs: [
      { shape: c, data: Int32Array.from({ length: size(c) }, (_, i) => i % 3) },
      { shape: a, data: uniform(size(a), 1, 1, 2) },
      { shape: b, data: uniform(size(b), 2, 1, 2) },
    ],
    op: (condition, x, y) => sg.where(condition, x, y),
    reference: whereReference,
  }),
);

test('where takes numbers on either side, and is a method too', async () => {
  using condition = sg.tensor([1, 0, NaN]);
  using x = sg.tensor([5, 6, 7]);
  using right = sg.where(condition, x, -1);
  using left = sg.where(condition, 0.5, x);
  using both = sg.where(condition, 1, 0);
  using method = x.where(condition, left);
  expect([...(await right.data())]).toEqual([5, -1, 7]);
  expect([...(await left.data())]).toEqual([0.5, 6, 0.5]);
  expect([...(await both.data())]).toEqual([1, 0, 1]);
  expect([...(await method.data())]).toEqual([5, 6, 7]);
  using number = x.where(condition, 0);
  expect([...(await number.data())]).toEqual([5, 0, 7]);
});

test('the gradient of where passes by a number', async () => {
  using condition = sg.tensor([1, 0, 2]);
  using gradient = sg.tensor([1, 2, 3]);
  for (const isFirst of [true, false]) {
    using x = sg.tensor([5, 6, 7], { requiresGrad: true });
    using y = isFirst ? sg.where(condition, x, 0) : sg.where(condition, 0, x);
    y.backward({ gradient });
    expect([...(await x.grad!.data())]).toEqual(isFirst ? [1, 0, 3] : [0, 2, 0]);
  }
});

test('where keeps integers, and promotes them next to f32', () => {
  using condition = sg.tensor([1, 0], { dtype: 'i32' });
  using ints = sg.tensor([3, 4], { dtype: 'i32' });
  using kept = sg.where(condition, ints, 0);
  using mixed = sg.where(condition, ints, 0.5);
  expect([kept.dtype, mixed.dtype]).toEqual(['i32', 'f32']);
});

test('where refuses shapes that do not broadcast', () => {
  using a = sg.zeros([2]);
  using b = sg.zeros([3]);
  expect(() => sg.where(a, a, b)).toThrow('where: expected a shape that broadcasts with (2,)');
});

testHalf(
  'a condition of f16 chooses values of any type, and one of any type values of f16',
  async () => {
    using condition = sg.tensor([1, 0, -0, NaN], { dtype: 'f16' });
    using ints = sg.tensor([16777217, 2, 3, 4], { dtype: 'i32' });
    using kept = sg.where(condition, ints, 0);
    expect([kept.dtype, [...(await kept.data())]]).toEqual(['i32', [16777217, 0, 0, 4]]);
    using half = sg.tensor([1.5, 2.5, 3.5, 4.5], { dtype: 'f16', requiresGrad: true });
    using floats = sg.tensor([0.1], { requiresGrad: true });
    using flags = sg.tensor([0, 1, 0, 1], { dtype: 'u32' });
    using mixed = sg.where(flags, half, floats);
    expect(mixed.dtype).toBe('f32');
    expect([...(await mixed.data())]).toEqual([0.1, 2.5, 0.1, 4.5].map(Math.fround));
    using gradient = sg.ones([4]);
    mixed.backward({ gradient });
    expect([half.grad!.dtype, [...(await half.grad!.data())]]).toEqual(['f16', [0, 1, 0, 1]]);
    expect([...(await floats.grad!.data())]).toEqual([2]);
  },
);

test('runs in parts where a binding is small', () =>
  withBindingLimit(1024, () =>
    checkOp({
      inputs: [
        { shape: [900], data: Int32Array.from({ length: 900 }, (_, i) => i % 3) },
        { shape: [900], data: uniform(900, 1, 1, 2) },
        { shape: [], data: new Float32Array([3]) },
      ],
      op: (condition, x, y) => sg.where(condition, x, y),
      reference: whereReference,
    }),
  ));
