import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { currentDevice } from '../../src/gpu/device.js';
import { ALL } from '../support/extent.js';

const { nn } = sg;

/** Layers that one kernel computes with the activation after them, on inputs of this shape. */
const LAYERS: [string, () => sg.nn.Module, number[]][] = [
  ['Conv2d', () => new nn.Conv2d(3, 5, 3, { padding: 1 }), [2, 3, 7, 6]],
  ['Conv2d without bias', () => new nn.Conv2d(3, 5, 3, { bias: false }), [2, 3, 7, 6]],
  ['Linear', () => new nn.Linear(9, 7), [4, 9]],
  ['Linear on more dimensions', () => new nn.Linear(9, 7), [2, 3, 9]],
  ['BatchNorm1d', () => new nn.BatchNorm1d(6), [5, 6]],
  ['BatchNorm2d', () => new nn.BatchNorm2d(3), [2, 3, 5, 4]],
];
const ACTIVATIONS: [string, () => sg.nn.Module][] = [
  ['ReLU', () => new nn.ReLU()],
  ['Sigmoid', () => new nn.Sigmoid()],
  ['Tanh', () => new nn.Tanh()],
];

/** Result, gradients and dispatches of a step through `forward`. */
async function step(
  model: sg.nn.Module,
  forward: (x: sg.Tensor) => sg.Tensor,
  shape: number[],
): Promise<{ numbers: number[][]; dispatches: number }> {
  const x = sg.randn(shape, { generator: new sg.Generator(5), requiresGrad: true });
  const weights = sg.randn([1], { generator: new sg.Generator(6) });
  const { queue } = currentDevice();
  const before = queue.dispatches;
  const y = forward(x);
  const reads = [y.data()];
  y.square().mul(weights).sum().backward();
  const dispatches = queue.dispatches - before;
  for (const leaf of [x, ...model.parameters()]) reads.push(leaf.grad!.data());
  const numbers = (await Promise.all(reads)).map((values) => [...values]);
  model.zeroGrad();
  for (const tensor of [x, weights]) tensor.dispose();
  return { numbers, dispatches };
}

describe('Sequential computes a layer and its activation at once', () => {
  for (const [i, [layerName, makeLayer, shape]] of LAYERS.entries()) {
    for (const [j, [name, makeActivation]] of ACTIVATIONS.entries()) {
      if (!ALL && i % ACTIVATIONS.length !== j) continue; // each layer, and each activation twice
      test(`${layerName} and ${name}: same bits, fewer dispatches, same keys`, async () => {
        sg.manualSeed(1);
        const [layer, activation] = [makeLayer(), makeActivation()];
        const model = new nn.Sequential(layer, activation);
        const apart = await step(model, (x) => activation.forward(layer.forward(x)), shape);
        const together = await step(model, (x) => model.forward(x), shape);
        expect(together.numbers).toEqual(apart.numbers);
        expect(together.dispatches).toBeLessThan(apart.dispatches);
        const keys = Object.keys(model.stateDict());
        expect(keys).toEqual(Object.keys(layer.stateDict()).map((key) => `0.${key}`));
        sg.tidy(() => sg.ones([1], { requiresGrad: true }).sum().backward()); // ends the step
        model.dispose();
      });
    }
  }

  test('a subclass, or a forward of its own, is left alone', () => {
    const calls: string[] = [];
    class Loud extends nn.ReLU {
      override forward(x: sg.Tensor): sg.Tensor {
        calls.push('Loud');
        return super.forward(x);
      }
    }
    const spied = new nn.ReLU();
    spied.forward = (x) => {
      calls.push('spied');
      return x.relu();
    };
    const layer = (): sg.nn.Module => new nn.Conv2d(1, 1, 1);
    const model = new nn.Sequential(layer(), new Loud(), layer(), spied);
    sg.noGrad(() => void model.forward(sg.ones([1, 1, 2, 2])));
    expect(calls).toEqual(['Loud', 'spied']);
    model.dispose();
  });
});

