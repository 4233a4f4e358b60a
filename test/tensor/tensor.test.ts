import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';

describe('clone', () => {
  test('has memory of its own and passes the gradient', async () => {
    using x = sg.tensor([1, 2], { requiresGrad: true });
    using y = x.clone();
    expect(y.array.storage).not.toBe(x.array.storage);
    expect([...(await y.data())]).toEqual([1, 2]);
    using gradient = sg.tensor([3, 4]);
    y.backward({ gradient });
    expect([...(await x.grad!.data())]).toEqual([3, 4]);
  });

  test('takes scalars, integers and empty tensors', async () => {
    using scalar = sg.tensor(-5, { dtype: 'i32' });
    using copy = scalar.clone();
    expect([copy.shape, copy.dtype, await copy.item()]).toEqual([[], 'i32', -5]);
    using empty = sg.zeros([0, 2]);
    using nothing = empty.clone();
    expect(nothing.shape).toEqual([0, 2]);
  });
});

describe('shapes', () => {
  test('squeeze, unsqueeze and flatten', () => {
    using x = sg.zeros([2, 1, 3, 1]);
    const shapes = [
      x.squeeze(),
      x.squeeze(1),
      x.squeeze(-1),
      x.squeeze(0),
      x.squeeze([1, -1]),
      x.squeeze([0, 1]),
      x.squeeze([]),
      x.unsqueeze(0),
      x.unsqueeze(-1),
      x.unsqueeze(2),
      x.flatten(),
      x.flatten(1),
      x.flatten(1, 2),
      x.flatten(-2),
    ].map((y) => {
      const { shape } = y;
      y.dispose();
      return shape;
    });
    expect(shapes).toEqual([
      [2, 3],
      [2, 3, 1],
      [2, 1, 3],
      [2, 1, 3, 1],
      [2, 3],
      [2, 3, 1],
      [2, 1, 3, 1],
      [1, 2, 1, 3, 1],
      [2, 1, 3, 1, 1],
      [2, 1, 1, 3, 1],
      [6],
      [2, 3],
      [2, 3, 1],
      [2, 1, 3],
    ]);
  });

  test('squeeze and unsqueeze take scalars', () => {
    using x = sg.tensor(1);
    using same = x.squeeze(-1);
    using vector = x.unsqueeze(0);
    expect([same.shape, vector.shape]).toEqual([[], [1]]);
  });

  test('flatten makes a vector of a scalar', () => {
    using x = sg.tensor(1);
    using y = x.flatten();
    expect(y.shape).toEqual([1]);
  });

  test('refuse dims that are not there', () => {
    using x = sg.zeros([2, 3]);
    expect(() => x.squeeze(2)).toThrow('squeeze: expected dim from -2 to 1, got 2');
    expect(() => x.unsqueeze(3)).toThrow('unsqueeze: expected dim from -3 to 2, got 3');
    expect(() => x.flatten(1, 0)).toThrow('flatten: expected startDim up to endDim, got 1 and 0');
  });
});

describe('copy_ and fill_', () => {
  test('take numbers, typed arrays and tensors that broadcast', async () => {
    using x = sg.zeros([2, 2]);
    expect(x.copy_([1, 2, 3, 4])).toBe(x);
    expect([...(await x.data())]).toEqual([1, 2, 3, 4]);
    x.copy_([
      [5, 6],
      [7, 8],
    ]);
    expect([...(await x.data())]).toEqual([5, 6, 7, 8]);
    x.copy_(new Int32Array([9, 10, 11, 12]));
    expect([...(await x.data())]).toEqual([9, 10, 11, 12]);
    using row = sg.tensor([-1, -2], { dtype: 'i32' });
    x.copy_(row);
    expect([...(await x.data())]).toEqual([-1, -2, -1, -2]);
    x.copy_(x);
    expect([...(await x.data())]).toEqual([-1, -2, -1, -2]);
    x.fill_(0.5);
    expect([...(await x.data())]).toEqual([0.5, 0.5, 0.5, 0.5]);
  });

  test('change a parameter within noGrad() only', async () => {
    using w = sg.tensor([1, 2], { requiresGrad: true });
    expect(() => w.copy_([3, 4])).toThrow('copy_: expected a tensor that does not require grad');
    expect(() => w.fill_(3)).toThrow('Change it within noGrad().');
    sg.noGrad(() => w.copy_([3, 4]));
    expect([...(await w.data())]).toEqual([3, 4]);
  });

  test('refuse results of ops, sources with a gradient and sources that do not fit', () => {
    using w = sg.tensor([1, 2], { requiresGrad: true });
    using y = w.add(1);
    expect(() => sg.noGrad(() => y.fill_(0))).toThrow(
      'fill_: expected a leaf, got the result of add',
    );
    using x = sg.zeros([2]);
    expect(() => x.copy_(w)).toThrow('copy_: expected a source without gradient');
    expect(() => x.copy_([1])).toThrow('copy_: expected 2 numbers, got 1');
    using three = sg.zeros([3]);
    using tall = sg.zeros([2, 2]);
    expect(() => x.copy_(three)).toThrow('copy_: expected a shape that broadcasts with (2,)');
    expect(() => x.copy_(tall)).toThrow(
      'copy_: expected a source that broadcasts to (2,), got (2, 2)',
    );
  });

  test('are noticed by backward where it needs the values of before', () => {
    using x = sg.tensor([1, 2]);
    using w = sg.tensor([3, 4], { requiresGrad: true });
    using y = w.mul(x);
    x.fill_(0);
    using gradient = sg.ones([2]);
    expect(() => y.backward({ gradient })).toThrow(
      'mul: a tensor that backward needs was changed in place after forward.',
    );
    y.op!.release(); // what no backward will
  });
});
