/** What the networks are made of, layer by layer, and what they compute. */
import * as sg from 'shadegrad';
import { expect, test } from 'vitest';
import {
  batchNorm,
  conv,
  dropout,
  flatten,
  forward,
  identity,
  linear,
  other,
  pool,
  relu,
  rowsOf,
  sigmoidal,
  tanh,
  type Layer,
} from '../reference/network.js';
import type { Reference } from '../support/checkOp.js';
import { expectClose } from '../support/compare.js';
import { ALL } from '../support/extent.js';
import { keep } from '../support/keep.js';
import { narrow, NARROWER } from '../support/narrow.js';
import { uniform } from '../support/random.js';

const HALVES = { stride: 2 } as const;

const maxPool = (channels: number, size: number): Layer =>
  pool('MaxPool2d', [channels, size, size], 2, HALVES);

/** Of one padding of the first convolution, one activation and one pool. */
function lenet5(padding: { padding?: number }, activation: Layer, kind: 'AvgPool2d' | 'MaxPool2d') {
  return [
    ...[conv([6, 28, 28], 5, padding), activation, pool(kind, [6, 14, 14], 2, HALVES)],
    ...[conv([16, 10, 10], 5), activation, pool(kind, [16, 5, 5], 2, HALVES)],
    ...[flatten(400), linear(400, 120), activation, linear(120, 84), activation, linear(84, 10)],
  ];
}

/** A convolution of alexNetCifar and what follows each. */
const normalized = (filters: number, size: number, kernel: number): Layer[] => [
  ...[conv([filters, size, size], kernel, { padding: 'same' }), relu, batchNorm(filters, 1e-3)],
];

/** The layers of alexNetCifar, that many times as narrow. */
function alexNetCifar(narrower = 1): Layer[] {
  const [c1, c2, c3, c4, flat, hidden] = [64, 192, 384, 256, 4096, 1024].map((n) => n / narrower);
  return [
    ...[...normalized(c1!, 32, 5), maxPool(c1!, 16)],
    ...[...normalized(c2!, 16, 5), maxPool(c2!, 8)],
    ...normalized(c3!, 8, 3),
    ...normalized(c4!, 8, 3),
    ...[...normalized(c4!, 8, 3), maxPool(c4!, 4)],
    ...[flatten(flat!), linear(flat!, hidden!), relu, dropout(0.5)],
    ...[linear(hidden!, hidden!), relu, dropout(0.5), linear(hidden!, 10)],
  ];
}

interface Network {
  name: string;
  options?: object;
  parameters: number;
  layers: Layer[];
  /** Its layers are no others than those of another, in other sizes. */
  repeats?: true;
}

