import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
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

  test('knows the classes of its examples', () => {
    const dataset = new sg.data.TensorDataset(sg.tensor([1, 2, 3]), {
      classNames: ['a', 'b'],
      labels: [0, 1, 0],
    });
    const subset = new sg.data.Subset(dataset, [2, 1]);
    expect(subset.classNames).toEqual(['a', 'b']);
    expect([...Array.from(subset.labels!)]).toEqual([0, 1]);
    const plain = new sg.data.Subset(numbers, [1]);
    expect([plain.classNames, plain.labels]).toEqual([[], undefined]);
    dataset.dispose();
  });

  test.each([[[10]], [[-1]], [[0.5]], [[NaN]]])('refuses the number %j', (indices) => {
    expect(() => new sg.data.Subset(numbers, indices)).toThrow(sg.ArgumentError);
    expect(() => new sg.data.Subset(numbers, indices)).toThrow('expected indices from 0 to 9');
  });
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

  test('refuses another number of labels', () => {
    const x = sg.ones([3, 2]);
    expect(() => new sg.data.TensorDataset(x, { labels: [0, 1] })).toThrow(
      'TensorDataset: expected 3 labels, got 2',
    );
    x.dispose();
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
