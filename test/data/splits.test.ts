import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { Dataset } from '../../src/data/dataset.js';
import { Generator } from '../../src/random/generator.js';

class Numbers extends Dataset {
  constructor(
    readonly length: number,
    override readonly labels?: ArrayLike<number>,
  ) {
    super();
  }

  gather(): sg.Tensor[] {
    return [];
  }

  dispose(): void {}
}

const numbers = new Numbers(10);
const members = (subset: sg.data.Subset) => [...subset.indices];
const sorted = (indices: number[]) => indices.sort((a, b) => a - b);
const range = (n: number) => Array.from({ length: n }, (_, i) => i);

describe('randomSplit', () => {
  const split = (lengths: number[], seed = 1) =>
    sg.data.randomSplit(numbers, lengths, new Generator(seed));

  test.each([
    [
      [7, 2, 1],
      [7, 2, 1],
    ],
    [
      [10, 0],
      [10, 0],
    ],
    [
      [0.7, 0.3],
      [7, 3],
    ],
    [
      [0.5, 0.25, 0.25],
      [6, 2, 2],
    ],
    [
      [1 / 3, 1 / 3, 1 / 3],
      [4, 3, 3],
    ],
  ])('by %j gives %j examples, each in one part', (lengths, counts) => {
    const parts = split(lengths);
    expect(parts.map(({ length }) => length)).toEqual(counts);
    const all = parts.flatMap(members).sort((a, b) => a - b);
    expect(all).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test('is random, and the same by the seed', () => {
    const [first] = split([5, 5]);
    expect(members(first!)).not.toEqual([0, 1, 2, 3, 4]);
    expect(members(split([5, 5])[0]!)).toEqual(members(first!));
    expect(members(split([5, 5], 2)[0]!)).not.toEqual(members(first!));
    sg.manualSeed(4);
    const global = sg.data.randomSplit(numbers, [5, 5]);
    sg.manualSeed(4);
    expect(members(sg.data.randomSplit(numbers, [5, 5])[0]!)).toEqual(members(global[0]!));
  });

  test.each([[[5, 6]], [[5]], [[]], [[0.5, 0.6]], [[11, -1]], [[2.5, 7.5]], [[1.5, -0.5]]])(
    'refuses %j',
    (lengths) => {
      expect(() => split(lengths)).toThrow(sg.ArgumentError);
      expect(() => split(lengths)).toThrow('expected lengths that add up to 10, or fractions');
    },
  );
});

/** 50 examples of class 2, 30 of class 0, 21 of class 7, mixed. */
const LABELS = range(101).map((i) => ((i * 37) % 101 < 50 ? 2 : (i * 37) % 101 < 80 ? 0 : 7));
const labelled = new Numbers(101, LABELS);

/** How many examples of each class a part has. */
const classesOf = (subset: sg.data.Subset) =>
  [2, 0, 7].map((c) => members(subset).filter((i) => LABELS[i] === c).length);

describe('stratifiedSplit', () => {
  const split = (lengths: number[], seed = 1) =>
    sg.data.stratifiedSplit(labelled, lengths, { generator: new Generator(seed) });

  test.each([[[0.8, 0.2]], [[51, 50]], [[0.5, 0.3, 0.2]], [[1, 100]], [[1 / 7, 2 / 7, 4 / 7]]])(
    'by %j has each class in proportion',
    (lengths) => {
      const parts = split(lengths);
      const counts = sg.data.randomSplit(labelled, lengths).map(({ length }) => length);
      expect(parts.map(({ length }) => length)).toEqual(counts);
      expect(sorted(parts.flatMap(members))).toEqual(range(101));
      for (const part of parts) {
        classesOf(part).forEach((count, c) => {
          const exact = ([50, 30, 21][c]! * part.length) / 101;
          expect(Math.abs(count - exact)).toBeLessThan(1.5);
        });
      }
    },
  );

  test('is random, and the same by the seed', () => {
    expect(members(split([51, 50])[0]!)).toEqual(members(split([51, 50])[0]!));
    expect(members(split([51, 50], 2)[0]!)).not.toEqual(members(split([51, 50])[0]!));
  });

  test('takes labels, and wants them', () => {
    const [part] = sg.data.stratifiedSplit(numbers, [5, 5], {
      labels: [0, 0, 0, 0, 0, 0, 1, 1, 1, 1],
    });
    expect(members(part!).filter((i) => i > 5)).toHaveLength(2);
    expect(() => sg.data.stratifiedSplit(numbers, [5, 5])).toThrow(
      'stratifiedSplit: expected 10 labels, got a data set that does not know them. Give the class',
    );
    expect(() => sg.data.stratifiedSplit(numbers, [5, 5], { labels: [1] })).toThrow(
      '10 labels, got 1',
    );
    expect(() => sg.data.stratifiedSplit(labelled, [5, 5])).toThrow(
      'stratifiedSplit: expected lengths',
    );
  });
});

describe('validationSplit', () => {
  test('holds back a share, at random', () => {
    const generator = () => new Generator(3);
    const { train, validation } = sg.data.validationSplit(numbers, 0.25, {
      generator: generator(),
    });
    expect([train.length, validation.length]).toEqual([7, 3]);
    expect(sorted([...members(train), ...members(validation)])).toEqual(range(10));
    const again = sg.data.validationSplit(numbers, 0.25, { generator: generator() });
    expect(members(again.validation)).toEqual(members(validation));
  });

  test("or the last ones, as Keras' validation_split", () => {
    const { train, validation } = sg.data.validationSplit(numbers, 0.25, { shuffle: false });
    expect([members(train), members(validation)]).toEqual([range(7), [7, 8, 9]]);
  });

  test.each([0, 1, -0.5, NaN, 0.999999])('refuses %d', (fraction) => {
    const split = () => sg.data.validationSplit(new Numbers(1), fraction);
    expect(split).toThrow(sg.ArgumentError);
    expect(split).toThrow('validationSplit: expected a fraction of 1 examples');
  });
});

describe.each([
  ['kFold', sg.data.kFold],
  ['stratifiedKFold', sg.data.stratifiedKFold],
])('%s', (name, fold) => {
  test('holds each example back once', () => {
    const folds = fold(labelled, 4, { generator: new Generator(1) });
    expect(folds.map(({ validation }) => validation.length)).toEqual([26, 25, 25, 25]);
    expect(sorted(folds.flatMap(({ validation }) => members(validation)))).toEqual(range(101));
    for (const { train, validation } of folds)
      expect(sorted([...members(train), ...members(validation)])).toEqual(range(101));
  });

  test('is random, and the same by the seed', () => {
    const first = (seed: number) =>
      members(fold(labelled, 3, { generator: new Generator(seed) })[0]!.validation);
    expect(first(1)).toEqual(first(1));
    expect(first(2)).not.toEqual(first(1));
  });

  test.each([1, 102, 2.5, NaN])('refuses %d folds', (k) => {
    expect(() => fold(labelled, k)).toThrow(
      `${name}: expected a whole number of folds from 2 to 101`,
    );
  });
});

test('stratifiedKFold has each class in each fold', () => {
  for (const { validation } of sg.data.stratifiedKFold(labelled, 4)) {
    classesOf(validation).forEach((count, c) =>
      expect(Math.abs(count - [50, 30, 21][c]! / 4)).toBeLessThan(1),
    );
  }
});

test('kFold without shuffling takes one piece after the other', () => {
  const folds = sg.data.kFold(numbers, 3, { shuffle: false });
  expect(folds.map(({ validation }) => members(validation))).toEqual([
    [0, 1, 2, 3],
    [4, 5, 6],
    [7, 8, 9],
  ]);
  expect(members(folds[1]!.train)).toEqual([0, 1, 2, 3, 7, 8, 9]);
});