/** Written down from the tutorials, not from the models. */
const NETWORKS: Network[] = [
  {
    name: 'mlp',
    parameters: 101_770,
    layers: [flatten(784), linear(784, 128), relu, dropout(0.2), linear(128, 10)],
  },
  {
    name: 'lenet5',
    parameters: 61_706,
    layers: lenet5({ padding: 2 }, sigmoidal, 'AvgPool2d'),
  },
  {
    name: 'lenet5',
    options: { activation: 'tanh', pool: 'max' },
    parameters: 61_706,
    layers: lenet5({ padding: 2 }, tanh, 'MaxPool2d'),
  },
  {
    name: 'lenet5',
    options: { activation: 'relu', inputSize: 32 },
    parameters: 61_706,
    layers: lenet5({}, relu, 'AvgPool2d'),
    repeats: true,
  },
  {
    name: 'lenet5',
    options: { inputSize: 32, pool: 'max', activation: 'none' },
    parameters: 61_706,
    layers: lenet5({}, identity, 'MaxPool2d'),
    repeats: true,
  },
  {
    name: 'lenet5',
    options: { inputSize: 32, inChannels: 3, pool: 'max', activation: 'none' },
    parameters: 62_006,
    layers: lenet5({}, identity, 'MaxPool2d'),
  },
  {
    name: 'lenetrelu',
    parameters: 155_606,
    layers: [
      ...[conv([32, 24, 24], 5), relu, maxPool(32, 12), conv([64, 8, 8], 5), relu, maxPool(64, 4)],
      ...[flatten(1024), linear(1024, 100), relu, linear(100, 10)],
    ],
    repeats: true,
  },
  {
    name: 'lenettanh',
    parameters: 390_026,
    layers: [
      ...[conv([6, 28, 28], 5, { padding: 'same' }), tanh],
      pool('MaxPool2d', [6, 14, 14], 2, { stride: 2, padding: 'same' }),
      ...[conv([16, 14, 14], 5, { padding: 'same' }), tanh],
      pool('MaxPool2d', [16, 14, 14], 2, { stride: 1, padding: 'same' }),
      ...[flatten(3136), linear(3136, 120), tanh, dropout(0.2)],
      ...[linear(120, 84), tanh, linear(84, 10)],
    ],
  },
  {
    name: 'convnet',
    parameters: 121_930,
    layers: [
      ...[conv([32, 26, 26], 3), relu, maxPool(32, 13)],
      ...[conv([64, 11, 11], 3), relu, maxPool(64, 5)],
      ...[flatten(1600), linear(1600, 64), relu, linear(64, 10)],
    ],
    repeats: true,
  },
  {
    name: 'simpleconvnet',
    parameters: 433_890,
    layers: [
      ...[conv([30, 24, 24], 5), relu, maxPool(30, 12)],
      ...[flatten(4320), linear(4320, 100), relu, linear(100, 10)],
    ],
    repeats: true,
  },
  {
    name: 'simpleconvnet',
    options: {
      ...{ inputSize: 11, inChannels: 2, filters: 4, kernelSize: 3, stride: 2, padding: 1 },
      ...{ hiddenSize: 20, numClasses: 7 },
    },
    parameters: 4 * 18 + 4 + 36 * 20 + 20 + 20 * 7 + 7,
    layers: [
      ...[conv([4, 6, 6], 3, { stride: 2, padding: 1 }), relu, maxPool(4, 3)],
      ...[flatten(36), linear(36, 20), relu, linear(20, 7)],
    ],
  },
  {
    name: 'alexnetcifar',
    parameters: 7_708_746,
    layers: alexNetCifar(),
  },
];

const overlapping = (channels: number, size: number): Layer =>
  pool('MaxPool2d', [channels, size, size], 3, HALVES);

/** A convolution of 13x13 planes. */
const middle = (filters: number, groups: { groups?: number } = {}): Layer[] => [
  ...[conv([filters, 13, 13], 3, { padding: 1, ...groups }), relu],
];

/** Dropout behind the hidden layers. */
const denseOfAlexNet = (classes: number): Layer[] => [
  ...[linear(9216, 4096), relu, dropout(0.5)],
  ...[linear(4096, 4096), relu, dropout(0.5), linear(4096, classes)],
];

/** What they compute is in alexnet.test.ts. */
const ALEXNETS: Network[] = [
  {
    name: 'alexnet',
    options: { variant: 'd2l' },
    parameters: 58_299_082,
    layers: [
      ...[conv([96, 55, 55], 11, { stride: 4 }), relu, overlapping(96, 27)],
      ...[conv([256, 27, 27], 5, { padding: 2 }), relu, overlapping(256, 13)],
      ...[...middle(384), ...middle(384), ...middle(256), overlapping(256, 6)],
      ...denseOfAlexNet(10),
    ],
  },
  {
    name: 'alexnet',
    options: { variant: 'torchvision' },
    parameters: 61_100_840,
    layers: [
      ...[conv([64, 55, 55], 11, { stride: 4, padding: 2 }), relu, overlapping(64, 27)],
      ...[conv([192, 27, 27], 5, { padding: 2 }), relu, overlapping(192, 13)],
      ...[...middle(384), ...middle(256), ...middle(256), overlapping(256, 6)],
      other('AdaptiveAvgPool2d', 'to 6x6'),
      ...[{ ...dropout(0.5), shape: [9216] }, linear(9216, 4096), relu],
      ...[dropout(0.5), linear(4096, 4096), relu, linear(4096, 1000)],
    ],
  },
  {
    name: 'alexnet',
    options: { variant: '2012' },
    parameters: 60_965_224,
    layers: [
      ...[conv([96, 55, 55], 11, { stride: 4 }), relu],
      ...[other('LocalResponseNorm', '5 channels'), overlapping(96, 27)],
      ...[conv([256, 27, 27], 5, { padding: 2, groups: 2 }), relu],
      ...[other('LocalResponseNorm', '5 channels'), overlapping(256, 13)],
      ...[...middle(384), ...middle(384, { groups: 2 }), ...middle(256, { groups: 2 })],
      ...[overlapping(256, 6), ...denseOfAlexNet(1000)],
    ],
  },
];

