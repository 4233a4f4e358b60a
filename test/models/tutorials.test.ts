import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { labels, pixels } from '../support/digits.js';
import { unlessAll } from '../support/extent.js';
import { keep } from '../support/keep.js';

/** Largest magnitude, mean and standard deviation of a tensor. */
async function spreadOf(tensor: sg.Tensor): Promise<{ most: number; mean: number; std: number }> {
  const values = Float64Array.from(await tensor.data());
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
  const most = values.reduce((largest, x) => Math.max(largest, Math.abs(x)), 0);
  return { most, mean, std: Math.sqrt(variance) };
}

describe('initial values', () => {
  /** Of Conv2d and Linear, in order, whose biases are 0. */
  async function spreads(
    model: sg.nn.Module,
  ): Promise<({ shape: sg.Shape } & Awaited<ReturnType<typeof spreadOf>>)[]> {
    const found = [];
    for (const layer of model.modules()) {
      if (!(layer instanceof sg.nn.Conv2d || layer instanceof sg.nn.Linear)) continue;
      expect((await spreadOf(layer.bias!)).most).toBe(0);
      found.push({ shape: layer.weight.shape, ...(await spreadOf(layer.weight)) });
    }
    return found;
  }

  /** Expects values spread evenly over [-bound, bound). */
  function expectUniform({ most, mean, std }: Awaited<ReturnType<typeof spreadOf>>, bound: number) {
    expect(most).toBeLessThanOrEqual(Math.fround(bound));
    expect(most).toBeGreaterThan(0.9 * bound);
    expect(Math.abs(mean)).toBeLessThan(0.1 * bound);
    expect(Math.abs(std / (bound / Math.sqrt(3)) - 1)).toBeLessThan(0.1);
  }

  /** Of Glorot's and Bengio's distribution. */
  function glorotBound([out, into, ...kernel]: sg.Shape): number {
    const taps = kernel.reduce((a, b) => a * b, 1);
    return Math.sqrt(6 / ((out! + into!) * taps));
  }

  test.each([
    ['mlp', 2],
    ['lenettanh', 5],
    ['convnet', 4],
    ['alexnetcifar', 8],
  ])("%s: Keras' Glorot-uniform weights", async (name, count) => {
    sg.manualSeed(1);
    const layers = await spreads(keep(sg.models.create(name)));
    expect(layers).toHaveLength(count);
    for (const layer of layers) expectUniform(layer, glorotBound(layer.shape));
  });

  test('lenetrelu: U(-0.05, 0.05) in the convolutions, Glorot-uniform in the others', async () => {
    sg.manualSeed(2);
    const layers = await spreads(keep(sg.models.leNetRelu()));
    expect(layers).toHaveLength(4);
    for (const layer of layers) {
      expectUniform(layer, layer.shape.length === 4 ? 0.05 : glorotBound(layer.shape));
    }
  });

  test.each([undefined, 0.3])('simpleconvnet: normal, weightStd %s', async (weightStd) => {
    sg.manualSeed(3);
    const layers = await spreads(keep(sg.models.simpleConvNet({ weightStd })));
    expect(layers).toHaveLength(3);
    const wanted = weightStd ?? 0.01;
    for (const { most, mean, std } of layers) {
      expect(Math.abs(mean)).toBeLessThan(0.2 * wanted);
      expect(Math.abs(std / wanted - 1)).toBeLessThan(0.1);
      expect(most).toBeGreaterThan(2.4 * wanted); // unlike a uniform distribution
    }
  });
});

test('LeNet-5 gives probabilities beside the logits', async () => {
  sg.manualSeed(4);
  const model = keep(new sg.models.LeNet5({ activation: 'relu', pool: 'max' }));
  const x = keep(sg.tensor(pixels, { shape: [16, 1, 28, 28] }));
  const { logits, probabilities } = sg.noGrad(() => model.forwardWithProbabilities(x));
  keep(logits);
  keep(probabilities);
  const [scores, chances] = [await logits.data(), await probabilities.data()];
  for (let n = 0; n < 16; n++) {
    const row = [...scores.slice(10 * n, 10 * n + 10)].map(Math.exp);
    const sum = row.reduce((a, b) => a + b, 0);
    row.forEach((e, k) => expect(chances[10 * n + k]).toBeCloseTo(e / sum, 5));
  }
});

// In train/trajectory.test.ts a network with convolutions learns.
const LEARNERS = ['mlp', 'lenetrelu', 'lenettanh', 'convnet', 'simpleconvnet'];

test.each(unlessAll(['mlp'], LEARNERS))('%s learns sixteen digits by heart', async (name) => {
  sg.manualSeed(5);
  const model = keep(sg.models.create(name));
  const optimizer = new sg.optim.Adam(model.parameters(), { lr: 2e-3 });
  const x = keep(sg.tensor(pixels, { shape: [16, 1, 28, 28] }));
  const y = keep(sg.tensor(labels));
  const reads: Promise<number>[] = [];
  for (let step = 0; step < 40; step++) {
    using logits = model.forward(x);
    using loss = sg.nn.functional.crossEntropy(logits, y);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    reads.push(loss.item());
  }
  const losses = await Promise.all(reads);
  optimizer.dispose?.();
  expect(losses[0]).toBeGreaterThan(1.5);
  expect(losses.at(-1)).toBeLessThan(name === 'simpleconvnet' ? 1 : 0.4);
});

test('what does not fit is refused', () => {
  expect(() => new sg.models.LeNet5({ inputSize: 30 as 28 })).toThrow(
    'LeNet5: expected inputSize of 28, 32, got 30',
  );
  expect(() => sg.models.simpleConvNet({ inputSize: 5 })).toThrow(
    'simpleConvNet: expected a result to pool of 2x2 or more, got 1x1',
  );
});
