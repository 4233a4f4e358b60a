import * as sg from 'shadegrad';
import { expect, test } from 'vitest';
import { checkOp, type Reference } from '../../support/checkOp.js';
import { uniform } from '../../support/random.js';

const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

function catReference(dim: number, ...parts: Reference[]): Reference {
  const { shape } = parts[0]!;
  const outer = size(shape.slice(0, dim));
  const data: number[] = [];
  for (let o = 0; o < outer; o++) {
    for (const part of parts) {
      const row = size(part.shape.slice(dim));
      data.push(...part.data.slice(o * row, (o + 1) * row));
    }
  }
  const total = parts.reduce((sum, part) => sum + part.shape[dim]!, 0);
  return { shape: shape.map((n, d) => (d === dim ? total : n)), data: Float64Array.from(data) };
}

test.each([
  { dim: 0, shapes: [[2], [3], [1]] },
  {
    dim: 1,
    shapes: [
      [3, 2, 5],
      [3, 4, 5],
      [3, 1, 5],
    ],
  },
  {
    dim: -1,
    shapes: [
      [2, 3],
      [2, 7],
    ],
  },
  {
    dim: 0,
    shapes: [
      [2, 3],
      [0, 3],
    ],
  },
  {
    dim: -2,
    shapes: [
      [2, 3, 1, 2],
      [2, 3, 5, 2],
      [2, 3, 3, 2],
    ],
  },
  { dim: 0, shapes: [[5, 2]] },
])('cat of $shapes along $dim', ({ dim, shapes }) =>
  checkOp({
    inputs: shapes.map((shape, i) => ({
      shape,
      data: uniform(size(shape), i),
      grad: size(shape) > 0,
    })),
    op: (...tensors) => sg.cat(tensors, dim),
    reference: (...parts) => catReference((dim + shapes[0]!.length) % shapes[0]!.length, ...parts),
    samples: 500,
  }),
);

test.each([
  { dim: 0, shape: [3, 5] },
  { dim: 1, shape: [3, 5] },
  { dim: -1, shape: [3, 5] },
  { dim: 0, shape: [] },
])('stack of two of $shape along $dim', ({ dim, shape }) =>
  checkOp({
    inputs: [1, 2].map((seed) => ({ shape, data: uniform(size(shape), seed) })),
    op: (...tensors) => sg.stack(tensors, dim),
    reference: (...parts) => {
      const at = (dim + shape.length + 1) % (shape.length + 1);
      const opened = parts.map(({ data }) => ({
        shape: [...shape.slice(0, at), 1, ...shape.slice(at)],
        data,
      }));
      return catReference(at, ...opened);
    },
    samples: 500,
  }),
);

test('cat leaves vectors of no elements out, whatever the rest is', async () => {
  using nothing = sg.zeros([0], { requiresGrad: true });
  using x = sg.tensor([1, 2, 3, 4], { shape: [2, 2], requiresGrad: true });
  using y = sg.cat([nothing, x, nothing, x], -1);
  expect(y.shape).toEqual([2, 4]);
  expect([...(await y.data())]).toEqual([1, 2, 1, 2, 3, 4, 3, 4]);
  using gradient = sg.ones([2, 4]);
  y.backward({ gradient });
  expect(nothing.grad!.shape).toEqual([0]);
  expect([...(await x.grad!.data())]).toEqual([2, 2, 2, 2]);
  using none = sg.cat([nothing.detach(), nothing.detach()]);
  expect(none.shape).toEqual([0]);
});

test.each(['i32', 'u32'] as const)('cat and stack move the bits of %s', async (dtype) => {
  using a = sg.tensor([2143289345, 1], { dtype });
  using b = sg.tensor([5, 6], { dtype });
  using y = sg.cat([a, b]);
  using z = sg.stack([a, b], 1);
  expect([y.dtype, ...(await y.data())]).toEqual([dtype, 2143289345, 1, 5, 6]);
  expect([z.dtype, ...(await z.data())]).toEqual([dtype, 2143289345, 5, 1, 6]);
});

test('one tensor may come twice', async () => {
  using x = sg.tensor([1, 2], { requiresGrad: true });
  using y = sg.cat([x, x]);
  using gradient = sg.tensor([1, 2, 3, 4]);
  y.backward({ gradient });
  expect([...(await x.grad!.data())]).toEqual([4, 6]);
});

test('cat and stack refuse what does not fit', () => {
  using a = sg.zeros([2, 3]);
  using b = sg.zeros([2, 4]);
  using ints = sg.zeros([2, 3], { dtype: 'i32' });
  expect(() => sg.cat([])).toThrow('cat: expected at least one tensor, got none');
  expect(() => sg.cat([a, b])).toThrow(
    'cat: expected tensor 1 of shape (2, 3) but for dim 0, as tensor 0, got (2, 4)',
  );
  expect(() => sg.stack([a, b])).toThrow('stack: expected tensor 1 of shape (2, 3), as tensor 0');
  expect(() => sg.cat([a, ints])).toThrow("got i32. Convert it with to('f32').");
  using scalar = sg.tensor(1);
  using empty = sg.zeros([2, 0]);
  expect(() => sg.cat([a, scalar])).toThrow(
    'cat: expected tensor 1 of one dimension or more, got (). Use stack(), or unsqueeze(0) on it.',
  );
  expect(() => sg.cat([empty, a])).toThrow('cat: expected tensor 1 of shape (2, 0) but for dim 0');
  expect(() => sg.cat([a, a], 2)).toThrow('cat: expected dim from -2 to 1, got 2');
});
