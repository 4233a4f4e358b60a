import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { numelOf } from '../../../src/gpu/dtype.js';
import { broadcastPairs } from '../../reference/broadcast.js';
import { checkOp } from '../../support/checkOp.js';
import { expectClose } from '../../support/compare.js';
import { testHalf } from '../../support/half.js';
import { withBindingLimit } from '../../support/limits.js';
import { shuffledRange, uniform } from '../../support/random.js';

const FUNCTIONS: readonly {
  name: 'add' | 'sub' | 'mul' | 'div' | 'maximum' | 'minimum' | 'pow';
  f: (a: number, b: number) => number;
  reversed?: 'rsub' | 'rdiv' | 'rpow';
}[] = [
  { name: 'add', f: (a, b) => a + b },
  { name: 'sub', f: (a, b) => a - b, reversed: 'rsub' },
  { name: 'mul', f: (a, b) => a * b },
  { name: 'div', f: (a, b) => a / b, reversed: 'rdiv' },
  { name: 'maximum', f: Math.max },
  { name: 'minimum', f: Math.min },
  { name: 'pow', f: Math.pow, reversed: 'rpow' },
];

const SHAPES: [a: number[], b: number[]][] = [
  [
    [3, 5, 7],
    [3, 5, 7],
  ],
  [
    [3, 1],
    [1, 4],
  ],
  [[5, 33], [33]],
  [[17], [4, 17]],
  [
    [2, 3, 5, 7],
    [3, 1, 1],
  ],
  [
    [2, 1, 3, 1, 2, 1],
    [1, 2, 1, 3, 1, 2],
  ],
  [[], [3, 2]],
  [[7], [1]],
  [[1, 1], [1]],
  [[], []],
];

describe.each(FUNCTIONS)('$name', ({ name, f, reversed }) => {
  // One element alone never wins against another one: its gradient would be zero.
  const isChoice = name === 'maximum' || name === 'minimum';
  test.each(SHAPES.filter(([a, b]) => !isChoice || numelOf(a) * numelOf(b) > 6))(
    'of %j and %j equals the reference',
    (a, b) =>
      checkOp({
        inputs: [
          // No two elements of a and b are closer than the step of the gradient check.
          { shape: a, data: shuffledRange(numelOf(a), 1).map((x) => 0.5 + (3 * x) / numelOf(a)) },
          {
            shape: b,
            data: shuffledRange(numelOf(b), 2).map((x) => 0.53 + (2.9 * x) / numelOf(b)),
          },
        ],
        op: (x, y) => x[name](y),
        reference: (x, y) => broadcastPairs(x, y, f),
        forward: { relative: 1e-5 },
      }),
  );

  test('takes a number', () =>
    checkOp({
      inputs: [{ shape: [3, 11], data: uniform(33, 1, 0.1, 3) }],
      op: (x) => x[name](1.7),
      reference: (x) => ({ shape: x.shape, data: x.data.map((value) => f(value, 1.7)) }),
    }));

  test.skipIf(!reversed)('takes a number on the left', () =>
    checkOp({
      inputs: [{ shape: [3, 11], data: uniform(33, 1, 0.1, 3) }],
      op: (x) => x[reversed!](1.7),
      reference: (x) => ({ shape: x.shape, data: x.data.map((value) => f(1.7, value)) }),
    }),
  );

  testHalf('computes f16 with f32 in f32, with integers and numbers in f16', async () => {
    using half = sg.tensor([1.5, 2.5], { dtype: 'f16', requiresGrad: true });
    using floats = sg.tensor([3, 2], { requiresGrad: true });
    using ints = sg.tensor([3, 2], { dtype: 'u32' });
    using mixed = half[name](floats);
    using whole = half[name](ints);
    using number = half[name](2);
    expect([mixed.dtype, whole.dtype, number.dtype]).toEqual(['f32', 'f16', 'f16']);
    expectClose(await mixed.data(), [f(1.5, 3), f(2.5, 2)]);
    expectClose(await whole.data(), [f(1.5, 3), f(2.5, 2)], { relative: 1e-3 });
    expectClose(await number.data(), [f(1.5, 2), f(2.5, 2)], { relative: 1e-3 });
    using part = mixed.add(whole);
    using sums = part.add(number);
    using gradient = sg.ones([2], { dtype: sums.dtype });
    sums.backward({ gradient });
    expect([half.grad!.dtype, floats.grad!.dtype]).toEqual(['f16', 'f32']);
  });

  test('runs in parts where a binding is small', () =>
    withBindingLimit(2048, () =>
      checkOp({
        inputs: [
          { shape: [41, 32], data: shuffledRange(41 * 32, 1).map((x) => 0.5 + x / 500) },
          { shape: [32], data: shuffledRange(32, 2).map((x) => 0.5 + 0.001 + x / 12) },
        ],
        op: (x, y) => x[name](y),
        reference: (x, y) => broadcastPairs(x, y, f),
        samples: 8,
      }),
    ));

  test('computes f32 with i32, and i32 with u32, as PyTorch does', async () => {
    using floats = sg.tensor([1.5, 2.5], { requiresGrad: true });
    using ints = sg.tensor([3, 2], { dtype: 'i32' });
    using unsigned = sg.tensor([2, 2], { dtype: 'u32' });
    using mixed = ints[name](floats);
    expect(mixed.dtype).toBe('f32');
    expectClose(await mixed.data(), [f(3, 1.5), f(2, 2.5)]);
    using whole = ints[name](unsigned);
    expect(whole.dtype).toBe(name === 'div' ? 'f32' : 'i32');
    expectClose(await whole.data(), [f(3, 2), f(2, 2)]);
    using fraction = ints[name](0.5);
    expect(fraction.dtype).toBe('f32');
    expectClose(await fraction.data(), [f(3, 0.5), f(2, 0.5)]);
    using kept = ints[name](2);
    expect(kept.dtype).toBe(name === 'div' ? 'f32' : 'i32');
    expectClose(await kept.data(), [f(3, 2), f(2, 2)]);
    using total = mixed.sum();
    total.backward();
    expect(floats.grad!.dtype).toBe('f32');
  });

  test('takes empty tensors', async () => {
    using empty = sg.zeros([0, 3], { requiresGrad: true });
    using row = sg.ones([3], { requiresGrad: true });
    using y = empty[name](row);
    expect(y.shape).toEqual([0, 3]);
    using total = y.sum();
    total.backward();
    expect(await row.grad!.data()).toEqual(new Float32Array(3));
    expect(empty.grad!.shape).toEqual([0, 3]);
  });

  test('refuses shapes that do not broadcast', () => {
    using a = sg.zeros([2, 3]);
    using b = sg.zeros([4]);
    expect(() => a[name](b)).toThrow(
      `${name}: expected a shape that broadcasts with (2, 3), got (4,). Counted from the last`,
    );
  });
});

