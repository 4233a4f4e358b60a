import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { gather, indexSelect, sizeOf, sortedPositions } from '../../reference/indexing.js';
import { checkOp, type OpInput } from '../../support/checkOp.js';
import { testHalf } from '../../support/half.js';
import { shuffledRange, uniform } from '../../support/random.js';

/** Whole numbers from 0 to `below` - 1, of which many come several times. */
function indices(shape: readonly number[], below: number, dtype: 'i32' | 'u32' = 'i32'): OpInput {
  const values = uniform(sizeOf(shape), 5, 0, below).map(Math.floor);
  return { shape, data: dtype === 'i32' ? Int32Array.from(values) : Uint32Array.from(values) };
}

const values = (shape: readonly number[]): OpInput => ({ shape, data: uniform(sizeOf(shape), 1) });

describe('gather', () => {
  test.each([
    { name: 'the logit of each class', shape: [17, 10], dim: 1, index: [17, 1] },
    { name: 'a vector', shape: [7], dim: 0, index: [31] },
    { name: 'the first of two', shape: [5, 3], dim: 0, index: [4, 3] },
    { name: 'the middle of three', shape: [3, 5, 7], dim: 1, index: [3, 4, 7] },
    { name: 'a negative dim', shape: [3, 5, 7], dim: -3, index: [2, 5, 7] },
    { name: 'an index smaller than x everywhere', shape: [3, 5, 7], dim: 1, index: [2, 9, 6] },
    { name: 'many places, sorted for backward', shape: [3, 5, 3], dim: 1, index: [2, 131, 3] },
    { name: 'many places of one row', shape: [9], dim: 0, index: [1025] },
    { name: 'four dimensions', shape: [2, 3, 4, 5], dim: 2, index: [1, 3, 3, 2] },
  ])('$name: $shape along $dim', ({ shape, dim, index }) =>
    checkOp({
      inputs: [values(shape), indices(index, shape.at(dim)!)],
      op: (x, i) => x.gather(dim, i),
      reference: (x, i) => gather(x, (dim + shape.length) % shape.length, i),
      options: { dim },
      samples: 500,
    }),
  );

  test('takes an index of u32', () =>
    checkOp({
      inputs: [values([4, 5]), indices([4, 70], 5, 'u32')],
      op: (x, i) => x.gather(1, i),
      reference: (x, i) => gather(x, 1, i),
      samples: 500,
    }));

  test.each([3, 100])('gives NaN, of integers 0, where %i indices are out of range', async (n) => {
    const index = Int32Array.from({ length: n }, (_, i) => [1, -1, 2, -(2 ** 31)][i % 4]!);
    using i = sg.tensor(index);
    using x = sg.tensor([5, 6], { requiresGrad: true });
    using y = x.gather(0, i);
    expect([...(await y.data())]).toEqual([...index].map((k) => (k === 1 ? 6 : NaN)));
    using gradient = sg.ones([n]);
    y.backward({ gradient });
    expect([...(await x.grad!.data())]).toEqual([0, index.filter((k) => k === 1).length]);
    using whole = sg.tensor([5, 6], { dtype: 'i32' });
    using z = whole.gather(0, i);
    expect([...(await z.data())]).toEqual([...index].map((k) => (k === 1 ? 6 : 0)));
  });

  testHalf('gives NaN in f16 too', async () => {
    using x = sg.tensor([1, 65504, -0], { dtype: 'f16' });
    using i = sg.tensor([3, 1, 2], { dtype: 'i32' });
    using y = x.gather(0, i);
    expect([y.dtype, ...(await y.data())]).toEqual(['f16', NaN, 65504, -0]);
  });

  test('moves the bits of integers', async () => {
    using x = sg.tensor([4294967295, 2143289345, 7], { dtype: 'u32' });
    using i = sg.tensor([1, 0, 1], { dtype: 'i32' });
    using y = x.gather(0, i);
    expect([...(await y.data())]).toEqual([2143289345, 4294967295, 2143289345]);
  });

  test('takes scalars and empty tensors', async () => {
    using scalar = sg.tensor(3, { requiresGrad: true });
    using zero = sg.tensor(0, { dtype: 'i32' });
    using one = scalar.gather(0, zero);
    expect([one.shape, await one.item()]).toEqual([[], 3]);
    one.backward();
    expect(await scalar.grad!.item()).toBe(1);
    using x = sg.zeros([2, 3], { requiresGrad: true });
    using none = sg.zeros([2, 0], { dtype: 'i32' });
    using y = x.gather(1, none);
    expect(y.shape).toEqual([2, 0]);
    using gradient = sg.zeros([2, 0]);
    y.backward({ gradient });
    expect([...(await x.grad!.data())]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test('refuses what does not fit', () => {
    using x = sg.zeros([2, 3]);
    using floats = sg.zeros([2, 3]);
    using tall = sg.zeros([3, 1], { dtype: 'i32' });
    using flat = sg.zeros([2], { dtype: 'i32' });
    expect(() => x.gather(1, floats)).toThrow('gather: expected index of i32 or u32, got f32');
    expect(() => x.gather(1, tall)).toThrow(
      'gather: expected index of 2 dimensions, but for dim 1 no larger than x, (2, 3), got (3, 1)',
    );
    expect(() => x.gather(1, flat)).toThrow('got (2,)');
    expect(() => x.gather(2, tall)).toThrow('gather: expected dim from -2 to 1, got 2');
  });
});

test('scatter, its reverse where no index comes twice, is the gradient of topk', () =>
  checkOp({
    inputs: [{ shape: [2, 3, 4], data: shuffledRange(24, 3) }],
    op: (x) => {
      const [y, chosen] = x.topk(2, 1);
      chosen.dispose();
      return y;
    },
    reference: (x) => gather(x, 1, sortedPositions(x, 1, 2, true)),
  }));

describe('indexSelect', () => {
  test.each([
    { name: 'rows, as of an embedding', shape: [17, 5], dim: 0, count: 31 },
    { name: 'rows, more than are looked through', shape: [33, 3], dim: 0, count: 200 },
    { name: 'channels', shape: [2, 7, 3, 3], dim: 1, count: 4 },
    { name: 'channels, many', shape: [2, 7, 3], dim: 1, count: 65 },
    { name: 'the last dimension', shape: [3, 5], dim: -1, count: 9 },
    { name: 'a vector', shape: [5], dim: 0, count: 1 },
  ])('$name: $count of $shape along $dim', ({ shape, dim, count }) =>
    checkOp({
      inputs: [values(shape), indices([count], shape.at(dim)!)],
      op: (x, i) => x.indexSelect(dim, i),
      reference: (x, i) => indexSelect(x, (dim + shape.length) % shape.length, i),
      options: { dim },
      samples: 500,
    }),
  );

  test('adds long sums without losing what is small', async () => {
    const n = 20000;
    using x = sg.zeros([2], { requiresGrad: true });
    using i = sg.zeros([n], { dtype: 'i32' });
    using y = x.indexSelect(0, i);
    using gradient = sg.full([n], 0.1);
    y.backward({ gradient });
    const [sum, rest] = await x.grad!.data();
    expect(Math.abs(sum! / (n * Math.fround(0.1)) - 1)).toBeLessThan(2e-6);
    expect(rest).toBe(0);
  });

  test('gives the same bits again', async () => {
    using i = sg.tensor(indices([300], 3).data as Int32Array);
    using gradient = sg.tensor(uniform(300, 8));
    const sums: number[][] = [];
    for (let run = 0; run < 2; run++) {
      using x = sg.zeros([3], { requiresGrad: true });
      using y = x.indexSelect(0, i);
      y.backward({ gradient });
      sums.push([...(await x.grad!.data())]);
    }
    expect(sums[0]).toEqual(sums[1]);
  });

  test('gives NaN rows for indices out of range, and integers as they are', async () => {
    using x = sg.tensor([1, 2, 3, 4, 5, 6], { shape: [3, 2], dtype: 'i32' });
    using i = sg.tensor([2, 3, -1, 0], { dtype: 'i32' });
    using y = x.indexSelect(0, i);
    expect([...(await y.data())]).toEqual([5, 6, 0, 0, 0, 0, 1, 2]);
    using floats = x.to('f32');
    using z = floats.indexSelect(0, i);
    expect([...(await z.data())]).toEqual([5, 6, NaN, NaN, NaN, NaN, 1, 2]);
  });

  test('takes a scalar as index, and no index at all', async () => {
    using x = sg.tensor([1, 2, 3]);
    using two = sg.tensor(2, { dtype: 'u32' });
    using y = x.indexSelect(0, two);
    expect([y.shape, [...(await y.data())]]).toEqual([[1], [3]]);
    using none = sg.zeros([0], { dtype: 'i32' });
    using empty = x.indexSelect(0, none);
    expect(empty.shape).toEqual([0]);
  });

  test('refuses a matrix as index, and floats', () => {
    using x = sg.zeros([2, 3]);
    using matrix = sg.zeros([2, 3], { dtype: 'i32' });
    expect(() => x.indexSelect(0, matrix)).toThrow('indexSelect: expected index (N,), got (2, 3)');
    expect(() => x.indexSelect(0, x)).toThrow('indexSelect: expected index of i32 or u32, got f32');
  });
});
