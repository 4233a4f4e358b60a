import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { labels, pixels } from '../support/digits.js';
import { keep } from '../support/keep.js';

type Layers = [type: string, shape: number[]][];

/** Of either size of the input. */
const LENET5: Layers = [
  ['Conv2d', [2, 6, 28, 28]],
  ['Conv2d', [2, 16, 10, 10]],
  ['Linear', [2, 120]],
  ['Linear', [2, 84]],
  ['Linear', [2, 10]],
];

/** Layers with parameters, and what they give: written down from the tutorials, not from the models. */
const NETWORKS: {
  name: string;
  options?: object;
  parameters: number;
  layers: Layers;
}[] = [
  {
    name: 'mlp',
    parameters: 101_770,
    layers: [
      ['Linear', [2, 128]],
      ['Linear', [2, 10]],
    ],
  },
  {
    name: 'lenet5',
    parameters: 61_706,
    layers: LENET5,
  },
  {
    name: 'lenet5',
    options: { inputSize: 32, inChannels: 3, pool: 'max', activation: 'none' },
    parameters: 62_006,
    layers: LENET5,
  },
  {
    name: 'lenetrelu',
    parameters: 155_606,
    layers: [
      ['Conv2d', [2, 32, 24, 24]],
      ['Conv2d', [2, 64, 8, 8]],
      ['Linear', [2, 100]],
      ['Linear', [2, 10]],
    ],
  },
  {
    name: 'lenettanh',
    parameters: 390_026,
    layers: [
      ['Conv2d', [2, 6, 28, 28]],
      ['Conv2d', [2, 16, 14, 14]],
      ['Linear', [2, 120]],
      ['Linear', [2, 84]],
      ['Linear', [2, 10]],
    ],
  },
  {
    name: 'convnet',
    parameters: 121_930,
    layers: [
      ['Conv2d', [2, 32, 26, 26]],
      ['Conv2d', [2, 64, 11, 11]],
      ['Linear', [2, 64]],
      ['Linear', [2, 10]],
    ],
  },
  {
    name: 'simpleconvnet',
    parameters: 433_890,
    layers: [
      ['Conv2d', [2, 30, 24, 24]],
      ['Linear', [2, 100]],
      ['Linear', [2, 10]],
    ],
  },
  {
    name: 'simpleconvnet',
    options: { inputSize: 11, inChannels: 2, filters: 4, kernelSize: 3, stride: 2, padding: 1 },
    parameters: 4 * 18 + 4 + 36 * 100 + 100 + 1010,
    layers: [
      ['Conv2d', [2, 4, 6, 6]],
      ['Linear', [2, 100]],
      ['Linear', [2, 10]],
    ],
  },
  {
    name: 'alexnetcifar',
    parameters: 7_708_746,
    layers: [
      ['Conv2d', [2, 64, 32, 32]],
      ['BatchNorm2d', [2, 64, 32, 32]],
      ['Conv2d', [2, 192, 16, 16]],
      ['BatchNorm2d', [2, 192, 16, 16]],
      ['Conv2d', [2, 384, 8, 8]],
      ['BatchNorm2d', [2, 384, 8, 8]],
      ['Conv2d', [2, 256, 8, 8]],
      ['BatchNorm2d', [2, 256, 8, 8]],
      ['Conv2d', [2, 256, 8, 8]],
      ['BatchNorm2d', [2, 256, 8, 8]],
      ['Linear', [2, 1024]],
      ['Linear', [2, 1024]],
      ['Linear', [2, 10]],
    ],
  },
];

describe.each(NETWORKS)('$name $options', ({ name, options, parameters, layers }) => {
  test('has the layers and the parameters of the tutorial', () => {
    const model = keep(sg.models.create(name, options));
    const summary = model.summary([2, ...sg.models.inputShapeOf(name, options)]);
    expect(summary.parameters).toBe(parameters);
    expect(summary.trainableParameters).toBe(parameters);
    const withParameters = summary.rows.filter((row) => row.parameters > 0);
    expect(withParameters.map(({ type, outputShape }) => [type, outputShape])).toEqual(layers);
  });
});

