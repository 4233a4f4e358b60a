import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { tidyTest } from '../support/tidyTest.js';

const { nn } = sg;

/** That a layer passes its options on: the ops themselves are tested under autograd/ops. */
describe('layers give the shapes of their options', () => {
  const x = () => sg.ones([2, 4, 9, 7]);
  const CASES: [string, () => sg.nn.Module, number[]][] = [
    ['Conv2d', () => new nn.Conv2d(4, 6, 3), [2, 6, 7, 5]],
    ['Conv2d with a pair', () => new nn.Conv2d(4, 6, [5, 1]), [2, 6, 5, 7]],
    [
      'Conv2d, stride and padding',
      () => new nn.Conv2d(4, 6, 3, { stride: [2, 1], padding: 1 }),
      [2, 6, 5, 7],
    ],
    ['Conv2d, same', () => new nn.Conv2d(4, 6, 3, { padding: 'same' }), [2, 6, 9, 7]],
    ['Conv2d, dilation', () => new nn.Conv2d(4, 6, 3, { dilation: 2 }), [2, 6, 5, 3]],
    [
      'Conv2d, groups, no bias',
      () => new nn.Conv2d(4, 6, 3, { groups: 2, bias: false }),
      [2, 6, 7, 5],
    ],
    ['ConvTranspose2d', () => new nn.ConvTranspose2d(4, 6, 3), [2, 6, 11, 9]],
    [
      'ConvTranspose2d, options',
      () => new nn.ConvTranspose2d(4, 6, [3, 2], { stride: 2, outputPadding: 1, groups: 2 }),
      [2, 6, 20, 15],
    ],
    ['MaxPool2d', () => new nn.MaxPool2d(2), [2, 4, 4, 3]],
    ['MaxPool2d, overlapping', () => new nn.MaxPool2d(3, { stride: 2, padding: 1 }), [2, 4, 5, 4]],
    ['AvgPool2d', () => new nn.AvgPool2d([3, 2]), [2, 4, 3, 3]],
    ['AvgPool2d, stride', () => new nn.AvgPool2d(3, { stride: 1 }), [2, 4, 7, 5]],
    ['AvgPool2d, same', () => new nn.AvgPool2d(2, { padding: 'same' }), [2, 4, 5, 4]],
    ['AdaptiveAvgPool2d', () => new nn.AdaptiveAvgPool2d([6, null]), [2, 4, 6, 7]],
    ['AdaptiveMaxPool2d', () => new nn.AdaptiveMaxPool2d(1), [2, 4, 1, 1]],
    ['LocalResponseNorm', () => new nn.LocalResponseNorm(5, { k: 2 }), [2, 4, 9, 7]],
    ['Flatten', () => new nn.Flatten(), [2, 252]],
    ['Flatten of some', () => new nn.Flatten(2, 3), [2, 4, 63]],
    ['Linear', () => new nn.Linear(7, 3), [2, 4, 9, 3]],
    ['PReLU', () => new nn.PReLU(4), [2, 4, 9, 7]],
    ['Identity', () => new nn.Identity(), [2, 4, 9, 7]],
  ];

  test.each(CASES)('%s', async (_, make, shape) => {
    const layer = make();
    const y = sg.tidy(() => sg.noGrad(() => layer.forward(x())));
    expect(y.shape).toEqual(shape);
    expect((await y.data()).every(Number.isFinite)).toBe(true);
    y.dispose();
    layer.dispose();
  });
});

test('PReLU starts with one slope of 0.25, and learns it', async () => {
  const layer = new nn.PReLU();
  using x = sg.tensor([-2, 0, 1]);
  using y = layer.forward(x).retain();
  expect([...(await y.data())]).toEqual([-0.5, 0, 1]);
  using loss = y.sum();
  loss.backward();
  expect([...(await layer.weight.grad!.data())]).toEqual([-2]);
  layer.dispose();
});

