import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { flip, repeat, roll, sizeOf } from '../../reference/indexing.js';
import { checkOp } from '../../support/checkOp.js';
import { uniform } from '../../support/random.js';

const inputs = (shape: readonly number[]) => [{ shape, data: uniform(sizeOf(shape), 1) }];

describe('flip', () => {
  test.each([
    { shape: [7], dims: [0] },
    { shape: [2, 3, 5, 7], dims: [-1] },
    { shape: [2, 3, 5, 7], dims: [2, 3] },
    { shape: [2, 3, 5], dims: [0, 2] },
    { shape: [2, 3], dims: [] },
  ])('$shape along $dims', ({ shape, dims }) =>
    checkOp({
      inputs: inputs(shape),
      op: (x) => x.flip(dims),
      reference: (x) =>
        flip(
          x,
          dims.map((d) => (d + shape.length) % shape.length),
        ),
      options: { dims },
    }),
  );

  test('takes one dim, integers, scalars and empty tensors', async () => {
    using x = sg.tensor([4294967295, 1], { dtype: 'u32' });
    using y = x.flip(0);
    expect([...(await y.data())]).toEqual([1, 4294967295]);
    using scalar = sg.tensor(3);
    using same = scalar.flip([]);
    expect(await same.item()).toBe(3);
    using empty = sg.zeros([0, 2]);
    using none = empty.flip([0, 1]);
    expect(none.shape).toEqual([0, 2]);
  });

  test('refuses a dim twice', () => {
    using x = sg.zeros([2, 3]);
    expect(() => x.flip([0, -2])).toThrow('flip: expected each dim once, got [0, -2]');
    expect(() => x.flip(2)).toThrow('flip: expected dim from -2 to 1, got 2');
  });
});

describe('roll', () => {
  test.each([
    { shape: [7], shift: 3, dim: 0 },
    { shape: [2, 5, 3], shift: -2, dim: 1 },
    { shape: [2, 5, 3], shift: 13, dim: -1 },
    { shape: [2, 5], shift: 0, dim: 0 },
  ])('$shape by $shift along $dim', ({ shape, shift, dim }) =>
    checkOp({
      inputs: inputs(shape),
      op: (x) => x.roll(shift, dim),
      reference: (x) => roll(x, shift, (dim + shape.length) % shape.length),
      options: { dims: dim },
    }),
  );

  test('several dims, as the windows of a Swin transformer are', () =>
    checkOp({
      inputs: inputs([2, 7, 7, 3]),
      op: (x) => x.roll([-3, -3], [1, 2]),
      reference: (x) => roll(roll(x, -3, 1), -3, 2),
      options: { dims: [1, 2] },
    }));

  test('without dims through the flattened tensor', () =>
    checkOp({
      inputs: inputs([3, 5]),
      op: (x) => x.roll(4),
      reference: (x) => ({ ...roll({ shape: [15], data: x.data }, 4, 0), shape: [3, 5] }),
    }));

  test('takes empty tensors, and refuses what does not fit', () => {
    using empty = sg.zeros([0, 3]);
    using none = empty.roll(1, 0);
    expect(none.shape).toEqual([0, 3]);
    expect(() => empty.roll([1, 2], 0)).toThrow('roll: expected a shift for each of 1 dims, got 2');
    expect(() => empty.roll(0.5, 0)).toThrow('roll: expected shifts as whole numbers, got [0.5]');
    expect(() => empty.roll(1, 2)).toThrow('roll: expected dim from -2 to 1, got 2');
  });
});

describe('repeat', () => {
  test.each([
    { shape: [3], sizes: [4] },
    { shape: [2, 3], sizes: [2, 1] },
    { shape: [2, 3], sizes: [3, 1, 2] },
    { shape: [2, 3, 5], sizes: [1, 1, 1] },
    { shape: [3, 2, 5, 2], sizes: [2, 3, 2, 3] },
    { shape: [], sizes: [2, 3] },
  ])('$shape by $sizes', ({ shape, sizes }) =>
    checkOp({
      inputs: inputs(shape),
      op: (x) => x.repeat(sizes),
      reference: (x) => repeat(x, sizes),
      options: { sizes },
    }),
  );

  test('tile takes fewer sizes than dimensions', () =>
    checkOp({
      inputs: inputs([2, 3, 4]),
      op: (x) => x.tile([2]),
      reference: (x) => repeat(x, [1, 1, 2]),
      options: { sizes: [2] },
    }));

  test('takes integers and no copies', async () => {
    using x = sg.tensor([4294967295, 1], { dtype: 'u32' });
    using y = x.repeat([2]);
    expect([...(await y.data())]).toEqual([4294967295, 1, 4294967295, 1]);
    using z = sg.zeros([2, 3], { requiresGrad: true });
    using none = z.repeat([0, 2]);
    expect(none.shape).toEqual([0, 6]);
    using gradient = sg.zeros([0, 6]);
    none.backward({ gradient });
    expect([...(await z.grad!.data())]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test('refuses fewer sizes than dimensions', () => {
    using x = sg.zeros([2, 3]);
    expect(() => x.repeat([2])).toThrow('repeat: expected sizes from 0 up, 2 or more of them');
    expect(() => x.repeat([-1, 2])).toThrow('got [-1, 2]');
    expect(() => x.tile([0.5])).toThrow('tile: expected sizes from 0 up');
  });
});
