import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';

const { mistakes, topPredictions } = sg.train;

describe('topPredictions', () => {
  test('gives the class of each row and its probability, the first of equal ones', () => {
    const data = Float32Array.of(0.25, 0.5, 0.25, 0.5, 0.5, 0, 0, 0, 1);
    const { labels, confidences } = topPredictions({ shape: [3, 3], data });
    expect([...labels]).toEqual([1, 0, 2]);
    expect([...confidences]).toEqual([0.5, 0.5, 1]);
    expect(topPredictions({ shape: [0, 3], data: [] }).labels).toHaveLength(0);
  });

  test('refuses another shape', () => {
    for (const shape of [[4], [2, 3], [4, 0], [2, 1, 2]]) {
      expect(() => topPredictions({ shape, data: [1, 2, 3, 4] })).toThrow(sg.ShapeError);
    }
  });
});

describe('mistakes', () => {
  const top = {
    labels: Uint32Array.of(1, 0, 2, 2, 0),
    confidences: Float32Array.of(0.5, 0.75, 1, 0.25, 0.875),
  };

  test('come in the order of confidence', () => {
    expect(mistakes(top, [0, 1, 2, 1, 1])).toEqual([4, 1, 0, 3]);
    expect(mistakes(top, [0, 1, 2, 1, 1], 2)).toEqual([4, 1]);
    expect(mistakes(top, top.labels)).toEqual([]);
  });

  test('refuses another number of labels', () => {
    expect(() => mistakes(top, [1, 2])).toThrow('5 true labels');
  });
});
