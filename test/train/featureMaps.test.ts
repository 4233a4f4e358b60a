import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';

const { nn } = sg;

class Twice extends nn.Module {
  readonly scale = new nn.Linear(1, 1);
  readonly unused = new nn.ReLU();
  forward(x: sg.Tensor): sg.Tensor {
    return this.scale.forward(this.scale.forward(x));
  }
}

describe('featureMaps', () => {
  test('are what the layers return, before what is computed with them', async () => {
    sg.manualSeed(1);
    const model = new sg.models.LeNet5({ activation: 'relu', pool: 'max' });
    using x = sg.randn([2, 1, 28, 28]);
    const names = ['features.1', 'features.0', 'classifier.5', 'features'] as const;
    const maps = await sg.train.featureMaps(model, x, names);
    expect(Object.keys(maps)).toEqual(names);
    expect(Object.values(maps).map(({ shape }) => shape)).toEqual([
      [2, 6, 28, 28],
      [2, 6, 28, 28],
      [2, 10],
      [2, 16, 5, 5],
    ]);
    const expected = sg.noGrad(() => [
      model.features.at(0)!.forward(x).data(),
      model.forward(x).data(),
    ]);
    const [conv, logits] = await Promise.all(expected);
    expect(maps['features.0'].data).toEqual(conv);
    expect(maps['features.0'].data.some((value) => value < 0)).toBe(true);
    expect(maps['features.1'].data).toEqual(conv!.map((value) => Math.max(value, 0)));
    logits!.forEach((value, i) => expect(maps['classifier.5'].data[i]).toBeCloseTo(value, 4));
    model.dispose();
  });

  test('are those of inference, and leave modes and hooks as they were', async () => {
    const model = new nn.Sequential(new nn.Dropout(0.9), new nn.Linear(2, 2));
    model.at(1)!.eval();
    using x = sg.ones([1, 2]);
    const { '0': dropped } = await sg.train.featureMaps(model, x, ['0']);
    expect(dropped.data).toEqual(Float32Array.of(1, 1));
    expect(model.modules().map(({ training }) => training)).toEqual([true, true, false]);
    expect(model.modules().some((module) => Object.hasOwn(module, 'forward'))).toBe(false);
    model.dispose();
  });

  test('of a layer that runs twice are the last', async () => {
    const model = new Twice();
    sg.nn.init.constant_(model.scale.weight, 3);
    sg.nn.init.constant_(model.scale.bias!, 1);
    using x = sg.ones([1, 1]);
    const { scale } = await sg.train.featureMaps(model, x, ['scale']);
    expect([...scale.data]).toEqual([13]);
    model.dispose();
  });

  test('refuses names that it has not and layers that do not run', async () => {
    const model = new Twice();
    using x = sg.ones([1, 1]);
    await expect(sg.train.featureMaps(model, x, ['skale'])).rejects.toThrow(
      "featureMaps: expected layers of scale, unused, got 'skale'",
    );
    await expect(sg.train.featureMaps(model, x, ['unused'])).rejects.toThrow(sg.ArgumentError);
    using wrong = sg.ones([1, 2]);
    await expect(sg.train.featureMaps(model, wrong, ['scale'])).rejects.toThrow(sg.ShapeError);
    expect(Object.hasOwn(model.scale, 'forward')).toBe(false);
    model.dispose();
  });
});
