import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';

const { classificationReport, confusionMatrix } = sg.train;

// Expected values are those of scikit-learn 1.9.1:
//   y = [0,1,2,2,1,0,3,3,2,2,0,1]; p = [0,2,2,2,1,0,2,0,1,2,0,1]
//   precision_recall_fscore_support(y, p, labels=[0,1,2,3,4], zero_division=z, average=...)
// Class 3 is never predicted, class 4 neither predicted nor expected.
const EXPECTED = [0, 1, 2, 2, 1, 0, 3, 3, 2, 2, 0, 1];
const PREDICTED = [0, 2, 2, 2, 1, 0, 2, 0, 1, 2, 0, 1];
const [S, M] = [2 / 3, 6 / 7];
const CASES = [
  {
    zeroDivision: 0,
    precision: [0.75, S, 0.6, 0, 0],
    recall: [1, S, 0.75, 0, 0],
    f1: [M, S, S, 0, 0],
    macro: [0.4033333333333333, 0.4833333333333333, 0.43809523809523804],
    weighted: [0.5541666666666667, 0.6666666666666666, 0.6031746031746031],
  },
  {
    zeroDivision: 1,
    precision: [0.75, S, 0.6, 1, 1],
    recall: [1, S, 0.75, 0, 1],
    f1: [M, S, S, 0, 1],
    macro: [0.8033333333333333, 0.6833333333333333, 0.638095238095238],
    weighted: [0.7208333333333333, 0.6666666666666666, 0.6031746031746031],
  },
  {
    zeroDivision: NaN,
    precision: [0.75, S, 0.6, NaN, NaN],
    recall: [1, S, 0.75, 0, NaN],
    f1: [M, S, S, 0, NaN],
    macro: [0.6722222222222222, 0.6041666666666666, 0.5476190476190476],
    weighted: [0.665, 0.6666666666666666, 0.6031746031746031],
  },
];
const FIGURES = ['precision', 'recall', 'f1'] as const;

describe.each(CASES)('zeroDivision $zeroDivision', ({ zeroDivision, ...expected }) => {
  const report = classificationReport(confusionMatrix(PREDICTED, EXPECTED, 5), 5, { zeroDivision });

  test.each(FIGURES)('%s of each class', (figure) => {
    const values = report.classes.map((figures) => figures[figure]);
    expected[figure].forEach((value, k) => {
      if (Number.isNaN(value)) expect(values[k]).toBeNaN();
      else expect(values[k]).toBeCloseTo(value, 14);
    });
  });

  test('macro, micro and weighted', () => {
    FIGURES.forEach((figure, i) => {
      expect(report.macro[figure]).toBeCloseTo(expected.macro[i]!, 14);
      expect(report.weighted[figure]).toBeCloseTo(expected.weighted[i]!, 14);
      expect(report.micro[figure]).toBeCloseTo(S, 14);
    });
  });
});

test('has support, accuracy and the matrix, and 0 / 0 is 0 unless said otherwise', () => {
  const matrix = confusionMatrix(PREDICTED, EXPECTED, 5);
  const report = classificationReport(matrix, 5);
  expect(report.classes.map(({ support }) => support)).toEqual([3, 3, 4, 2, 0]);
  expect(report.accuracy).toBeCloseTo(8 / 12, 14);
  expect(report.confusionMatrix).toBe(matrix);
  expect(report.classes[4]).toEqual({ precision: 0, recall: 0, f1: 0, support: 0 });
});

test('refuses a matrix of another size', () => {
  expect(() => classificationReport(new Uint32Array(6), 2)).toThrow(
    'classificationReport: expected 2 x 2 counts, got 6',
  );
});

describe('confusionMatrix', () => {
  test('has a row for each expected class and a column for each predicted one', () => {
    const matrix = confusionMatrix([0, 1, 1, 2, 0], [0, 1, 2, 2, 1], 3);
    expect([...matrix]).toEqual([1, 0, 0, 1, 1, 0, 0, 1, 1]);
    expect([...confusionMatrix([], [], 2)]).toEqual([0, 0, 0, 0]);
  });

  test.each([
    ['lengths that differ', [0, 1], [0], 'expected 1 predictions, got 2'],
    ['an index beyond the classes', [0, 3], [0, 1], 'class indices from 0 to 2, got 3'],
    ['a negative index', [0, 0], [0, -1], 'class indices from 0 to 2, got -1'],
    ['a fraction', [0, 0.5], [0, 1], 'class indices from 0 to 2, got 0.5'],
    ['NaN', [NaN], [0], 'got NaN'],
  ])('refuses %s', (_, predicted, expected, message) => {
    expect(() => confusionMatrix(predicted, expected, 3)).toThrow(sg.ArgumentError);
    expect(() => confusionMatrix(predicted, expected, 3)).toThrow(message);
  });
});
