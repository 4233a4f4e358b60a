import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { testHalf } from '../../support/half.js';
import { uniform } from '../../support/random.js';

const SIZES = [1, 7, 33, 20_000];

async function sumsOf(count: number, dtype: sg.DType): Promise<void> {
  const values = uniform(count, 1);
  using x = sg.tensor(values, { requiresGrad: true, dtype });
  // Two uses of one hidden tensor: its gradient is a sum, once of an array that is shared.
  using doubled = x.mul(1);
  using twice = doubled.add(doubled);
  using dy = sg.tensor(uniform(count, 2, 1, 2), { dtype });
  const gradient = await dy.data();
  twice.backward({ gradient: dy, retainGraph: true });
  const two = await x.grad!.data();
  expect([...two]).toEqual([...gradient].map((value) => 2 * value));
  // And once in place, for a leaf that has a gradient.
  twice.backward({ gradient: dy });
  expect([...(await x.grad!.data())]).toEqual([...gradient].map((value) => 4 * value));
}

describe.each(SIZES)('gradients of %d elements add up', (count) => {
  test('in f32', () => sumsOf(count, 'f32'));
  testHalf('in f16', () => sumsOf(count, 'f16'));
});
