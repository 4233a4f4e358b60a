import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';

describe('models by name', () => {
  test('are made with their options', () => {
    expect(sg.models.names).toContain('lenet5');
    expect(sg.models.inputShapeOf('lenet5')).toEqual([1, 28, 28]);
    const model = sg.meta(() => sg.models.create('lenet5', { pool: 'max', numClasses: 47 }));
    expect(model).toBeInstanceOf(sg.models.LeNet5);
    expect(model.modules().filter((module) => module instanceof sg.nn.MaxPool2d)).toHaveLength(2);
    expect(model.summary([3, 1, 28, 28]).rows.at(-1)!.outputShape).toEqual([3, 47]);
  });

  test.each(['lenet', 'LeNet5', 'constructor', ''])('that are unknown are refused: %j', (name) => {
    for (const use of [() => sg.models.create(name), () => sg.models.inputShapeOf(name)]) {
      expect(use).toThrow(sg.ArgumentError);
      expect(use).toThrow(`expected one of ${sg.models.names.join(', ')}, got '${name}'`);
    }
  });
});

describe('a network for images', () => {
  const { create, inputShapeOf, optionsFor, recipeFor } = sg.models;
  const photos = { imageShape: [3, 32, 32], classes: 7 };

  test('takes their channels, their size and their classes where it can', () => {
    expect(optionsFor('lenet5', photos)).toEqual({ numClasses: 7, inChannels: 3, inputSize: 32 });
    expect(optionsFor('lenet5', { ...photos, imageShape: [1, 90, 90] })).toEqual({
      numClasses: 7,
      inChannels: 1,
    });
    expect(optionsFor('alexnet', photos, { variant: 'd2l', numClasses: 9 })).toEqual({
      ...{ variant: 'd2l', numClasses: 9, inChannels: 3 },
    });
    for (const name of sg.models.names) {
      const imageShape = inputShapeOf(name);
      const options = optionsFor(name, { imageShape, classes: 3 });
      const model = sg.meta(() => create(name, options));
      expect(model.summary([2, ...imageShape]).rows.at(-1)!.outputShape).toEqual([2, 3]);
    }
  });

  test('refuses options that it has not, and too few classes', () => {
    for (const use of [create, inputShapeOf]) {
      expect(() => use('mlp', { activation: 'relu' })).toThrow(
        "mlp: expected options of numClasses, dropout, got 'activation'",
      );
    }
    expect(() => optionsFor('lenet5', photos, { numClasses: 5 })).toThrow(
      'lenet5: expected numClasses of 7 or more, got 5',
    );
  });

  test('refuses channels that it cannot take', () => {
    expect(() => optionsFor('mlp', photos)).toThrow('mlp: expected images of 1 channels, got 3');
    expect(() => optionsFor('alexnetcifar', { ...photos, imageShape: [1, 28, 28] })).toThrow(
      'alexnetcifar: expected images of 3 channels, got 1',
    );
  });

  test('has what its tutorials train it with', () => {
    const model = sg.meta(() => create('alexnetcifar'));
    const { regularizers, adam } = recipeFor('alexnetcifar', model);
    expect(regularizers.map(({ factor }) => factor)).toEqual([0.0005]);
    expect(adam).toEqual({ eps: 1e-7 });
  });

  test.each([
    ...['mlp', 'lenetrelu', 'lenettanh', 'convnet'].map((name) => [name, { eps: 1e-7 }] as const),
    ...['lenet5', 'simpleconvnet', 'alexnet'].map((name) => [name, {}] as const),
  ])("%s is trained with Adam's %j", (name, adam) => {
    const model = sg.meta(() => create('mlp')); // their recipes ask for no more
    expect(recipeFor(name, model)).toEqual({ regularizers: [], adam });
  });
});

test('LeNet-5 has its parameters under PyTorch’s keys and shapes', () => {
  const model = sg.meta(() => new sg.models.LeNet5());
  expect(model.namedParameters().map(([key, { shape }]) => [key, ...shape])).toEqual([
    ['features.0.weight', 6, 1, 5, 5],
    ['features.0.bias', 6],
    ['features.3.weight', 16, 6, 5, 5],
    ['features.3.bias', 16],
    ['classifier.1.weight', 120, 400],
    ['classifier.1.bias', 120],
    ['classifier.3.weight', 84, 120],
    ['classifier.3.bias', 84],
    ['classifier.5.weight', 10, 84],
    ['classifier.5.bias', 10],
  ]);
  expect(() => new sg.models.LeNet5({ pool: 'toString' as 'max' })).toThrow(
    'LeNet5: expected pool of avg, max, got toString',
  );
});
