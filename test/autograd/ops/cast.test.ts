import * as sg from 'shadegrad';
import { expect, test } from 'vitest';
import { testHalf } from '../../support/half.js';
import { withBindingLimit } from '../../support/limits.js';

test('f32 to integers truncates towards zero', async () => {
  using x = sg.tensor([1.9, -1.9, 0.5, -0.5, 300, 16777216]);
  using i = x.to('i32');
  expect([...(await i.data())]).toEqual([1, -1, 0, 0, 300, 16777216]);
  using positive = sg.tensor([2.7, 3e9]);
  using u = positive.to('u32');
  expect([...(await u.data())]).toEqual([2, 3e9]);
});

test('integers convert to each other and to f32', async () => {
  using i = sg.tensor([-1, 5], { dtype: 'i32' });
  using u = i.to('u32');
  expect([...(await u.data())]).toEqual([4294967295, 5]);
  using back = u.to('i32');
  expect([...(await back.data())]).toEqual([-1, 5]);
  using signed = i.to('f32');
  expect([...(await signed.data())]).toEqual([-1, 5]);
  using f = u.to('f32');
  expect([...(await f.data())]).toEqual([4294967296, 5]);
});

test('f32 to f32 shares memory and passes the gradient', async () => {
  using x = sg.tensor([1, 2], { requiresGrad: true });
  using y = x.to('f32');
  expect(y.array.storage).toBe(x.array.storage);
  using gradient = sg.tensor([3, 4]);
  y.backward({ gradient });
  expect([...(await x.grad!.data())]).toEqual([3, 4]);
});

test('f32 to integers has no gradient', () => {
  using x = sg.tensor([1, 2], { requiresGrad: true });
  using y = x.to('i32');
  expect(y.requiresGrad).toBe(false);
});

test('takes empty tensors', () => {
  using x = sg.zeros([0, 2]);
  using y = x.to('u32');
  expect([y.shape, y.dtype]).toEqual([[0, 2], 'u32']);
});

testHalf('f16 holds what fits it: ties to even, infinite beyond 65504, NaN', async () => {
  using x = sg.tensor([1, 0.1, 2049, 2051, 65504, 1e6, -1e6, NaN, -Infinity, 6e-8, -0]);
  using half = x.to('f16');
  const data = [...(await half.data())];
  const tenth = 0.0999755859375;
  const tiny = 2 ** -24;
  const beyond = [Infinity, -Infinity];
  expect(data).toEqual([1, tenth, 2048, 2052, 65504, ...beyond, NaN, -Infinity, tiny, -0]);
  using back = half.to('f32');
  expect([...(await back.data())]).toEqual(data);
});

testHalf('f16 converts to integers and back', async () => {
  using half = sg.tensor([2.7, -2.7, 2048], { dtype: 'f16' });
  using ints = half.to('i32');
  expect([...(await ints.data())]).toEqual([2, -2, 2048]);
  using unsigned = half.to('u32');
  expect([...(await unsigned.data())]).toEqual([2, 0, 2048]);
  using big = sg.tensor([-7, 2049, 100000], { dtype: 'i32' });
  using rounded = big.to('f16');
  expect([...(await rounded.data())]).toEqual([-7, 2048, Infinity]);
});

testHalf('gradients pass between f32 and f16', async () => {
  using x = sg.tensor([1, 2], { requiresGrad: true });
  using half = x.to('f16');
  using gradient = sg.tensor([3, 0.1], { dtype: 'f16' });
  half.backward({ gradient });
  expect(x.grad!.dtype).toBe('f32');
  expect([...(await x.grad!.data())]).toEqual([...(await gradient.data())]);
});

test('runs in parts where a binding is small', () =>
  withBindingLimit(1024, async () => {
    using x = sg.arange(700);
    using y = x.to('i32');
    expect([...(await y.data())]).toEqual(Array.from({ length: 700 }, (_, i) => i));
  }));
