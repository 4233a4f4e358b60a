import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { gelu, geluTanh, normalCdf, sigmoid, softplus } from '../../reference/activations.js';
import { checkOp } from '../../support/checkOp.js';
import { expectClose } from '../../support/compare.js';
import { uniform } from '../../support/random.js';

interface Case {
  /** Of the method of Tensor, and on the tape. */
  name: string;
  op: (x: sg.Tensor) => sg.Tensor;
  /** In float64. */
  f: (x: number) => number;
  options?: Record<string, number | string>;
  /** The random numbers lie from low to high. Default -3 to 3. */
  low?: number;
  high?: number;
  /** True where the derivative is 0 everywhere. */
  flat?: boolean;
  integers?: boolean;
}

const roundToEven = (x: number): number => {
  const below = Math.floor(x);
  if (x - below !== 0.5) return Math.round(x);
  return below % 2 === 0 ? below : below + 1;
};

const CASES: Case[] = [
  { name: 'neg', op: (x) => x.neg(), f: (x) => -x, integers: true },
  { name: 'abs', op: (x) => x.abs(), f: Math.abs, integers: true },
  { name: 'sign', op: (x) => x.sign(), f: Math.sign, flat: true, integers: true },
  { name: 'floor', op: (x) => x.floor(), f: Math.floor, flat: true },
  { name: 'ceil', op: (x) => x.ceil(), f: Math.ceil, flat: true },
  { name: 'round', op: (x) => x.round(), f: roundToEven, flat: true },
  { name: 'exp', op: (x) => x.exp(), f: Math.exp },
  { name: 'log', op: (x) => x.log(), f: Math.log, low: 0.1 },
  { name: 'sqrt', op: (x) => x.sqrt(), f: Math.sqrt, low: 0.1 },
  { name: 'rsqrt', op: (x) => x.rsqrt(), f: (x) => 1 / Math.sqrt(x), low: 0.1 },
  { name: 'square', op: (x) => x.square(), f: (x) => x * x, integers: true },
  { name: 'reciprocal', op: (x) => x.reciprocal(), f: (x) => 1 / x, low: 0.2 },
  { name: 'sin', op: (x) => x.sin(), f: Math.sin },
  { name: 'cos', op: (x) => x.cos(), f: Math.cos },
  { name: 'relu', op: (x) => x.relu(), f: (x) => Math.max(x, 0), integers: true },
  { name: 'relu6', op: (x) => x.relu6(), f: (x) => Math.min(Math.max(x, 0), 6), high: 9 },
  { name: 'hardtanh', op: (x) => x.hardtanh(), f: (x) => Math.min(Math.max(x, -1), 1) },
  {
    name: 'hardtanh',
    op: (x) => x.hardtanh(-2, 0.5),
    f: (x) => Math.min(Math.max(x, -2), 0.5),
    options: { low: -2, high: 0.5 },
  },
  { name: 'leakyRelu', op: (x) => x.leakyRelu(), f: (x) => (x > 0 ? x : 0.01 * x) },
  {
    name: 'leakyRelu',
    op: (x) => x.leakyRelu(0.3),
    f: (x) => (x > 0 ? x : 0.3 * x),
    options: { negativeSlope: 0.3 },
  },
  { name: 'elu', op: (x) => x.elu(), f: (x) => (x > 0 ? x : Math.expm1(x)) },
  {
    name: 'elu',
    op: (x) => x.elu(1.7),
    f: (x) => (x > 0 ? x : 1.7 * Math.expm1(x)),
    options: { alpha: 1.7 },
  },
  { name: 'gelu', op: (x) => x.gelu(), f: gelu },
  {
    name: 'gelu',
    op: (x) => x.gelu({ approximate: 'tanh' }),
    f: geluTanh,
    options: { approximate: 'tanh' },
  },
  { name: 'silu', op: (x) => x.silu(), f: (x) => x * sigmoid(x) },
  { name: 'softplus', op: (x) => x.softplus(), f: softplus },
  {
    name: 'softplus',
    op: (x) => x.softplus(2.5, 3),
    f: (x) => (2.5 * x > 3 ? x : softplus(2.5 * x) / 2.5),
    options: { beta: 2.5, threshold: 3 },
  },
  { name: 'sigmoid', op: (x) => x.sigmoid(), f: sigmoid },
  { name: 'tanh', op: (x) => x.tanh(), f: Math.tanh },
];

const numbers = (shape: readonly number[], low = -3, high = 3): Float32Array =>
  uniform(
    shape.reduce((a, b) => a * b, 1),
    1,
    low,
    high,
  );

const titled = CASES.map((one) => {
  const given = Object.entries(one.options ?? {}).map(([key, value]) => `${key} ${value}`);
  return { ...one, title: [one.name, ...given].join(', ') };
});