test('activations are the functions of their names', async () => {
  const e = Math.E;
  const cases: [sg.nn.Module, number[]][] = [
    [new nn.ReLU(), [0, 0, 1]],
    [new nn.Sigmoid(), [1 / (1 + e), 0.5, e / (1 + e)]],
    [new nn.Tanh(), [Math.tanh(-1), 0, Math.tanh(1)]],
    [new nn.Softmax(), [1, e, e * e].map((value) => value / (1 + e + e * e))],
    [new nn.LogSoftmax(-1), [0, 1, 2].map((value) => value - Math.log(1 + e + e * e))],
  ];
  using x = sg.tensor([-1, 0, 1]);
  for (const [layer, expected] of cases) {
    using y = layer.forward(x);
    const values = await y.data();
    for (const [i, value] of values.entries()) expect(value).toBeCloseTo(expected[i]!, 6);
    expect(layer.parameters()).toEqual([]);
  }
  using column = sg.ones([2, 3]);
  using shares = new nn.Softmax(0).forward(column);
  expect(await shares.toArray()).toEqual([
    [0.5, 0.5, 0.5],
    [0.5, 0.5, 0.5],
  ]);
});

tidyTest('CrossEntropyLoss passes its options on', async () => {
  const logits = sg.tensor([
    [0, 0],
    [0, 0],
  ]);
  const target = sg.tensor(new Int32Array([0, 1]));
  const loss = async (options?: ConstructorParameters<typeof nn.CrossEntropyLoss>[0]) =>
    new nn.CrossEntropyLoss(options).forward(logits, target).toArray();
  expect(await loss()).toBeCloseTo(Math.LN2, 6);
  expect(await loss({ reduction: 'sum' })).toBeCloseTo(2 * Math.LN2, 6);
  expect(await loss({ reduction: 'none' })).toHaveLength(2);
});

describe('Linear and Conv2d', () => {
  test('have no bias where it is off', () => {
    const linear = new nn.Linear(2, 3, { bias: false });
    const conv = new nn.Conv2d(1, 2, 3, { bias: false });
    expect([linear.bias, conv.bias]).toEqual([null, null]);
    expect([...linear.namedParameters(), ...conv.namedParameters()].map(([key]) => key)).toEqual([
      'weight',
      'weight',
    ]);
    linear.dispose();
    conv.dispose();
  });

  test('ConvTranspose2d makes the size that is asked for', () => {
    const layer = new nn.ConvTranspose2d(4, 6, 3, { stride: 2, padding: 1, bias: false });
    expect(layer.weight.shape).toEqual([4, 6, 3, 3]);
    using x = sg.ones([1, 4, 6, 5]);
    using y = sg.noGrad(() => layer.forward(x, [12, 9]));
    expect(y.shape).toEqual([1, 6, 12, 9]);
    expect(() => layer.forward(x, [13, 9])).toThrow(
      'ConvTranspose2d: expected outputSize of 11 to 12 in height, got 13',
    );
    layer.dispose();
    expect(() => new nn.ConvTranspose2d(4, 5, 3, { groups: 2 })).toThrow(
      'ConvTranspose2d: expected inChannels and outChannels that 2 groups divide, got 4 and 5',
    );
  });

  test('say what does not fit', () => {
    const linear = new nn.Linear(2, 3);
    using x = sg.ones([4, 5]);
    expect(() => linear.forward(x)).toThrow(sg.ShapeError);
    expect(() => linear.forward(x)).toThrow(/^linear: expected/);
    linear.dispose();
    const before = sg.memory().arrays;
    expect(() => new nn.Conv2d(3, 6, 3, { groups: 2 })).toThrow(sg.ArgumentError);
    expect(() => new nn.Conv2d(4, 6, 3, { groups: 4 })).toThrow(
      'Conv2d: expected inChannels and outChannels that 4 groups divide, got 4 and 6',
    );
    expect(sg.memory().arrays).toBe(before);
  });

  test('learn: a line is found by gradient descent', async () => {
    sg.manualSeed(2);
    const layer = new nn.Linear(1, 1);
    const optimizer = new sg.optim.SGD(layer.parameters(), { lr: 0.3 });
    using x = sg.tensor([[-1], [0], [1], [2]]);
    using y = sg.tensor([[-5], [-2], [1], [4]]);
    for (let i = 0; i < 60; i++) {
      sg.tidy(() => {
        const loss = layer.forward(x).sub(y).square().mean();
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();
      });
    }
    expect((await layer.weight.data())[0]).toBeCloseTo(3, 2);
    expect((await layer.bias!.data())[0]).toBeCloseTo(-2, 2);
    layer.dispose();
  });
});
