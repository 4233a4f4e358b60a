import * as sg from 'shadegrad';
import { expect, test } from 'vitest';

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
