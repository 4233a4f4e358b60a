import * as sg from 'shadegrad';
import { expect, test } from 'vitest';
import { checkOp } from '../../support/checkOp.js';
import { testHalf } from '../../support/half.js';
import { withBindingLimit } from '../../support/limits.js';
import { uniform } from '../../support/random.js';

test.each([
  { low: -0.5, high: 0.75 },
  { low: 0.1, high: undefined },
  { low: undefined, high: -0.1 },
])('clamp to $low, $high equals the reference', ({ low, high }) =>
  checkOp({
    inputs: [{ shape: [5, 33], data: uniform(165, 1) }],
    op: (x) => x.clamp(low, high),
    reference: (x) => ({
      shape: x.shape,
      data: x.data.map((value) => Math.min(Math.max(value, low ?? -Infinity), high ?? Infinity)),
    }),
  }),
);

test('two bounds let no gradient pass at themselves, one does, and NaN stays NaN', async () => {
  using x = sg.tensor([-2, -1, 0, 1, 2, NaN, -Infinity], { requiresGrad: true });
  using y = x.clamp(-1, 1);
  expect([...(await y.data())]).toEqual([-1, -1, 0, 1, 1, NaN, -1]);
  using gradient = sg.ones([7]);
  y.backward({ gradient });
  expect([...(await x.grad!.data())]).toEqual([0, 0, 1, 0, 0, 0, 0]);
  for (const [low, high, passed] of [
    [-1, undefined, [0, 1, 1, 1, 1, 0, 0]],
    [undefined, 1, [1, 1, 1, 1, 0, 0, 1]],
  ] as const) {
    x.grad = null;
    using z = x.clamp(low, high);
    z.backward({ gradient });
    expect([...(await x.grad!.data())]).toEqual(passed);
  }
});

test('clamps integers, in f32 where a bound has a fraction', async () => {
  using x = sg.tensor([-5, 2, 16777217], { dtype: 'i32' });
  using y = x.clamp(-1);
  expect([...(await y.data())]).toEqual([-1, 2, 16777217]);
  using z = x.clamp(undefined, 1.5);
  expect(z.dtype).toBe('f32');
  expect([...(await z.data())]).toEqual([-5, 1.5, 1.5]);
});

test('clamp refuses to do nothing', () => {
  using x = sg.zeros([2]);
  expect(() => x.clamp()).toThrow('clamp: expected a minimum or a maximum, got neither');
});

testHalf(
  'a lone bound is rounded to f16, and lets the gradient of its own value pass',
  async () => {
    using x = sg.tensor([0.1, 0.2], { dtype: 'f16', requiresGrad: true });
    using y = x.clamp(undefined, 0.1);
    expect(y.dtype).toBe('f16');
    const [bound] = await x.data();
    expect([...(await y.data())]).toEqual([bound, bound]);
    using gradient = sg.ones([2], { dtype: 'f16' });
    y.backward({ gradient });
    expect([...(await x.grad!.data())]).toEqual([1, 0]);
  },
);

test('runs in parts where a binding is small', () =>
  withBindingLimit(1024, () =>
    checkOp({
      inputs: [{ shape: [1000], data: uniform(1000, 2) }],
      op: (x) => x.clamp(-0.3, 0.4),
      reference: (x) => ({
        shape: x.shape,
        data: x.data.map((value) => Math.min(Math.max(value, -0.3), 0.4)),
      }),
    }),
  ));
