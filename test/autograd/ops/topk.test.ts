import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { gather, sizeOf, sortedPositions } from '../../reference/indexing.js';
import { checkOp } from '../../support/checkOp.js';
import { shuffledRange, uniform } from '../../support/random.js';

const withoutNegative = (dim: number, shape: readonly number[]): number =>
  (dim + shape.length) % shape.length;

describe('topk', () => {
  test.each([
    { shape: [7], k: 3 },
    { shape: [3, 10], k: 1 },
    { shape: [3, 10], k: 10 },
    { shape: [5, 3, 4], k: 2, dim: 0 },
    { shape: [2, 33, 3], k: 5, dim: 1 },
    { shape: [2, 65], k: 40, dim: -1 },
    { shape: [2, 400], k: 5 },
    { shape: [2, 400], k: 5, largest: false },
    { shape: [257], k: 256, largest: false, sorted: false },
  ])('$k of $shape along $dim, largest $largest', ({ shape, k, dim = -1, ...options }) =>
    checkOp({
      inputs: [{ shape, data: shuffledRange(sizeOf(shape), 3) }],
      op: (x) => {
        const [y, indices] = x.topk(k, dim, options);
        indices.dispose();
        return y;
      },
      reference: (x) => {
        const at = withoutNegative(dim, shape);
        return gather(x, at, sortedPositions(x, at, k, options.largest ?? true));
      },
      options: { k, dim, ...options },
      samples: 800,
    }),
  );

  test('gives the index of each, of equals the first, and NaN as the largest', async () => {
    using x = sg.tensor([1, NaN, 3, -0, 3, 0, -Infinity, NaN, Infinity]);
    const cases = [
      { largest: true, indices: [1, 7, 8, 2, 4, 0, 3, 5, 6] },
      { largest: false, indices: [6, 3, 5, 0, 2, 4, 8, 1, 7] },
    ];
    for (const { largest, indices } of cases) {
      const [y, where] = x.topk(9, -1, { largest });
      expect([where.dtype, where.shape]).toEqual(['i32', [9]]);
      expect([...(await where.data())]).toEqual(indices);
      const values = await x.data();
      expect([...(await y.data())]).toEqual(indices.map((i) => values[i]));
      for (const tensor of [y, where]) tensor.dispose();
    }
  });

  test('keeps equals of different blocks in order', async () => {
    using x = sg.zeros([130]);
    const [y, indices] = x.topk(100);
    expect([...(await indices.data())]).toEqual(Array.from({ length: 100 }, (_, i) => i));
    for (const tensor of [y, indices]) tensor.dispose();
  });

  test('compares integers as integers', async () => {
    using x = sg.tensor([4294967295, 7, 4294967294], { dtype: 'u32' });
    const [y, i] = x.topk(2);
    expect([...(await y.data())]).toEqual([4294967295, 4294967294]);
    using signed = sg.tensor([-1, 7, 2147483647, 2147483646], { dtype: 'i32' });
    const [z, j] = signed.topk(3);
    expect([...(await z.data())]).toEqual([2147483647, 2147483646, 7]);
    expect([...(await j.data())]).toEqual([2, 3, 1]);
    for (const tensor of [y, i, z, j]) tensor.dispose();
  });

  test('takes scalars and k = 0', async () => {
    using scalar = sg.tensor(3);
    const [y, i] = scalar.topk(1);
    expect([y.shape, await y.item(), i.shape, await i.item()]).toEqual([[], 3, [], 0]);
    using x = sg.zeros([2, 100], { requiresGrad: true });
    const [none, nowhere] = x.topk(0);
    expect([none.shape, nowhere.shape]).toEqual([
      [2, 0],
      [2, 0],
    ]);
    using gradient = sg.zeros([2, 0]);
    none.backward({ gradient });
    expect([...(await x.grad!.data())].every((value) => value === 0)).toBe(true);
    for (const tensor of [y, i, none, nowhere]) tensor.dispose();
  });

  test('refuses more than there are', () => {
    using x = sg.zeros([2, 3]);
    expect(() => x.topk(4)).toThrow('topk: expected k from 0 to 3, the size of dim 1, got 4');
    expect(() => x.topk(-1)).toThrow('got -1');
    expect(() => x.topk(1, 2)).toThrow('topk: expected dim from -2 to 1, got 2');
  });

  test('frees indices with the step', () => {
    const before = sg.memory().arrays;
    sg.tidy(() => {
      using x = sg.tensor([1, 2], { requiresGrad: true });
      const [y] = x.topk(1);
      y.sum().backward();
      x.dispose();
    });
    expect(sg.memory().arrays).toBe(before);
  });
});

describe('sort', () => {
  test.each([
    { shape: [31] },
    { shape: [33], descending: true },
    { shape: [3, 5], dim: 0 },
    { shape: [2, 129, 3], dim: 1, descending: true },
    { shape: [1, 1] },
  ])('$shape along $dim, descending $descending', ({ shape, dim = -1, ...options }) =>
    checkOp({
      inputs: [{ shape, data: shuffledRange(sizeOf(shape), 4) }],
      op: (x) => {
        const [y, indices] = x.sort(dim, options);
        indices.dispose();
        return y;
      },
      reference: (x) => {
        const at = withoutNegative(dim, shape);
        return gather(x, at, sortedPositions(x, at, shape[at]!, options.descending ?? false));
      },
      options: { dim, ...options },
      samples: 100,
    }),
  );

  test('sorts long rows with many ties as a stable sort does', async () => {
    const shape = [3, 5000];
    const data = uniform(15000, 2, 0, 50).map(Math.floor);
    using x = sg.tensor(data, { shape });
    using indices = x.argsort(1);
    const expected = sortedRows(data, 5000);
    expect([...(await indices.data())]).toEqual(expected);
  });

  test('argsort has the indices alone, without gradient', async () => {
    using x = sg.tensor([3, 1, 2], { requiresGrad: true });
    using indices = x.argsort(-1, { descending: true });
    expect([indices.dtype, indices.requiresGrad]).toEqual(['i32', false]);
    expect([...(await indices.data())]).toEqual([0, 2, 1]);
  });

  test('takes empty tensors', () => {
    using x = sg.zeros([2, 0]);
    const [y, i] = x.sort();
    expect([y.shape, i.shape]).toEqual([
      [2, 0],
      [2, 0],
    ]);
    for (const tensor of [y, i]) tensor.dispose();
  });
});

function sortedRows(data: Float32Array, size: number): number[] {
  const rows: number[] = [];
  for (let start = 0; start < data.length; start += size) {
    const row = data.subarray(start, start + size);
    rows.push(...Array.from(row, (_, i) => i).sort((a, b) => row[a]! - row[b]! || a - b));
  }
  return rows;
}
