import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { withBindingLimit } from '../support/limits.js';
import { testHalf } from '../support/half.js';

describe('arange', () => {
  test.each([
    { args: [4], values: [0, 1, 2, 3] },
    { args: [2, 5], values: [2, 3, 4] },
    { args: [1, 2, 0.25], values: [1, 1.25, 1.5, 1.75] },
    { args: [5, 0, -2], values: [5, 3, 1] },
    { args: [0], values: [] },
  ])('of $args', async ({ args, values }) => {
    using x = sg.arange(...(args as [number]));
    expect([x.dtype, x.shape]).toEqual(['f32', [values.length]]);
    expect([...(await x.data())]).toEqual(values);
  });

  test('takes a dtype, and refuses a step that leads away', async () => {
    using x = sg.arange(0, 3, 1, { dtype: 'i32' });
    expect(await x.data()).toEqual(new Int32Array([0, 1, 2]));
    expect(() => sg.arange(0, 3, -1)).toThrow('arange: expected a step that leads from start');
    expect(() => sg.arange(0, 3, 0)).toThrow('arange: expected a step that leads from start');
  });
});

test('eye has ones on its diagonal', async () => {
  using x = sg.eye(2, 3);
  expect(await x.toArray()).toEqual([
    [1, 0, 0],
    [0, 1, 0],
  ]);
  using y = sg.eye(2, 2, { dtype: 'i32' });
  expect(await y.data()).toEqual(new Int32Array([1, 0, 0, 1]));
});

test('full keeps every bit of an integer', async () => {
  using x = sg.full([2], 4294967295, { dtype: 'u32' });
  using y = sg.full([2], -16777217, { dtype: 'i32' });
  expect([...(await x.data()), ...(await y.data())]).toEqual([
    4294967295, 4294967295, -16777217, -16777217,
  ]);
});

test('full writes every element of a large tensor, fractions too', async () => {
  using x = sg.full([40_001], 0.25);
  expect((await x.data()).every((value) => value === 0.25)).toBe(true);
});

test('zerosLike and onesLike take shape and dtype', async () => {
  using x = sg.zeros([2, 1], { dtype: 'i32' });
  using ones = sg.onesLike(x);
  using zeros = sg.zerosLike(x, { dtype: 'f32', requiresGrad: true });
  expect([ones.shape, ones.dtype]).toEqual([[2, 1], 'i32']);
  expect([...(await ones.data())]).toEqual([1, 1]);
  expect([zeros.shape, zeros.dtype, zeros.requiresGrad]).toEqual([[2, 1], 'f32', true]);
});

/** Mean, and mean of squares about it. */
function moments(data: ArrayLike<number>): { mean: number; variance: number } {
  const values = Array.from(data);
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
  return { mean, variance };
}

const COUNT = 100_000;
const SIX_SIGMA = 6 / Math.sqrt(COUNT); // of the mean of numbers of variance 1

test('rand is uniform in [0, 1)', async () => {
  sg.manualSeed(1);
  using x = sg.rand([COUNT / 10, 10]);
  const data = await x.data();
  expect(data.every((value) => value >= 0 && value < 1)).toBe(true);
  const { mean, variance } = moments(data);
  expect(Math.abs(mean - 1 / 2)).toBeLessThan(SIX_SIGMA / Math.sqrt(12));
  expect(Math.abs(variance - 1 / 12)).toBeLessThan(SIX_SIGMA / 10);
  const tenths = new Array<number>(10).fill(0);
  for (const value of data) tenths[Math.floor(value * 10)]!++;
  for (const count of tenths) expect(Math.abs(count / COUNT - 0.1)).toBeLessThan(SIX_SIGMA * 0.3);
});

test('randn is normal', async () => {
  sg.manualSeed(2);
  using x = sg.randn([COUNT]);
  const data = Array.from(await x.data());
  const { mean, variance } = moments(data);
  expect(Math.abs(mean)).toBeLessThan(SIX_SIGMA);
  expect(Math.abs(variance - 1)).toBeLessThan(SIX_SIGMA * Math.SQRT2);
  const { mean: skewness } = moments(data.map((value) => value ** 3));
  const { mean: kurtosis } = moments(data.map((value) => value ** 4));
  expect(Math.abs(skewness)).toBeLessThan(SIX_SIGMA * Math.sqrt(15));
  expect(Math.abs(kurtosis - 3)).toBeLessThan(SIX_SIGMA * Math.sqrt(96));
  const within = data.filter((value) => Math.abs(value) < 1).length / COUNT;
  expect(Math.abs(within - 0.6826895)).toBeLessThan(SIX_SIGMA * 0.47);
  // Neighbours come from one pair of words or one block, and must not depend on each other.
  for (const apart of [1, 2]) {
    const { mean: product } = moments(data.slice(apart).map((value, i) => value * data[i]!));
    expect(Math.abs(product)).toBeLessThan(SIX_SIGMA);
  }
});