test('an operand can be used twice', async () => {
  using x = sg.tensor([3, -2], { requiresGrad: true });
  using product = x.mul(x);
  using y = product.add(x);
  using gradient = sg.ones([2]);
  y.backward({ gradient });
  expect(await x.grad!.data()).toEqual(new Float32Array([7, -3]));
});

test('equal operands of maximum and minimum get half of the gradient each', async () => {
  for (const name of ['maximum', 'minimum'] as const) {
    using a = sg.tensor([1, 2, 3], { requiresGrad: true });
    using b = sg.tensor([1, 3, 2], { requiresGrad: true });
    using y = a[name](b);
    using total = y.sum();
    total.backward();
    const aWins = name === 'maximum' ? [0.5, 0, 1] : [0.5, 1, 0];
    expect([...(await a.grad!.data())]).toEqual(aWins);
    expect([...(await b.grad!.data())]).toEqual(aWins.map((share) => 1 - share));
  }
});

test('maximum and minimum pass NaN and infinities on', async () => {
  using a = sg.tensor(new Float32Array([NaN, 1, -Infinity, Infinity]));
  using b = sg.tensor(new Float32Array([1, NaN, -1e30, 1e30]));
  using max = a.maximum(b);
  using min = a.minimum(b);
  expect([...(await max.data())]).toEqual([NaN, NaN, Math.fround(-1e30), Infinity]);
  expect([...(await min.data())]).toEqual([NaN, NaN, -Infinity, Math.fround(1e30)]);
});

test('pow follows IEEE at zero, below it and for NaN', async () => {
  const bases = [0, 0, 0, -2, -2, -2, -8, NaN, NaN, 2, 1, -1.5, 0, -Infinity, -Infinity];
  const powers = [0, 2.5, -1.5, 3, -2, 0.5, 1 / 3, 0, 1.5, -70, 1e9, 65, -3, 2.5, -2.5];
  using a = sg.tensor(new Float32Array(bases));
  using b = sg.tensor(new Float32Array(powers));
  using y = a.pow(b);
  expectClose(
    await y.data(),
    bases.map((base, i) => base ** Math.fround(powers[i]!)),
    { relative: 1e-5 },
  );
});

test('the gradients of pow are finite where its value is', async () => {
  using a = sg.tensor([0, 0, 2, 0], { requiresGrad: true });
  using b = sg.tensor([0, 2, 0, 1], { requiresGrad: true });
  using y = a.pow(b);
  using total = y.sum();
  total.backward();
  expect([...(await a.grad!.data())]).toEqual([0, 0, 0, 1]);
  expectClose(await b.grad!.data(), [0, 0, Math.log(2), 0]);
});

test('pow of integers is exact, and truncates for negative exponents', async () => {
  using a = sg.tensor([3, -3, 2, -1, 1, 0], { dtype: 'i32' });
  using b = sg.tensor([19, 3, -1, -3, -5, 0], { dtype: 'i32' });
  using y = a.pow(b);
  expect([...(await y.data())]).toEqual([3 ** 19, -27, 0, -1, 1, 1]);
  expect(() => a.pow(-1)).toThrow('pow: expected an exponent from 0 up for integers, got -1');
});

