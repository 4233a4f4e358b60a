import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { Generator } from '../../src/random/generator.js';
import { Dataset } from '../../src/data/dataset.js';

class Numbers extends Dataset {
  constructor(readonly length: number) {
    super();
  }

  gather(): sg.Tensor[] {
    return [];
  }

  dispose(): void {}
}

const numbers = new Numbers(10);

describe('Subset', () => {
  test('locates its examples in the data set that holds them', () => {
    const subset = new sg.data.Subset(new sg.data.Subset(numbers, [2, 4, 6, 8]), [3, 1]);
    expect(subset.length).toBe(2);
    expect(subset.locate()).toEqual({ base: numbers, indices: new Uint32Array([8, 4]) });
  });

  test.each([[[10]], [[-1]], [[0.5]], [[NaN]]])('refuses the number %j', (indices) => {
    expect(() => new sg.data.Subset(numbers, indices)).toThrow(sg.ArgumentError);
    expect(() => new sg.data.Subset(numbers, indices)).toThrow('expected indices from 0 to 9');
  });
});

describe('randomSplit', () => {
  const split = (lengths: number[], seed = 1) =>
    sg.data.randomSplit(numbers, lengths, new Generator(seed));
  const members = (subset: sg.data.Subset) => [...subset.indices];

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

describe('TensorDataset', () => {
  test('refuses tensors of several lengths, scalars and none', () => {
    const a = sg.ones([3, 2]);
    const b = sg.ones([2]);
    const scalar = sg.tensor(1);
    const make =
      (...tensors: sg.Tensor[]) =>
      () =>
        new sg.data.TensorDataset(...tensors);
    expect(make(a, b)).toThrow(
      'TensorDataset: expected tensors of one length along dimension 0, got (2,)',
    );
    for (const wrong of [make(), make(scalar), make(a, scalar)])
      expect(wrong).toThrow(sg.ShapeError);
    for (const tensor of [a, b, scalar]) tensor.dispose();
  });

  test('keeps its tensors alive until it is disposed of', () => {
    const dataset = sg.tidy(() => new sg.data.TensorDataset(sg.ones([3, 2])));
    expect(dataset.tensors[0]!.isFreed).toBe(false);
    expect(dataset.length).toBe(3);
    dataset.dispose();
    expect(dataset.tensors[0]!.isFreed).toBe(true);
    const batches = () => [...new sg.data.DataLoader(dataset)];
    expect(batches).toThrow(sg.DisposedError);
  });

  test('gathers rows of every rank and dtype', async () => {
    const dataset = new sg.data.TensorDataset(
      sg.tensor(
        Float32Array.from({ length: 3 * 7 * 5 }, (_, i) => i),
        { shape: [3, 7, 5] },
      ),
      sg.tensor(new Uint32Array([5, 2 ** 32 - 1, 7])),
      sg.tensor(new Int32Array([-5, -6, -7])),
      sg.tensor([[0.5], [NaN], [-0]]),
    );
    const subset = new sg.data.Subset(dataset, [2, 1]);
    for (const batch of new sg.data.DataLoader(subset, { batchSize: 2 })) {
      const [x, u, i, f] = await Promise.all(batch.map((t) => t.data()));
      expect(batch[0]!.shape).toEqual([2, 7, 5]);
      expect([...x!]).toEqual([
        ...Array.from({ length: 35 }, (_, i) => 70 + i),
        ...Array.from({ length: 35 }, (_, i) => 35 + i),
      ]);
      expect([...u!, ...i!]).toEqual([7, 2 ** 32 - 1, -7, -6]);
      expect(Object.is(f![0], -0) && Number.isNaN(f![1])).toBe(true);
    }
    dataset.dispose();
  });
});