/** Largest magnitude, mean and standard deviation of a tensor. */
async function spreadOf(tensor: sg.Tensor): Promise<{ most: number; mean: number; std: number }> {
  const values = [...(await tensor.data())];
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
  const most = values.reduce((largest, x) => Math.max(largest, Math.abs(x)), 0);
  return { most, mean, std: Math.sqrt(variance) };
}

describe('initial values', () => {
  /** Of Conv2d and Linear, in order. */
  async function spreads(model: sg.nn.Module): Promise<Awaited<ReturnType<typeof spreadOf>>[]> {
    const found: Awaited<ReturnType<typeof spreadOf>>[] = [];
    for (const layer of model.modules()) {
      if (!(layer instanceof sg.nn.Conv2d || layer instanceof sg.nn.Linear)) continue;
      expect((await spreadOf(layer.bias!)).most).toBe(0);
      found.push(await spreadOf(layer.weight));
    }
    return found;
  }

  test.each(['mlp', 'lenettanh', 'convnet'])("%s: Keras' Glorot-uniform weights", async (name) => {
    sg.manualSeed(1);
    const model = keep(sg.models.create(name));
    const layers = await spreads(model);
    const shapes = model.parameters().filter(({ ndim }) => ndim > 1);
    for (const [i, { shape }] of shapes.entries()) {
      const [out, into, ...kernel] = shape as [number, number, ...number[]];
      const taps = kernel.reduce((a, b) => a * b, 1);
      const bound = Math.sqrt(6 / ((out + into) * taps));
      expect(layers[i]!.most).toBeLessThanOrEqual(bound);
      expect(layers[i]!.most).toBeGreaterThan(0.9 * bound);
    }
  });

  test('lenetrelu: U(-0.05, 0.05) in the convolutions', async () => {
    sg.manualSeed(2);
    const [first, second] = await spreads(keep(sg.models.leNetRelu()));
    for (const { most, std } of [first!, second!]) {
      expect(most).toBeLessThanOrEqual(0.05);
      expect(std).toBeCloseTo(0.1 / Math.sqrt(12), 2);
    }
  });

  test('simpleconvnet: N(0, 0.01)', async () => {
    sg.manualSeed(3);
    const layers = await spreads(keep(sg.models.simpleConvNet()));
    for (const { mean, std } of layers) {
      expect(Math.abs(mean)).toBeLessThan(2e-3);
      expect(std).toBeGreaterThan(0.009);
      expect(std).toBeLessThan(0.011);
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

test.each(['mlp', 'lenetrelu', 'lenettanh', 'convnet', 'simpleconvnet'])(
  '%s learns sixteen digits by heart',
  async (name) => {
    sg.manualSeed(5);
    const model = keep(sg.models.create(name));
    const optimizer = new sg.optim.Adam(model.parameters(), { lr: 2e-3 });
    const x = keep(sg.tensor(pixels, { shape: [16, 1, 28, 28] }));
    const y = keep(sg.tensor(labels));
    const losses: number[] = [];
    for (let step = 0; step < 40; step++) {
      using logits = model.forward(x);
      using loss = sg.nn.functional.crossEntropy(logits, y);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      losses.push(await loss.item());
    }
    optimizer.dispose?.();
    expect(losses[0]).toBeGreaterThan(1.5);
    expect(losses.at(-1)).toBeLessThan(name === 'simpleconvnet' ? 1 : 0.4);
  },
);

test('what does not fit is refused', () => {
  expect(() => new sg.models.LeNet5({ inputSize: 30 as 28 })).toThrow(
    'LeNet5: expected inputSize of 28, 32, got 30',
  );
  expect(() => sg.models.simpleConvNet({ inputSize: 5 })).toThrow(
    'simpleConvNet: expected a result to pool of 2x2 or more, got 1x1',
  );
});
