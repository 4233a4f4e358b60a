import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { broadcastPairs } from '../../reference/broadcast.js';
import { checkOp } from '../../support/checkOp.js';
import { testHalf } from '../../support/half.js';
import { withBindingLimit } from '../../support/limits.js';

const RELATIONS = [
  { name: 'eq', f: (a: number, b: number) => a === b },
  { name: 'ne', f: (a: number, b: number) => a !== b },
  { name: 'lt', f: (a: number, b: number) => a < b },
  { name: 'le', f: (a: number, b: number) => a <= b },
  { name: 'gt', f: (a: number, b: number) => a > b },
  { name: 'ge', f: (a: number, b: number) => a >= b },
] as const;

const ramp = (count: number): Float32Array => Float32Array.from({ length: count }, (_, i) => i % 5);

describe.each(RELATIONS)('$name', ({ name, f }) => {
  test.each([
    [
      [3, 7],
      [3, 7],
    ],
    [
      [5, 1],
      [1, 5],
    ],
    [
      [2, 3, 5],
      [3, 1],
    ],
    [[], [4]],
  ])('of %j and %j equals the reference', (a, b) =>
    checkOp({
      inputs: [
        { shape: a, data: ramp(a.reduce((x, y) => x * y, 1)), grad: false },
        { shape: b, data: ramp(b.reduce((x, y) => x * y, 1)).reverse(), grad: false },
      ],
      op: (x, y) => x[name](y),
      reference: (x, y) => broadcastPairs(x, y, (p, q) => Number(f(p, q))),
    }),
  );

  test('gives i32 without gradient', async () => {
    using x = sg.tensor([1, 2, 3], { requiresGrad: true });
    using y = x[name](2);
    expect(y.dtype).toBe('i32');
    expect(y.requiresGrad).toBe(false);
    expect([...(await y.data())]).toEqual([1, 2, 3].map((value) => Number(f(value, 2))));
  });

  test('follows IEEE for NaN, infinities and negative zero', async () => {
    const a = [NaN, NaN, 1, Infinity, -Infinity, -0, Infinity];
    const b = [NaN, 1, NaN, Infinity, Infinity, 0, NaN];
    using x = sg.tensor(a);
    using y = sg.tensor(b);
    using result = x[name](y);
    expect([...(await result.data())]).toEqual(a.map((value, i) => Number(f(value, b[i]!))));
    using number = x[name](NaN);
    expect([...(await number.data())]).toEqual(a.map((value) => Number(f(value, NaN))));
  });

  test('compares integers exactly, and with floats in f32', async () => {
    using x = sg.tensor([16777216, 16777217, -1], { dtype: 'i32' });
    using y = x[name](16777217);
    expect([...(await y.data())]).toEqual(
      [16777216, 16777217, -1].map((value) => Number(f(value, 16777217))),
    );
    using z = x[name](-0.5);
    expect([...(await z.data())]).toEqual([1, 1, -1].map((value) => Number(f(value, -0.5))));
  });

  testHalf('compares f16 with a number rounded to f16, as PyTorch does', async () => {
    using x = sg.tensor([0.1, 0.2], { dtype: 'f16' });
    using y = x[name](0.1);
    expect([...(await y.data())]).toEqual([f(0.1, 0.1), f(0.2, 0.1)].map(Number));
  });

  test('runs in parts where a binding is small', () =>
    withBindingLimit(1024, () =>
      checkOp({
        inputs: [
          { shape: [30, 33], data: ramp(990), grad: false },
          { shape: [30, 1], data: ramp(30), grad: false },
        ],
        op: (x, y) => x[name](y),
        reference: (x, y) => broadcastPairs(x, y, (p, q) => Number(f(p, q))),
      }),
    ));

  test('takes empty tensors and refuses shapes that do not broadcast', () => {
    using empty = sg.zeros([0, 2]);
    using pair = sg.zeros([2]);
    using y = empty[name](pair);
    expect(y.shape).toEqual([0, 2]);
    using three = sg.zeros([3]);
    expect(() => pair[name](three)).toThrow(`${name}: expected a shape that broadcasts with (2,)`);
  });
});
