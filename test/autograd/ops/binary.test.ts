import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { broadcastPairs } from '../../reference/broadcast.js';
import { checkOp } from '../../support/checkOp.js';
import { expectClose } from '../../support/compare.js';
import { shuffledRange, uniform } from '../../support/random.js';

const FUNCTIONS = [
  { name: 'add', f: (a: number, b: number) => a + b },
  { name: 'sub', f: (a: number, b: number) => a - b },
  { name: 'mul', f: (a: number, b: number) => a * b },
  { name: 'div', f: (a: number, b: number) => a / b },
  { name: 'maximum', f: Math.max },
  { name: 'minimum', f: Math.min },
  { name: 'pow', f: Math.pow },
] as const;

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

const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

describe.each(FUNCTIONS)('$name', ({ name, f }) => {
  // One element alone never wins against another one: its gradient would be zero.
  const isChoice = name === 'maximum' || name === 'minimum';
  test.each(SHAPES.filter(([a, b]) => !isChoice || size(a) * size(b) > 6))(
    'of %j and %j equals the reference',
    (a, b) =>
      checkOp({
        inputs: [
          // No two elements of a and b are closer than the step of the gradient check.
          { shape: a, data: shuffledRange(size(a), 1).map((x) => 0.5 + (3 * x) / size(a)) },
          { shape: b, data: shuffledRange(size(b), 2).map((x) => 0.53 + (2.9 * x) / size(b)) },
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
  const bases = [0, 0, 0, -2, -2, -2, -8, NaN, NaN, 2, 1, -1.5, 0];
  const powers = [0, 2.5, -1.5, 3, -2, 0.5, 1 / 3, 0, 1.5, -70, 1e9, 65, -3];
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
