import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';

describe('models by name', () => {
  test('are made with their options', () => {
    expect(sg.models.names).toContain('lenet5');
    expect(sg.models.inputShapeOf('lenet5')).toEqual([1, 28, 28]);
    const model = sg.models.create('lenet5', { pool: 'max', numClasses: 47 });
    expect(model).toBeInstanceOf(sg.models.LeNet5);
    expect(model.modules().filter((module) => module instanceof sg.nn.MaxPool2d)).toHaveLength(2);
    expect(model.summary([3, 1, 28, 28]).rows.at(-1)!.outputShape).toEqual([3, 47]);
    model.dispose();
  });

  test.each(['lenet', 'LeNet5', 'constructor', ''])('that are unknown are refused: %j', (name) => {
    for (const use of [() => sg.models.create(name), () => sg.models.inputShapeOf(name)]) {
      expect(use).toThrow(sg.ArgumentError);
      expect(use).toThrow(`expected one of ${sg.models.names.join(', ')}, got '${name}'`);
    }
  });
});

test('LeNet-5 has its parameters under PyTorch’s keys and shapes', () => {
  const model = new sg.models.LeNet5();
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
  model.dispose();
});
