import * as sg from 'shadegrad';
import { expect, test } from 'vitest';
import { OneHot } from '../../../src/autograd/ops/oneHot.js';
import { apply } from '../../../src/tensor/tensor.js';
import { testHalf } from '../../support/half.js';

test.each(['i32', 'u32'] as const)('oneHot of %s indices', async (dtype) => {
  using index = sg.tensor(
    [
      [0, 2],
      [1, 1],
    ],
    { dtype },
  );
  using y = apply(new OneHot(3), index);
  expect(y.shape).toEqual([2, 2, 3]);
  expect(y.dtype).toBe('f32');
  expect([...(await y.data())]).toEqual([1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 1, 0]);
});

test('oneHot can give integers, and takes a scalar', async () => {
  using index = sg.tensor(1, { dtype: 'i32' });
  using y = apply(new OneHot(2, 'i32'), index);
  expect(y.dtype).toBe('i32');
  expect(await y.toArray()).toEqual([0, 1]);
});

testHalf('oneHot can give f16', async () => {
  using index = sg.tensor([2, 0, 1], { dtype: 'i32' });
  using y = apply(new OneHot(3, 'f16'), index);
  expect(y.dtype).toBe('f16');
  expect([...(await y.data())]).toEqual([0, 0, 1, 1, 0, 0, 0, 1, 0]);
});

test('oneHot of an index out of range is zeros', async () => {
  using index = sg.tensor([-1, 2, 5], { dtype: 'i32' });
  using y = apply(new OneHot(2), index);
  expect([...(await y.data())]).toEqual([0, 0, 0, 0, 0, 0]);
});

test('oneHot of nothing is empty', () => {
  using index = sg.zeros([0], { dtype: 'i32' });
  using y = apply(new OneHot(4), index);
  expect(y.shape).toEqual([0, 4]);
});

test('oneHot refuses f32 and no classes', () => {
  using floats = sg.zeros([2]);
  expect(() => apply(new OneHot(3), floats)).toThrow(
    'oneHot: expected index of i32 or u32, got f32',
  );
  using index = sg.zeros([2], { dtype: 'i32' });
  expect(() => apply(new OneHot(0), index)).toThrow('oneHot: expected numClasses from 1 up, got 0');
});
