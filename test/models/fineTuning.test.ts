/** Every network after training: its last layer replaced, the rest frozen, probabilities appended. */
import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { currentDevice } from '../../src/gpu/device.js';
import { ALL, unlessAll } from '../support/extent.js';
import { narrow } from '../support/narrow.js';

const { nn } = sg;
const CLASSES = 3;

/** Those whose layers differ in kind: the others are of the same kinds in other sizes. */
const NAMES = unlessAll(['lenet5', 'alexnetcifar', 'alexnet'], sg.models.names);

/** A network by its name; the large ones an eighth as wide where not everything is tested. */
function create(name: string): sg.nn.Module {
  const make = (): sg.nn.Module => sg.models.create(name);
  return !ALL && name.startsWith('alexnet') ? narrow(make) : make();
}

/** The path of the last dense layer, and that layer. */
function headOf(model: sg.nn.Module): [string, sg.nn.Linear] {
  const dense = model.namedModules().filter(([, module]) => module instanceof nn.Linear);
  return dense.at(-1) as [string, sg.nn.Linear];
}

function batchFor(name: string, count: number): [sg.Tensor, sg.Tensor] {
  return [sg.rand([count, ...sg.models.inputShapeOf(name)]), sg.randint(0, CLASSES, [count])];
}

/** One step of training; returns the dispatches of backward. */
function trainStep(
  model: sg.nn.Module,
  optimizer: sg.optim.SGD,
  x: sg.Tensor,
  y: sg.Tensor,
): number {
  return sg.tidy(() => {
    const loss = nn.functional.crossEntropy(model.forward(x), y);
    optimizer.zeroGrad();
    const { queue } = currentDevice();
    const before = queue.dispatches;
    loss.backward();
    const dispatches = queue.dispatches - before;
    optimizer.step();
    return dispatches;
  });
}