test('randint draws every integer of its range alike', async () => {
  sg.manualSeed(3);
  using x = sg.randint(-3, 4, [COUNT]);
  expect(x.dtype).toBe('i32');
  const counts = new Map<number, number>();
  for (const value of await x.data()) counts.set(value, (counts.get(value) ?? 0) + 1);
  expect([...counts.keys()].sort((a, b) => a - b)).toEqual([-3, -2, -1, 0, 1, 2, 3]);
  for (const count of counts.values()) {
    expect(Math.abs(count / COUNT - 1 / 7)).toBeLessThan(SIX_SIGMA * 0.35);
  }
  using floats = sg.randint(0, 2, [8], { dtype: 'f32' });
  expect(floats.dtype).toBe('f32');
});

test('random tensors may be empty, and refuse what makes no sense', () => {
  using x = sg.rand([0, 2]);
  expect(x.shape).toEqual([0, 2]);
  expect(() => sg.rand([-1])).toThrow('rand: expected a shape of whole numbers');
  expect(() => sg.randint(3, 3, [1])).toThrow('randint: expected whole numbers low < high');
  expect(() => sg.randint(0, 1.5, [1])).toThrow('randint: expected whole numbers low < high');
});

testHalf('every function makes f16', async () => {
  const made = [
    { x: sg.full([3], 0.1, { dtype: 'f16' }), values: [0.0999755859375] },
    { x: sg.zeros([1], { dtype: 'f16' }), values: [0] },
    { x: sg.ones([5], { dtype: 'f16' }), values: [1, 1, 1] },
    { x: sg.arange(0, 2, 0.5, { dtype: 'f16' }), values: [0, 0.5, 1, 1.5] },
    { x: sg.eye(2, 2, { dtype: 'f16' }), values: [1, 0, 0, 1] },
    { x: sg.randint(3, 4, [3], { dtype: 'f16' }), values: [3, 3, 3] },
    { x: sg.tensor([[1.5, -2]], { dtype: 'f16', requiresGrad: true }), values: [1.5, -2] },
  ];
  for (const { x, values } of made) {
    expect(x.dtype).toBe('f16');
    expect([...(await x.data())].slice(0, values.length)).toEqual(values);
    x.dispose();
  }
});

testHalf('rand and randn of f16 are distributed as those of f32', async () => {
  sg.manualSeed(4);
  using u = sg.rand([COUNT + 1], { dtype: 'f16' });
  const uniform = await u.data();
  expect(u.dtype).toBe('f16');
  expect(uniform.every((value) => value >= 0 && value < 1)).toBe(true);
  const flat = moments(uniform);
  expect(Math.abs(flat.mean - 1 / 2)).toBeLessThan(SIX_SIGMA / Math.sqrt(12));
  expect(Math.abs(flat.variance - 1 / 12)).toBeLessThan(SIX_SIGMA / 10);
  using n = sg.randn([COUNT + 1], { dtype: 'f16' });
  const normal = moments(await n.data());
  expect(Math.abs(normal.mean)).toBeLessThan(SIX_SIGMA);
  expect(Math.abs(normal.variance - 1)).toBeLessThan(SIX_SIGMA * Math.SQRT2);
});

test('rand and randn refuse integers', () => {
  expect(() => sg.rand([2], { dtype: 'i32' })).toThrow(
    'rand: expected a dtype of f32 or f16, got i32. Use randint().',
  );
  expect(() => sg.randn([2], { dtype: 'u32' })).toThrow('randn: expected a dtype of f32 or f16');
});

test('an array over the binding limit is filled with the same numbers', async () => {
  const draw = async (): Promise<(readonly number[])[]> => {
    sg.manualSeed(3);
    const made = [
      sg.rand([3000]),
      sg.randn([50, 50]),
      sg.randint(0, 100, [2001]),
      sg.full([1000], 7),
    ];
    const data = await Promise.all(made.map((x) => x.data()));
    for (const x of made) x.dispose();
    return data.map((values) => [...values]);
  };
  expect(await withBindingLimit(2048, draw)).toEqual(await draw());
});