const isBatchNorm = (module: sg.nn.Module): module is sg.nn.BatchNorm2d =>
  module instanceof sg.nn.BatchNorm2d;

async function referenceOf(tensor: sg.Tensor): Promise<Reference> {
  return { shape: tensor.shape, data: Float64Array.from(await tensor.data()) };
}

/** With titles. */
const titled = (networks: readonly Network[]): [title: string, network: Network][] =>
  networks.map((network) => [`${network.name} ${JSON.stringify(network.options ?? {})}`, network]);

test.each(titled([...NETWORKS, ...ALEXNETS]))(
  '%s has the layers, their settings and the parameters of the tutorial',
  (_, { name, options, parameters, layers }) => {
    const shape = [2, ...sg.models.inputShapeOf(name, options)];
    sg.meta(() => {
      const model = sg.models.create(name, options);
      const summary = model.summary(shape);
      expect(summary.parameters).toBe(parameters);
      expect(summary.trainableParameters).toBe(parameters);
      expect(summary.rows).toMatchObject(rowsOf(layers, shape));
      // Keras' defaults: a running mean that keeps 0.99.
      for (const { eps, momentum } of model.modules().filter(isBatchNorm)) {
        expect([eps, momentum]).toEqual([1e-3, 0.01]);
      }
    });
  },
);

/** With an eighth of alexNetCifar in place of it, which takes most of the time. */
const FEW = NETWORKS.filter(({ name, repeats }) => !repeats && name !== 'alexnetcifar');

test.each(titled(ALL ? NETWORKS : FEW))(
  '%s gives the logits of the float64 reference',
  async (_, { name, options, layers }) => {
    const shape = [2, ...sg.models.inputShapeOf(name, options)];
    await checkLogits(() => sg.models.create(name, options), shape, layers);
  },
);

test('alexnetcifar, an eighth as wide, gives the logits of the float64 reference', () =>
  checkLogits(
    () => narrow(() => sg.models.alexNetCifar()),
    [2, 3, 32, 32],
    alexNetCifar(NARROWER),
  ));

async function checkLogits(
  make: () => sg.nn.Module,
  shape: number[],
  layers: readonly Layer[],
): Promise<void> {
  sg.manualSeed(6);
  const model = keep(make()).eval();
  // Other biases and statistics than 0 and 1, which would not be seen.
  for (const parameter of model.parameters()) {
    if (parameter.ndim === 1) sg.nn.init.uniform_(parameter, -0.5, 0.5);
  }
  const running = [];
  for (const [i, norm] of model.modules().filter(isBatchNorm).entries()) {
    const means = uniform(norm.numFeatures, 40 + i, -0.2, 0.2);
    const variances = uniform(norm.numFeatures, 50 + i, 0.01, 0.1);
    norm.runningMean!.copy_(means);
    norm.runningVar!.copy_(variances);
    running.push(Array.from(means, (mean, c) => ({ mean, variance: variances[c]! })));
  }
  const x = keep(sg.rand(shape));
  const logits = keep(sg.noGrad(() => model.forward(x)));

  const learnt = { parameters: await Promise.all(model.parameters().map(referenceOf)), running };
  const expected = forward(layers, await referenceOf(x), learnt);
  expect(logits.shape).toEqual(expected.shape);
  expectClose(await logits.data(), expected.data, { norm: 1e-5 }, 'logits');
}
