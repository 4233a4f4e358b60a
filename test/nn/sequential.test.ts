import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { currentDevice } from '../../src/gpu/device.js';

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
  const numbers = [[...(await y.data())]];
  y.square().mul(weights).sum().backward();
  const dispatches = queue.dispatches - before;
  for (const leaf of [x, ...model.parameters()]) numbers.push([...(await leaf.grad!.data())]);
  model.zeroGrad();
  for (const tensor of [x, weights]) tensor.dispose();
  return { numbers, dispatches };
}

describe('Sequential computes a layer and its activation at once', () => {
  for (const [layerName, makeLayer, shape] of LAYERS) {
    for (const [name, makeActivation] of ACTIVATIONS) {
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