/** Whether each tensor has the bits of its copy, by key. */
async function unchanged(
  state: Readonly<Record<string, sg.Tensor>>,
  copies: Readonly<Record<string, sg.Tensor>>,
): Promise<Record<string, boolean>> {
  const entries = Object.entries(copies).map(async ([key, copy]) => {
    using same = sg.noGrad(() => state[key]!.eq(copy).all());
    return [key, (await same.item()) === 1] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

const copyOf = (state: Readonly<Record<string, sg.Tensor>>): Record<string, sg.Tensor> =>
  sg.noGrad(() => Object.fromEntries(Object.entries(state).map(([key, t]) => [key, t.clone()])));

describe.each(NAMES)('%s', (name) => {
  test('with another last layer learns that alone, bit for bit', async () => {
    sg.manualSeed(1);
    const model = create(name);
    const [path, old] = headOf(model);
    model.eval(); // frozen batch norm keeps its statistics
    model.requiresGrad_(false);
    const { bytesInUse } = sg.memory();
    const head = new nn.Linear(old.inFeatures, CLASSES);
    expect(model.setSubmodule(path, head)).toBe(old);
    const oldBytes = old.parameters().reduce((sum, { array }) => sum + array.bytes, 0);
    const headBytes = head.parameters().reduce((sum, { array }) => sum + array.bytes, 0);
    old.dispose();
    // Buffers come in sizes; what is in use has fallen by the old layer's, but for that.
    expect(sg.memory().bytesInUse).toBeLessThanOrEqual(
      bytesInUse - oldBytes + 2 * headBytes + 1024,
    );

    const trainable = model.parameters().filter(({ requiresGrad }) => requiresGrad);
    expect(trainable).toEqual(head.parameters());
    const optimizer = new sg.optim.SGD(model.parameters(), { lr: 0.1, weightDecay: 0.1 });
    const [x, y] = batchFor(name, 2);
    const before = copyOf(model.stateDict());
    const dispatches = trainStep(model, optimizer, x, y);
    // The loss, and the weight and bias of one layer: nothing goes further back.
    expect(dispatches).toBeLessThanOrEqual(3);
    for (const parameter of model.parameters()) {
      expect(parameter.grad !== null).toBe(head.parameters().includes(parameter));
    }
    const same = await unchanged(model.stateDict(), before);
    const changed = Object.keys(same).filter((key) => !same[key]);
    expect(changed).toEqual([`${path}.weight`, `${path}.bias`]);
    for (const one of [x, y, optimizer, model, ...Object.values(before)]) one.dispose();
  });

  test('with Softmax behind it gives probabilities', async () => {
    sg.manualSeed(2);
    const model = create(name).eval();
    const [x, y] = batchFor(name, 1);
    using logits = sg.noGrad(() => model.forward(x));
    const whole = new nn.Sequential(model, new nn.Softmax(1)).eval();
    using probabilities = sg.noGrad(() => whole.forward(x));
    using expected = logits.softmax(1);
    const shares = [...(await probabilities.data())];
    expect(shares).toEqual([...(await expected.data())]);
    expect(shares.reduce((a, b) => a + b)).toBeCloseTo(1, 4);
    for (const one of [x, y, model]) one.dispose();
  });
});

test('frozen layers in front cost no backward, and those behind no gradient of their weights', () => {
  sg.manualSeed(3);
  const model = new nn.Sequential(
    new nn.Conv2d(1, 4, 3),
    new nn.ReLU(),
    new nn.Flatten(),
    new nn.Linear(144, 10),
    new nn.ReLU(),
    new nn.Linear(10, CLASSES),
  );
  const [x, y] = [sg.rand([2, 1, 8, 8]), sg.randint(0, CLASSES, [2])];
  const optimizer = new sg.optim.SGD(model.parameters(), { lr: 0.1 });
  const frozen = (...layers: number[]): number => {
    model.requiresGrad_(true).zeroGrad();
    for (const layer of layers) model.at(layer)!.requiresGrad_(false);
    return trainStep(model, optimizer, x, y);
  };
  const all = frozen();
  expect(frozen(0)).toBeLessThan(all);
  expect(frozen(0, 3)).toBeLessThan(frozen(0));
  expect(frozen(5)).toBeLessThan(all);
  const none = frozen(3, 5); // the gradient passes through both to the convolution
  expect(none).toBeLessThan(frozen(5));
  frozen(3, 5);
  expect(model.parameters().map(({ grad }) => grad !== null)).toEqual([
    ...[true, true],
    ...[false, false, false, false],
  ]);
  for (const one of [x, y, optimizer, model]) one.dispose();
});

test('a layer that an optimizer had moved beside others gives its memory back too', async () => {
  sg.manualSeed(4);
  const model = new nn.Sequential(new nn.Linear(8, 64), new nn.ReLU(), new nn.Linear(64, 4096));
  const [x, y] = [sg.rand([2, 8]), sg.randint(0, CLASSES, [2])];
  const optimizer = new sg.optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
  trainStep(model, optimizer, x, y);
  const kept = model.at(0)!.parameters();
  const before = await Promise.all(kept.map((parameter) => parameter.toArray()));
  optimizer.zeroGrad();
  model.set(2, new nn.Linear(64, CLASSES)).dispose();
  optimizer.dispose();
  expect(sg.memory().bytesInUse).toBeLessThan(4 * 64 * 256);
  expect(await Promise.all(kept.map((parameter) => parameter.toArray()))).toEqual(before);
  const second = new sg.optim.SGD(model.parameters(), { lr: 0.1 });
  trainStep(model, second, x, y);
  for (const one of [x, y, second, model]) one.dispose();
});

test('batch norm in training mode keeps its statistics moving even where it is frozen', async () => {
  sg.manualSeed(5);
  const norm = new nn.BatchNorm1d(4);
  const model = new nn.Sequential(norm, new nn.Linear(4, CLASSES));
  norm.requiresGrad_(false);
  const [x, y] = [sg.tidy(() => sg.randn([6, 4]).mul(3).add(1)), sg.randint(0, CLASSES, [6])];
  const optimizer = new sg.optim.SGD(model.parameters(), { lr: 0.1 });
  trainStep(model, optimizer, x, y);
  const moved = await norm.runningMean!.toArray();
  expect(moved).not.toEqual([0, 0, 0, 0]);
  norm.eval();
  trainStep(model, optimizer, x, y);
  expect(await norm.runningMean!.toArray()).toEqual(moved);
  for (const one of [x, y, optimizer, model]) one.dispose();
});
