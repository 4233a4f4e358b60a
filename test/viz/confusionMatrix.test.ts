import { describe, expect, test } from 'vitest';
import { ArgumentError, ShapeError } from '../../src/errors.js';
import { confusionMatrixChart, perClassAccuracy } from '../../src/viz/index.js';
import { all, parseXml } from './helpers.js';

const COUNTS = [
  [8, 2, 0],
  [1, 5, 4],
  [0, 0, 0],
];
const NAMES = ['cat', 'dog & co', '<script>'];

describe('confusionMatrixChart', () => {
  const svg = parseXml(confusionMatrixChart(COUNTS, { classNames: NAMES, title: 'T' }));

  test('has a cell for each pair with count and percent of the row', () => {
    const titles = all(svg, 'title').map(({ text }) => text);
    expect(titles).toHaveLength(9);
    expect(titles[1]).toBe('true cat, predicted dog & co: 2 (20.00 % of the row)');
    expect(titles[5]).toBe('true dog & co, predicted <script>: 4 (40.00 % of the row)');
    expect(titles[8]).toContain('0 (n/a of the row)');
    expect(svg.text).toContain('80 %');
  });

  test('of as many classes as ImageNet has', () => {
    const k = 1000;
    const counts = new Uint32Array(k * k);
    for (let i = 0; i < k; i++) counts[i * k + i] = 3;
    counts[1] = 1;
    expect(confusionMatrixChart(counts)).toContain('true 0, predicted 1: 1 (25.00 % of the row)');
  });

  test('rows are true classes from top to bottom, columns predicted ones from left', () => {
    const cells = all(svg, 'g').filter((g) => g.children[0]?.name === 'title');
    const place = (i: number) => all(cells[i]!, 'rect')[0]!.attributes;
    expect(place(1).y).toBe(place(0).y);
    expect(Number(place(1).x)).toBeGreaterThan(Number(place(0).x));
    expect(Number(place(3).y)).toBeGreaterThan(Number(place(0).y));
  });

  test('the diagonal is framed', () => {
    const frames = all(svg, 'rect').filter((rect) => rect.attributes['stroke-width'] === '2');
    expect(frames).toHaveLength(3);
  });

  test('flat counts give the same chart', () => {
    expect(confusionMatrixChart(Float32Array.from(COUNTS.flat()))).toBe(
      confusionMatrixChart(COUNTS),
    );
  });

  test('many classes, and one', () => {
    const k = 40;
    const many = Array.from({ length: k }, (_, t) =>
      Array.from({ length: k }, (_, p) => +(t === p)),
    );
    expect(all(parseXml(confusionMatrixChart(many)), 'title')).toHaveLength(k);
    expect(parseXml(confusionMatrixChart([[3]])).attributes['aria-label']).toContain('3 of 3');
  });

  test('refuses what is no square of counts', () => {
    expect(() => confusionMatrixChart([[1, 2]])).toThrow(ShapeError);
    expect(() => confusionMatrixChart([1, 2, 3])).toThrow('expected counts (K, K), got (3,)');
    expect(() => confusionMatrixChart([])).toThrow(ShapeError);
    expect(() => confusionMatrixChart([1, 2, 3, -4])).toThrow(ArgumentError);
    expect(() => confusionMatrixChart([1, NaN, 3, 4])).toThrow('NaN in row 0, column 1');
    expect(() => confusionMatrixChart(COUNTS, { classNames: ['a'] })).toThrow('3 classNames');
  });
});

test('perClassAccuracy', () => {
  expect(perClassAccuracy(COUNTS, NAMES)).toEqual([
    { name: 'cat', total: 10, correct: 8, accuracy: 0.8, precision: 8 / 9 },
    { name: 'dog & co', total: 10, correct: 5, accuracy: 0.5, precision: 5 / 7 },
    { name: '<script>', total: 0, correct: 0, accuracy: NaN, precision: 0 },
  ]);
});
