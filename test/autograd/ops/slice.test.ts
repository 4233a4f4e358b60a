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
    expect(() => x.slice(0, 0, 3, 0)).toThrow('slice: expected a step from 1 up, got 0');
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

test('slices keep integers', async () => {
  using x = sg.tensor([4294967295, 7], { dtype: 'u32' });
  using y = x.slice(0, 0, 1);
  expect(y.dtype).toBe('u32');
  expect([...(await y.data())]).toEqual([4294967295]);
});
