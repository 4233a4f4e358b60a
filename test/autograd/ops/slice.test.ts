import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { checkOp, type Reference } from '../../support/checkOp.js';
import { uniform } from '../../support/random.js';

const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** The elements of `x` whose index along `dim` is one of `indices`, in their order. */
function take(x: Reference, dim: number, indices: readonly number[]): Reference {
  const outer = size(x.shape.slice(0, dim));
  const inner = size(x.shape.slice(dim + 1));
  const data: number[] = [];
  for (let o = 0; o < outer; o++) {
    for (const i of indices) {
      for (let n = 0; n < inner; n++) data.push(x.data[(o * x.shape[dim]! + i) * inner + n]!);
    }
  }
  const shape = x.shape.map((whole, d) => (d === dim ? indices.length : whole));
  return { shape, data: Float64Array.from(data) };
}

describe('slice', () => {
  test.each([
    { shape: [7], args: [0, 2, 5], indices: [2, 3, 4] },
    { shape: [3, 5, 4], args: [1, 1, -1], indices: [1, 2, 3] },
    { shape: [3, 5, 4], args: [-1, 0, 99, 3], indices: [0, 3] },
    { shape: [6, 3], args: [0, -4, undefined, 2], indices: [2, 4] },
    { shape: [2, 3, 2, 3, 2, 3], args: [3, 0, 3, 2], indices: [0, 2] },
  ])('of $shape with $args', ({ shape, args, indices }) =>
    checkOp({
      inputs: [{ shape, data: uniform(size(shape), 1) }],
      op: (x) => x.slice(...(args as [number, number, number?, number?])),
      reference: (x) => take(x, (args[0]! + shape.length) % shape.length, indices),
      samples: 500,
    }),
  );

  test('may be empty, and refuses steps that go nowhere', async () => {
    using x = sg.tensor([1, 2, 3], { requiresGrad: true });
    using none = x.slice(0, 2, 1);
    expect(none.shape).toEqual([0]);
    using gradient = sg.zeros([0]);
    none.backward({ gradient });
    expect([...(await x.grad!.data())]).toEqual([0, 0, 0]);
    expect(() => x.slice(0, 0, 3, 0)).toThrow(
      'slice: expected a step from 1 up, got 0. Use flip()',
    );
    expect(() => x.slice(0, 0.5)).toThrow('slice: expected start as a whole number, got 0.5');
    expect(() => x.slice(1)).toThrow('slice: expected dim from -1 to 0, got 1');
  });
});

describe('select', () => {
  test.each([
    { shape: [5], dim: 0, index: 3 },
    { shape: [3, 5, 7], dim: 1, index: -1 },
    { shape: [3, 5, 7], dim: -1, index: 0 },
  ])('index $index of dim $dim of $shape', ({ shape, dim, index }) =>
    checkOp({
      inputs: [{ shape, data: uniform(size(shape), 1) }],
      op: (x) => x.select(dim, index),
      reference: (x) => {
        const at = (dim + shape.length) % shape.length;
        const { data } = take(x, at, [(index + shape[at]!) % shape[at]!]);
        return { shape: shape.filter((_, d) => d !== at), data };
      },
      samples: 500,
    }),
  );

  test('refuses an index that is not there', () => {
    using x = sg.zeros([2, 3]);
    expect(() => x.select(1, 3)).toThrow('select: expected index from -3 to 2, got 3');
  });
});

describe('narrow, split and chunk', () => {
  test.each([
    { shape: [7], args: [0, 2, 5], indices: [2, 3, 4, 5, 6] },
    { shape: [3, 5, 4], args: [-2, -4, 2], indices: [1, 2] },
    { shape: [3, 5], args: [1, 4, 1], indices: [4] },
  ])('narrow of $shape by $args', ({ shape, args, indices }) =>
    checkOp({
      inputs: [{ shape, data: uniform(size(shape), 1) }],
      op: (x) => x.narrow(...(args as [number, number, number])),
      reference: (x) => take(x, (args[0]! + shape.length) % shape.length, indices),
      samples: 500,
    }),
  );

  test.each([
    { of: 5, sizes: 2, lengths: [2, 2, 1] },
    { of: 5, sizes: 9, lengths: [5] },
    { of: 5, sizes: [1, 0, 4], lengths: [1, 0, 4] },
    { of: 0, sizes: 0, lengths: [0] },
    { of: 0, sizes: 2, lengths: [0] },
  ])('split of $of by $sizes', async ({ of, sizes, lengths }) => {
    using x = sg.rand([3, of]);
    const pieces = sg.split(x, sizes, -1);
    expect(pieces.map(({ shape }) => shape)).toEqual(lengths.map((length) => [3, length]));
    using whole = sg.cat(pieces, 1);
    expect(await whole.data()).toEqual(await x.data());
    for (const piece of pieces) piece.dispose();
  });

  test.each([
    { of: 5, chunks: 3, lengths: [2, 2, 1] },
    { of: 5, chunks: 4, lengths: [2, 2, 1] },
    { of: 3, chunks: 9, lengths: [1, 1, 1] },
    { of: 0, chunks: 3, lengths: [0, 0, 0] },
  ])('chunk of $of into $chunks', ({ of, chunks, lengths }) => {
    using x = sg.zeros([of, 2]);
    const pieces = sg.chunk(x, chunks);
    expect(pieces.map(({ shape }) => shape)).toEqual(lengths.map((length) => [length, 2]));
    for (const piece of pieces) piece.dispose();
  });

  test('pieces pass their gradients', async () => {
    using x = sg.tensor([1, 2, 3, 4, 5], { requiresGrad: true });
    const [a, b] = x.split([2, 3]) as [sg.Tensor, sg.Tensor];
    const y = sg.cat([b, a]);
    using gradient = sg.tensor([1, 2, 3, 4, 5]);
    y.backward({ gradient });
    expect([...(await x.grad!.data())]).toEqual([4, 5, 1, 2, 3]);
    for (const tensor of [a, b, y]) tensor.dispose();
  });

  test('refuse what does not fit', () => {
    using x = sg.zeros([2, 5]);
    using scalar = sg.tensor(1);
    expect(() => x.narrow(1, 3, 3)).toThrow('narrow: expected length from 0 to 2, got 3');
    expect(() => x.narrow(1, 6, 0)).toThrow('narrow: expected start from -5 to 5, got 6');
    expect(() => x.split([2, 2], 1)).toThrow('split: expected sizes that add up to 5, got [2, 2]');
    expect(() => x.split(0)).toThrow('split: expected a size from 1 up, got 0');
    expect(() => x.split(1, 2)).toThrow('split: expected dim from -2 to 1, got 2');
    expect(() => scalar.split(1)).toThrow('split: expected dim none, for a scalar, got 0');
    expect(() => x.chunk(0)).toThrow('chunk: expected chunks from 1 up, got 0');
  });
});

test('slices keep integers', async () => {
  using x = sg.tensor([4294967295, 7], { dtype: 'u32' });
  using y = x.slice(0, 0, 1);
  expect(y.dtype).toBe('u32');
  expect([...(await y.data())]).toEqual([4294967295]);
});