test('integers keep all their bits', async () => {
  using a = sg.tensor([16777217, -2147483648], { dtype: 'i32' });
  using y = a.add(16777217);
  expect([...(await y.data())]).toEqual([33554434, -2130706431]);
  using b = sg.tensor([4294967295], { dtype: 'u32' });
  using z = b.sub(1);
  expect([...(await z.data())]).toEqual([4294967294]);
});

test('refuses more than six dimensions that cannot be merged', () => {
  using a = sg.zeros([2, 1, 2, 1, 2, 1, 2]);
  using b = sg.zeros([1, 2, 1, 2, 1, 2, 1]);
  expect(() => a.add(b)).toThrow('add: expected 6 dimensions at most');
});

describe.each([
  { name: 'remainder', round: Math.floor },
  { name: 'fmod', round: Math.trunc },
] as const)('$name', ({ name, round }) => {
  const f = (a: number, b: number): number => a - b * round(a / b);
  // Quotients 0.2 and more from whole numbers, where the function jumps.
  const divisors = uniform(77, 1, 0.5, 2).map((b, i) => (i % 3 === 0 ? -b : b));
  const quotients = uniform(77, 2, -4, 4).map((q, i) => Math.trunc(q) + 0.2 + 0.6 * ((i % 7) / 7));

  test('equals the reference', () =>
    checkOp({
      inputs: [
        { shape: [7, 11], data: divisors.map((b, i) => b * quotients[i]!) },
        { shape: [7, 11], data: divisors },
      ],
      op: (a, b) => a[name](b),
      reference: (a, b) => broadcastPairs(a, b, f),
    }));

  test('takes a number, and broadcasts', async () => {
    using a = sg.tensor([[-5.5, 5.5, 7]]); // prettier-ignore
    using b = sg.tensor([[3], [-3]]);
    using y = a[name](b);
    expectClose(
      await y.data(),
      [3, -3].flatMap((d) => [-5.5, 5.5, 7].map((x) => f(x, d))),
    );
    using z = a[name](2.5);
    expectClose(
      await z.data(),
      [-5.5, 5.5, 7].map((x) => f(x, 2.5)),
    );
  });

  test('of integers is exact, and 0 for a divisor of 0', async () => {
    using a = sg.tensor([-5, 5, -5, 5, 16777217, 7], { dtype: 'i32' });
    using b = sg.tensor([3, -3, -3, 3, 16777216, 0], { dtype: 'i32' });
    using y = a[name](b);
    expect([...(await y.data())]).toEqual([
      ...(name === 'remainder' ? [1, -1, -2, 2] : [-2, 2, -2, 2]),
      ...[1, 0],
    ]);
    using u = sg.tensor([4294967295], { dtype: 'u32' });
    using z = u[name](10);
    expect(await z.item()).toBe(5);
  });

  test('of multiples is 0, of large quotients small, at the ends as in PyTorch', async () => {
    const a = [6, 6, 0.9, 3 * 0.1, 1e6, -1e6, 5, -5, Infinity, 5, NaN, 1];
    const b = [3, -3, 0.3, 0.1, 0.75, 0.75, Infinity, Infinity, 2, 0, 2, NaN];
    using x = sg.tensor(new Float32Array(a));
    using d = sg.tensor(new Float32Array(b));
    using y = x[name](d);
    const expected = a.map((value, i) => {
      const [p, q] = [Math.fround(value), Math.fround(b[i]!)];
      const rest = p % q; // exact, of the sign of p
      return name === 'remainder' && rest !== 0 && rest < 0 !== q < 0 ? rest + q : rest;
    });
    expectClose(await y.data(), expected, { absolute: 1e-6, relative: 0 });
  });
});

test('a division by 0 is infinite or NaN, of integers too', async () => {
  using a = sg.tensor([1, -1, 0], { dtype: 'i32' });
  using y = a.div(0);
  expect([y.dtype, [...(await y.data())]]).toEqual(['f32', [Infinity, -Infinity, NaN]]);
  using left = a.rdiv(2);
  expect([left.dtype, [...(await left.data())]]).toEqual(['f32', [2, -2, Infinity]]);
});

test('a dimension of size 0 broadcasts with one of size 1 alone', async () => {
  using empty = sg.zeros([2, 0, 1], { requiresGrad: true });
  using one = sg.ones([1, 1, 3], { requiresGrad: true });
  using y = empty.mul(one);
  expect(y.shape).toEqual([2, 0, 3]);
  using gradient = sg.zeros([2, 0, 3]);
  y.backward({ gradient });
  expect(empty.grad!.shape).toEqual([2, 0, 1]);
  expect([...(await one.grad!.data())]).toEqual([0, 0, 0]);
  using three = sg.zeros([3]);
  using none = sg.zeros([0]);
  expect(() => three.add(none)).toThrow(
    'add: expected a shape that broadcasts with (3,), got (0,)',
  );
});