describe.each(titled)('$title', ({ name, op, f, low, high, options, flat, integers }) => {
  test.each([[[7]], [[3, 5, 11]], [[65, 33]]])('equals the reference at shape %j', (shape) =>
    checkOp({
      name,
      inputs: [{ shape, data: numbers(shape, low, high), grad: !flat }],
      op,
      reference: (x) => ({ shape: x!.shape, data: x!.data.map(f) }),
      options,
    }),
  );

  test('takes a scalar', () =>
    checkOp({
      name,
      inputs: [{ shape: [], data: new Float32Array([0.4]), grad: !flat }],
      op,
      reference: (x) => ({ shape: x!.shape, data: x!.data.map(f) }),
      options,
    }));

  test(integers ? 'takes i32' : 'refuses integers', async () => {
    using x = sg.tensor([-3, 0, 5], { dtype: 'i32' });
    if (!integers) {
      expect(() => op(x)).toThrow(/: expected x of f32 or f16, got i32/);
      return;
    }
    using y = op(x);
    expect(y.dtype).toBe('i32');
    expectClose(await y.data(), [-3, 0, 5].map(f));
    using u = x.to('u32');
    expect(() => op(u)).toThrow(`${name}: expected x of f32, f16 or i32, got u32`);
  });

  test('of nothing is empty, and NaN stays NaN', async () => {
    using empty = sg.zeros([3, 0]);
    using nothing = op(empty);
    expect(nothing.shape).toEqual([3, 0]);
    using x = sg.tensor([NaN, 1]);
    using y = op(x);
    expectClose(await y.data(), [name === 'sign' ? 0 : NaN, f(1)]);
  });
});

const FAR = [-Infinity, -1e4, -100, -20, -0, 0, 20, 100, 1e4, Infinity];

/** f(x) and f'(x) at FAR: PyTorch's, but for gelu at Inf. */
const EXTREMES: Record<string, [values: number[], slopes: number[]]> = {
  sign: [
    [-1, -1, -1, -1, 0, 0, 1, 1, 1, 1],
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  ],
  exp: [
    [0, 0, 0, 0, 1, 1, Math.exp(20), Infinity, Infinity, Infinity],
    [0, 0, 0, 0, 1, 1, Math.exp(20), Infinity, Infinity, Infinity],
  ],
  log: [
    [
      NaN,
      NaN,
      NaN,
      NaN,
      -Infinity,
      -Infinity,
      Math.log(20),
      Math.log(100),
      Math.log(1e4),
      Infinity,
    ],
    [-0, -1e-4, -0.01, -0.05, -Infinity, Infinity, 0.05, 0.01, 1e-4, 0],
  ],
  sqrt: [
    [NaN, NaN, NaN, NaN, 0, 0, Math.sqrt(20), 10, 100, Infinity],
    [NaN, NaN, NaN, NaN, -Infinity, Infinity, 0.5 / Math.sqrt(20), 0.05, 0.005, 0],
  ],
  rsqrt: [
    [NaN, NaN, NaN, NaN, -Infinity, Infinity, 1 / Math.sqrt(20), 0.1, 0.01, 0],
    [NaN, NaN, NaN, NaN, Infinity, -Infinity, -0.5 * 20 ** -1.5, -0.0005, -5e-7, 0],
  ],
  reciprocal: [
    [0, -1e-4, -0.01, -0.05, -Infinity, Infinity, 0.05, 0.01, 1e-4, 0],
    [0, -1e-8, -1e-4, -0.0025, -Infinity, -Infinity, -0.0025, -1e-4, -1e-8, 0],
  ],
  sin: [
    [
      NaN,
      -Math.sin(1e4),
      -Math.sin(100),
      -Math.sin(20),
      0,
      0,
      Math.sin(20),
      Math.sin(100),
      Math.sin(1e4),
      NaN,
    ],
    [
      NaN,
      Math.cos(1e4),
      Math.cos(100),
      Math.cos(20),
      1,
      1,
      Math.cos(20),
      Math.cos(100),
      Math.cos(1e4),
      NaN,
    ],
  ],
  relu: [
    [0, 0, 0, 0, 0, 0, 20, 100, 1e4, Infinity],
    [0, 0, 0, 0, 0, 0, 1, 1, 1, 1],
  ],
  relu6: [
    [0, 0, 0, 0, 0, 0, 6, 6, 6, 6],
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  ],
  leakyRelu: [
    [-Infinity, -100, -1, -0.2, 0, 0, 20, 100, 1e4, Infinity],
    [0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 1, 1, 1, 1],
  ],
  elu: [
    [-1, -1, -1, -1, 0, 0, 20, 100, 1e4, Infinity],
    [0, 0, 0, 0, 1, 1, 1, 1, 1, 1],
  ],
  gelu: [
    [NaN, 0, 0, 0, 0, 0, 20, 100, 1e4, Infinity],
    [NaN, 0, 0, 0, 0.5, 0.5, 1, 1, 1, NaN],
  ],
  silu: [
    [NaN, 0, 0, -20 * Math.exp(-20), 0, 0, 20, 100, 1e4, Infinity],
    [NaN, 0, 0, 0, 0.5, 0.5, 1, 1, 1, NaN],
  ],
  softplus: [
    [0, 0, 0, Math.exp(-20), Math.LN2, Math.LN2, 20, 100, 1e4, Infinity],
    [0, 0, 0, 0, 0.5, 0.5, 1, 1, 1, 1],
  ],
  sigmoid: [
    [0, 0, 0, Math.exp(-20), 0.5, 0.5, 1, 1, 1, 1],
    [0, 0, 0, 0, 0.25, 0.25, 0, 0, 0, 0],
  ],
  tanh: [
    [-1, -1, -1, -1, 0, 0, 1, 1, 1, 1],
    [0, 0, 0, 0, 1, 1, 0, 0, 0, 0],
  ],
};

