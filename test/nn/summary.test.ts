import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';

const LENET = `LeNet5
-------------------------------------------------------
Layer         Type       Output shape     Parameters
-------------------------------------------------------
(input)                  (1, 1, 28, 28)
features.0    Conv2d     (1, 6, 28, 28)          156
features.1    Sigmoid    (1, 6, 28, 28)            0
features.2    AvgPool2d  (1, 6, 14, 14)            0
features.3    Conv2d     (1, 16, 10, 10)       2,416
features.4    Sigmoid    (1, 16, 10, 10)           0
features.5    AvgPool2d  (1, 16, 5, 5)             0
classifier.0  Flatten    (1, 400)                  0
classifier.1  Linear     (1, 120)             48,120
classifier.2  Sigmoid    (1, 120)                  0
classifier.3  Linear     (1, 84)              10,164
classifier.4  Sigmoid    (1, 84)                   0
classifier.5  Linear     (1, 10)                 850
-------------------------------------------------------
Trainable parameters: 61,706
Total parameters: 61,706`;

describe('summary', () => {
  test('of LeNet-5 has every layer with its shape and 61,706 parameters', () => {
    const model = new sg.models.LeNet5();
    const summary = model.summary([1, 1, 28, 28]);
    const squeeze = (text: string) => text.replace(/-{5,}/g, '-----');
    expect(squeeze(String(summary))).toBe(squeeze(LENET));
    expect(summary.rows.reduce((sum, row) => sum + row.parameters, 0)).toBe(61_706);
    model.dispose();
  });

  test('computes nothing, takes no memory, and leaves the model as it was', async () => {
    sg.manualSeed(1);
    const model = new sg.models.LeNet5({ activation: 'relu', pool: 'max' });
    using x = sg.rand([1, 1, 28, 28]);
    const run = () => sg.tidy(() => sg.noGrad(() => model.forward(x)).data());
    const before = await run();
    const memory = sg.memory();
    const keys = Object.keys(model.features.at(0)!);
    expect(model.summary([64, 1, 28, 28]).rows[0]!.outputShape).toEqual([64, 6, 28, 28]);
    expect(sg.memory()).toEqual(memory);
    expect(Object.keys(model.features.at(0)!)).toEqual(keys);
    expect(await run()).toEqual(before);
    model.dispose();
  });

  test('counts frozen and shared parameters, and layers that run twice', () => {
    class Shared extends sg.nn.Module {
      readonly frozen = new sg.nn.Linear(4, 4, { bias: false }).requiresGrad_(false);
      readonly twice = new sg.nn.Linear(4, 4);
      readonly scale = new sg.nn.Parameter([1]);

      forward(x: sg.Tensor): sg.Tensor {
        return this.twice.forward(this.twice.forward(this.frozen.forward(x)));
      }
    }
    const model = new Shared();
    const { rows, parameters, trainableParameters } = model.summary([2, 4]);
    expect(rows.map(({ name, parameters }) => [name, parameters])).toEqual([
      ['frozen', 16],
      ['twice', 20],
      ['twice', 20],
    ]);
    expect([parameters, trainableParameters]).toEqual([37, 21]);
    model.dispose();
  });

  test('of a wrong input is the error of the layer, and the model stays usable', () => {
    const model = new sg.models.LeNet5();
    const memory = sg.memory();
    expect(() => model.summary([1, 3, 28, 28])).toThrow(sg.ShapeError);
    expect(() => model.summary([1, 3, 28, 28])).toThrow(/^conv2d: expected/);
    expect(sg.memory()).toEqual(memory);
    expect(model.summary([1, 1, 28, 28]).rows).toHaveLength(12);
    model.dispose();
  });

  test('of a single layer, and of one whose forward is a property', () => {
    const layer = new sg.nn.Linear(2, 3);
    const forward = layer.forward.bind(layer);
    layer.forward = forward;
    expect(layer.summary([5, 2]).rows).toEqual([
      { name: '', type: 'Linear', outputShape: [5, 3], parameters: 9 },
    ]);
    expect(layer.forward).toBe(forward);
    layer.dispose();
  });
});
