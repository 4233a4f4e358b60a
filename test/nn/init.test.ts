import * as sg from 'shadegrad';
import { beforeEach, describe, expect, test } from 'vitest';

const { init } = sg.nn;
const SHAPE = [50, 20, 3, 3];
const [FAN_IN, FAN_OUT] = [20 * 9, 50 * 9];

beforeEach(() => {
  sg.manualSeed(11);
});

interface Moments {
  mean: number;
  std: number;
  smallest: number;
  largest: number;
}

async function moments(tensor: sg.Tensor): Promise<Moments> {
  const data = [...(await tensor.data())];
  const mean = data.reduce((sum, x) => sum + x, 0) / data.length;
  const square = data.reduce((sum, x) => sum + (x - mean) ** 2, 0) / data.length;
  const [smallest, largest] = [Math.min(...data), Math.max(...data)];
  return { mean, std: Math.sqrt(square), smallest, largest };
}

/** Uniform in [-bound, bound]: nothing beyond, something near both ends, and the right spread. */
async function expectUniform(tensor: sg.Tensor, low: number, high: number): Promise<void> {
  const { mean, std, smallest, largest } = await moments(tensor);
  const width = high - low;
  // 4 standard errors of a mean of n uniform numbers, and 0.02 of the width at most.
  const error = (4 * width) / Math.sqrt(12 * tensor.numel);
  expect(smallest).toBeGreaterThanOrEqual(Math.fround(low));
  expect(largest).toBeLessThanOrEqual(Math.fround(high));
  expect(smallest - low).toBeLessThan((10 * width) / tensor.numel);
  expect(high - largest).toBeLessThan((10 * width) / tensor.numel);
  expect(Math.abs(mean - (low + high) / 2)).toBeLessThan(error);
  expect(Math.abs(std - width / Math.sqrt(12))).toBeLessThan(error);
}

async function expectNormal(tensor: sg.Tensor, mean: number, std: number): Promise<void> {
  const found = await moments(tensor);
  const error = (4 * std) / Math.sqrt(tensor.numel);
  expect(Math.abs(found.mean - mean)).toBeLessThan(error);
  expect(Math.abs(found.std - std)).toBeLessThan(error);
  expect((found.largest - mean) / std, 'tails, as uniform numbers have none').toBeGreaterThan(2.8);
  expect((found.smallest - mean) / std).toBeLessThan(-2.8);
}

describe('values in place', () => {
  const UNIFORM: [string, (t: sg.Tensor) => sg.Tensor, number][] = [
    ['xavierUniform_', (t) => init.xavierUniform_(t), Math.sqrt(6 / (FAN_IN + FAN_OUT))],
    ['xavierUniform_ of gain 2', (t) => init.xavierUniform_(t, 2), 2 * Math.sqrt(6 / 630)],
    ['kaimingUniform_', (t) => init.kaimingUniform_(t), Math.SQRT2 * Math.sqrt(3 / FAN_IN)],
    [
      'kaimingUniform_ by fanOut for tanh',
      (t) => init.kaimingUniform_(t, { mode: 'fanOut', nonlinearity: 'tanh' }),
      (5 / 3) * Math.sqrt(3 / FAN_OUT),
    ],
    [
      'kaimingUniform_ of a = sqrt(5), PyTorch’s default for layers',
      (t) => init.kaimingUniform_(t, { a: Math.sqrt(5) }),
      1 / Math.sqrt(FAN_IN),
    ],
  ];

  test.each(UNIFORM)('%s', async (_, fill, bound) => {
    using t = sg.zeros(SHAPE);
    expect(fill(t)).toBe(t);
    await expectUniform(t, -bound, bound);
  });

  test('uniform_ and normal_', async () => {
    using t = sg.zeros([100, 100]);
    await expectUniform(init.uniform_(t), 0, 1);
    await expectUniform(init.uniform_(t, -3, 5), -3, 5);
    await expectNormal(init.normal_(t), 0, 1);
    await expectNormal(init.normal_(t, 2, 0.1), 2, 0.1);
  });

  test.each([
    ['xavierNormal_', (t: sg.Tensor) => init.xavierNormal_(t), Math.sqrt(2 / (FAN_IN + FAN_OUT))],
    ['kaimingNormal_', (t: sg.Tensor) => init.kaimingNormal_(t), Math.SQRT2 / Math.sqrt(FAN_IN)],
  ])('%s', async (_, fill, std) => {
    using t = sg.zeros(SHAPE);
    await expectNormal(fill(t), 0, std);
  });

  test('constant_, zeros_ and ones_', async () => {
    using t = sg.zeros([3]);
    expect(await init.constant_(t, 0.25).toArray()).toEqual([0.25, 0.25, 0.25]);
    expect(await init.ones_(t).toArray()).toEqual([1, 1, 1]);
    expect(await init.zeros_(t).toArray()).toEqual([0, 0, 0]);
  });

  test('of a vector are refused where there are no fans', () => {
    using t = sg.zeros([3]);
    expect(() => init.kaimingUniform_(t)).toThrow(sg.ShapeError);
    expect(() => init.xavierNormal_(t)).toThrow(
      'xavierNormal_: expected a weight (out, in, ...) of two dimensions or more, got (3,). Use uniform_',
    );
  });

  test('the gains are PyTorch’s', () => {
    expect(init.calculateGain('linear')).toBe(1);
    expect(init.calculateGain('sigmoid')).toBe(1);
    expect(init.calculateGain('tanh')).toBe(5 / 3);
    expect(init.calculateGain('relu')).toBe(Math.SQRT2);
    expect(init.calculateGain('leakyRelu')).toBeCloseTo(Math.sqrt(2 / 1.0001), 12);
    expect(init.calculateGain('leakyRelu', 0.2)).toBeCloseTo(Math.sqrt(2 / 1.04), 12);
    expect(() => init.calculateGain('selu' as never)).toThrow(sg.ArgumentError);
  });
});

describe('by default', () => {
  test.each([
    ['Linear', () => new sg.nn.Linear(400, 120), 1 / Math.sqrt(400)],
    ['Conv2d', () => new sg.nn.Conv2d(6, 160, 5), 1 / Math.sqrt(150)],
    ['Conv2d in groups', () => new sg.nn.Conv2d(6, 150, [3, 1], { groups: 2 }), 1 / 3],
  ] as const)('%s has weight and bias from U(-b, b)', async (_, make, bound) => {
    const layer = make();
    await expectUniform(layer.weight, -bound, bound);
    await expectUniform(layer.bias!, -bound, bound);
    layer.dispose();
  });

  test('a seed gives the same layers, and each layer its own numbers', async () => {
    const make = async () => {
      sg.manualSeed(5);
      const model = new sg.nn.Sequential(new sg.nn.Linear(3, 3), new sg.nn.Linear(3, 3));
      const values = await Promise.all(model.parameters().map((p) => p.data()));
      model.dispose();
      return values;
    };
    const [first, second] = [await make(), await make()];
    expect(second).toEqual(first);
    expect(first[0]).not.toEqual(first[2]);
    expect(first[0]!.slice(0, 3)).not.toEqual(first[1]);
  });
});