test.each(Object.entries(EXTREMES))('%s far from zero, and at it', async (name, expected) => {
  const { op } = CASES.find((one) => one.name === name && !one.options)!;
  using x = sg.tensor(FAR, { requiresGrad: true });
  using y = op(x).retain();
  using ones = sg.ones([FAR.length]);
  y.backward({ gradient: ones });
  const [values, slopes] = [await y.data(), await x.grad!.data()];
  FAR.forEach((at, i) => {
    // one by one, since a tolerance relative to the largest would hide the small ones
    expectClose([values[i]!], [Math.fround(expected[0][i]!)], {}, `value at ${at}`);
    expectClose([slopes[i]!], [Math.fround(expected[1][i]!)], {}, `slope at ${at}`);
  });
});

test('gelu, by tanh, far from zero', async () => {
  using x = sg.tensor([-1e30, -1e4, -20, 20, 1e4, 1e30], { requiresGrad: true });
  using y = x.gelu({ approximate: 'tanh' }).retain();
  using ones = sg.ones([6]);
  y.backward({ gradient: ones });
  expectClose(await y.data(), [0, 0, 0, 20, 1e4, Math.fround(1e30)]);
  expectClose(await x.grad!.data(), [0, 0, 0, 1, 1, 1]);
});

describe('between -12 and 12, the absolute error of', () => {
  const data = Float32Array.from({ length: 4801 }, (_, i) => (i - 2400) / 200);
  test.each([
    ['gelu', (x: sg.Tensor) => x.gelu(), gelu],
    ['tanh', (x: sg.Tensor) => x.tanh(), Math.tanh],
    ['sigmoid', (x: sg.Tensor) => x.sigmoid(), sigmoid],
    ['softplus', (x: sg.Tensor) => x.softplus(), softplus],
    ['elu', (x: sg.Tensor) => x.elu(), (x: number) => (x > 0 ? x : Math.expm1(x))],
    ['sin', (x: sg.Tensor) => x.sin(), Math.sin],
  ])('%s is below 1e-6', async (name, op, f) => {
    using x = sg.tensor(data);
    using y = op(x);
    expectClose(await y.data(), [...data].map(f), { absolute: 1e-6, relative: 0 }, name);
  });
});

test('near 0, the relative error of tanh, elu and of the tails of gelu and softplus is small', async () => {
  const small = [-1e-3, -1e-5, 1e-6, 3e-4, 0.02];
  using near = sg.tensor(small);
  using far = sg.tensor([-5, -8, -11]);
  for (const [y, f, at] of [
    [near.tanh(), Math.tanh, small],
    [near.elu(), (x: number) => (x > 0 ? x : Math.expm1(x)), small],
    [far.gelu(), gelu, [-5, -8, -11]],
    [far.softplus(), softplus, [-5, -8, -11]],
  ] as const) {
    const values = await y.data();
    at.forEach((x, i) =>
      expectClose([values[i]! / f(Math.fround(x))], [1], { absolute: 0, relative: 2e-5 }, `${x}`),
    );
    y.dispose();
  }
  expect(normalCdf(-6.0001) / normalCdf(-5.9999)).toBeCloseTo(1, 2); // the reference's two halves
});

test.each([['sign'], ['floor'], ['ceil'], ['round']] as const)(
  '%s has the gradient 0',
  async (name) => {
    using x = sg.tensor([0.5, 1.5, 2.5, -0.5, -2.25], { requiresGrad: true });
    using y = x[name]();
    using sum = y.sum();
    sum.backward();
    expectClose(await x.grad!.data(), [0, 0, 0, 0, 0]);
  },
);

test('round takes the even one of two', async () => {
  using x = sg.tensor([0.5, 1.5, 2.5, -0.5, -1.5]);
  using y = x.round();
  expectClose(await y.data(), [0, 2, 2, 0, -2]);
});

test('integers wrap', async () => {
  using x = sg.tensor([-(2 ** 31), 2 ** 31 - 1, 65536], { dtype: 'i32' });
  using square = x.square();
  using negative = x.neg();
  expect([...(await square.data())]).toEqual([0, 1, 0]);
  expect([...(await negative.data())]).toEqual([-(2 ** 31), -(2 ** 31) + 1, -65536]);
});

test('gelu and hardtanh refuse options that they do not have', () => {
  using x = sg.zeros([2]);
  expect(() => x.gelu({ approximate: 'erf' as 'none' })).toThrow(
    "gelu: expected approximate 'none' or 'tanh', got erf",
  );
  expect(() => x.hardtanh(1, -1)).toThrow('hardtanh: expected low <= high, got 1 and -1');
});
