import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { permute } from '../../reference/matmul.js';
import { checkOp } from '../../support/checkOp.js';
import { uniform } from '../../support/random.js';

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

describe('permute', () => {
  test.each([
    { shape: [5], dims: [0] },
    { shape: [3, 5], dims: [1, 0] },
    { shape: [2, 3, 5], dims: [2, 0, 1] },
    { shape: [2, 3, 5], dims: [0, 1, 2] },
    { shape: [2, 1, 5, 3], dims: [3, 1, 0, 2] },
    { shape: [2, 3, 2, 3, 2], dims: [4, 2, 0, 3, 1] },
    { shape: [2, 3, 2, 3, 2, 3], dims: [5, 3, 1, 4, 2, 0] },
    { shape: [33, 65], dims: [1, 0] },
  ])('$shape by $dims', ({ shape, dims }) =>
    checkOp({
      inputs: [{ shape, data: uniform(sizeOf(shape), 1) }],
      op: (x) => x.permute(dims),
      reference: (x) => permute(x, dims),
    }),
  );

  test.each([
    { shape: [2, 3, 2, 2, 3, 2, 2], dims: [6, 4, 2, 0, 5, 3, 1] },
    { shape: [2, 2, 3, 2, 2, 2, 2, 3, 2], dims: [8, 6, 4, 2, 0, 7, 5, 3, 1] },
  ])('more dimensions than one launch walks: $shape by $dims', ({ shape, dims }) =>
    checkOp({
      inputs: [{ shape, data: uniform(sizeOf(shape), 1) }],
      op: (x) => x.permute(dims),
      reference: (x) => permute(x, dims),
    }),
  );

  test('more dimensions than one launch walks, one of them empty', () => {
    using x = sg.zeros([2, 3, 2, 0, 3, 2, 2]);
    using y = x.permute([6, 4, 2, 0, 5, 3, 1]);
    expect(y.shape).toEqual([2, 3, 2, 2, 2, 0, 3]);
  });

  test('counts negative dims from the end, and takes integers', async () => {
    using x = sg.tensor(new Int32Array([1, 2, 3, 4, 5, 6]), { shape: [1, 2, 3] });
    using y = x.permute([-1, -3, 1]);
    expect(y.shape).toEqual([3, 1, 2]);
    expect([...(await y.data())]).toEqual([1, 4, 2, 5, 3, 6]);
  });

  test('takes a scalar and an empty tensor', async () => {
    using scalar = sg.tensor(3);
    using same = scalar.permute([]);
    expect(await same.item()).toBe(3);
    using empty = sg.zeros([0, 4]);
    using turned = empty.permute([1, 0]);
    expect(turned.shape).toEqual([4, 0]);
  });

  test.each([
    [[0], 'permute: expected each of the 2 dimensions of x once, got [0]'],
    [[0, 2], 'permute: expected dim from -2 to 1, got 2'],
    [[1, -1], 'permute: expected each dim once'],
  ])('refuses %j for two dimensions', (dims, message) => {
    using x = sg.zeros([2, 3]);
    expect(() => x.permute(dims)).toThrow(message);
  });
});

describe('transpose', () => {
  test.each([
    { a: 0, b: 1, dims: [1, 0, 2] },
    { a: -1, b: -2, dims: [0, 2, 1] },
    { a: 0, b: 2, dims: [2, 1, 0] },
    { a: 1, b: 1, dims: [0, 1, 2] },
  ])('of $a and $b', ({ a, b, dims }) =>
    checkOp({
      inputs: [{ shape: [3, 4, 5], data: uniform(60, 1) }],
      op: (x) => x.transpose(a, b),
      reference: (x) => permute(x, dims),
    }),
  );

  test('refuses a dim that is not there', () => {
    using x = sg.zeros([2, 3]);
    expect(() => x.transpose(0, 2)).toThrow('transpose: expected dim from -2 to 1, got 2');
  });
});

describe('t', () => {
  test('of a matrix, a vector and a scalar', async () => {
    using x = sg.tensor([1, 2, 3, 4, 5, 6], { shape: [2, 3], dtype: 'i32' });
    using y = x.t();
    using same = x.T;
    expect(y.shape).toEqual([3, 2]);
    expect([...(await y.data())]).toEqual([1, 4, 2, 5, 3, 6]);
    expect(await same.data()).toEqual(await y.data());
    using vector = sg.tensor([1, 2]);
    using still = vector.t();
    expect([...(await still.data())]).toEqual([1, 2]);
    using scalar = sg.tensor(1);
    using one = scalar.t();
    expect(one.shape).toEqual([]);
  });

  test('refuses more than two dimensions', () => {
    using x = sg.zeros([2, 3, 1]);
    expect(() => x.t()).toThrow('t: expected two dimensions at most, got (2, 3, 1)');
  });
});