describe('Sequential can be changed', () => {
  const sizes = (model: sg.nn.Sequential) =>
    [...model].map((layer) => (layer as sg.nn.Linear).outFeatures);
  const chain = (...outputs: number[]) =>
    new nn.Sequential(...outputs.map((size) => new nn.Linear(1, size)));

  test('append, extend, insert, set and pop', () => {
    const model = chain(1, 2);
    const [third, rest] = [new nn.Linear(1, 3), chain(4, 5)];
    expect(model.append(third)).toBe(model);
    expect(model.extend(rest)).toBe(model);
    expect(sizes(model)).toEqual([1, 2, 3, 4, 5]);
    model.insert(0, new nn.Linear(1, 6)).insert(-1, new nn.Linear(1, 7));
    model.insert(model.length, new nn.Linear(1, 8));
    expect(sizes(model)).toEqual([6, 1, 2, 3, 4, 7, 5, 8]);
    expect(model.pop(4)).toBe(rest.at(0));
    const last = model.pop();
    expect(model.set(3, new nn.Linear(1, 9))).toBe(third);
    expect(sizes(model)).toEqual([6, 1, 2, 9, 7, 5]);
    expect(model.set(-1, new nn.Linear(1, 10))).toBe(rest.at(1));
    expect(Object.keys(model.stateDict()).slice(-2)).toEqual(['5.weight', '5.bias']);
    expect(model.namedModules().map(([path]) => path)).toEqual(['', '0', '1', '2', '3', '4', '5']);
    for (const one of [model, third, rest, last]) one.dispose();
  });

  test('extends itself once', () => {
    const model = chain(1, 2);
    expect(sizes(model.extend(model))).toEqual([1, 2, 1, 2]);
    model.dispose();
  });

  test('what it computes follows, activations in kernels too', async () => {
    sg.manualSeed(1);
    const model = new nn.Sequential(new nn.Linear(3, 4), new nn.ReLU(), new nn.Linear(4, 2));
    using x = sg.randn([5, 3]);
    const run = () => sg.noGrad(() => model.forward(x));
    using logits = run();
    model.append(new nn.Softmax(1));
    using probabilities = run();
    using expected = logits.softmax(1);
    expect(await probabilities.toArray()).toEqual(await expected.toArray());
    model.pop();
    model.set(1, new nn.Tanh());
    using other = run();
    expect(await other.toArray()).not.toEqual(await logits.toArray());
    using by = sg.noGrad(() => model.at(2)!.forward(model.at(0)!.forward(x).tanh()));
    expect(await other.toArray()).toEqual(await by.toArray());
    model.dispose();
  });

  test('what is taken out has its memory until it is disposed of', () => {
    const model = chain(200, 300);
    const { bytesInUse } = sg.memory();
    model.pop().dispose();
    expect(sg.memory().bytesInUse).toBeLessThan(bytesInUse - 4 * 2 * 300);
    model.set(0, new nn.Identity()).dispose();
    expect(model.parameters()).toEqual([]);
  });

  test('refuses indices that there are not, and what is no layer', () => {
    const model = new nn.Sequential(new nn.ReLU(), new nn.Tanh());
    const layer = new nn.ReLU();
    expect(() => model.set(2, layer)).toThrow(sg.ArgumentError);
    expect(() => model.set(2, layer)).toThrow(
      'Sequential.set: expected an index from -2 to 1 for 2 layers, got 2',
    );
    expect(() => model.pop(-3)).toThrow('Sequential.pop: expected an index from -2 to 1');
    expect(() => model.insert(3, layer)).toThrow(
      'expected an index from -2 to 2 for 2 layers, got 3',
    );
    expect(() => model.insert(0.5, layer)).toThrow('got 0.5');
    expect(() => new nn.Sequential().pop()).toThrow('Sequential.pop: expected a layer, got -1');
    expect(() => model.append(null as never)).toThrow(
      'Sequential.insert: expected a Module, got null',
    );
    expect(() => model.set(0, (() => layer) as never)).toThrow('Sequential.set: expected a Module');
    expect(model.children().map(({ constructor }) => constructor.name)).toEqual(['ReLU', 'Tanh']);
  });
});
