import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import type { PadMode } from '../../../src/autograd/ops/pad.js';
import { pad, sizeOf } from '../../reference/indexing.js';
import { checkOp } from '../../support/checkOp.js';
import { uniform } from '../../support/random.js';

const { pad: padded } = sg.nn.functional;

function check(
  shape: readonly number[],
  padding: readonly number[],
  mode: PadMode | undefined,
  value?: number,
): Promise<void> {
  return checkOp({
    inputs: [{ shape, data: uniform(sizeOf(shape), 1) }],
    op: (x) => padded(x, padding, { mode, value }),
    reference: (x) => pad(x, padding, mode ?? 'constant', value ?? 0),
    options: { mode, value },
    samples: 120,
  });
}

describe('pad by a constant', () => {
  test.each([
    { name: 'LeNet: MNIST to 32 x 32', shape: [2, 1, 28, 28], padding: [2, 2, 2, 2] },
    { name: 'the last dimension alone', shape: [3, 5], padding: [1, 0] },
    { name: 'unevenly, with a value', shape: [2, 3, 5], padding: [0, 3, 2, 1], value: -1.5 },
    { name: 'every dimension', shape: [2, 3, 1, 5], padding: [1, 2, 3, 0, 0, 1, 2, 2], value: 7 },
    { name: 'cut off', shape: [4, 7], padding: [-1, -2] },
    { name: 'cut off here, added there', shape: [4, 7], padding: [-3, 2, 1, -2], value: 3 },
    { name: 'not at all', shape: [4, 3], padding: [0, 0] },
    { name: 'without padding', shape: [4, 3], padding: [] },
  ])('$name: $shape by $padding', ({ shape, padding, value }) =>
    check(shape, padding, undefined, value),
  );

  test('takes integers, all of x cut off, and empty tensors', async () => {
    using x = sg.tensor([4294967295, 1], { dtype: 'u32' });
    using y = padded(x, [1, 0], { value: 5 });
    expect([y.dtype, ...(await y.data())]).toEqual(['u32', 5, 4294967295, 1]);
    using gone = padded(x, [-2, 3], { value: 9 });
    expect([...(await gone.data())]).toEqual([9, 9, 9]);
    using empty = sg.zeros([0]);
    using filled = padded(empty, [1, 1], { value: 2 });
    expect([...(await filled.data())]).toEqual([2, 2]);
  });

  test('refuses padding that does not fit', () => {
    using x = sg.zeros([2, 3]);
    expect(() => padded(x, [1])).toThrow('pad: expected padding as pairs of whole numbers');
    expect(() => padded(x, [0.5, 0])).toThrow('got [0.5, 0]');
    expect(() => padded(x, [1, 1, 1, 1, 1, 1])).toThrow(
      'pad: expected x of 3 or more dimensions for as many pairs of padding, got (2, 3)',
    );
    expect(() => padded(x, [-2, -2])).toThrow(
      'pad: expected padding that cuts off no more than there is, got -2 and -2 for dim 1 of size 3',
    );
    expect(() => padded(x, [1, 1], { mode: 'mirror' as PadMode })).toThrow(
      "pad: expected mode 'constant', 'reflect', 'replicate' or 'circular', got mirror",
    );
  });
});

describe.each(['reflect', 'replicate', 'circular'] as const)('pad by mode %s', (mode) => {
  test.each([
    { name: 'an image', shape: [2, 3, 5, 7], padding: [3, 2, 1, 4] },
    { name: 'a line', shape: [3, 4], padding: [2, 3] },
    { name: 'a vector', shape: [5], padding: [0, 4] },
    { name: 'a volume', shape: [1, 2, 3, 3, 4], padding: [1, 3, 2, 0, 1, 2] },
    { name: 'a volume without batch', shape: [3, 4, 5], padding: [2, 2, 1, 1, 2, 0] },
    { name: 'cut off at one side', shape: [2, 4, 5], padding: [-2, 3, 1, -1] },
    { name: 'not at all', shape: [2, 3], padding: [0, 0] },
  ])('$name: $shape by $padding', ({ shape, padding }) => check(shape, padding, mode));

  test('moves the bits of integers, and takes an empty batch', async () => {
    using x = sg.tensor([4294967295, 2143289345, 7], { dtype: 'u32' });
    using y = padded(x, [1, 0], { mode });
    const first = { reflect: 2143289345, replicate: 4294967295, circular: 7 }[mode];
    expect([...(await y.data())]).toEqual([first, 4294967295, 2143289345, 7]);
    using empty = sg.zeros([0, 2, 3]);
    using none = padded(empty, [1, 1], { mode });
    expect(none.shape).toEqual([0, 2, 5]);
  });

  test('refuses what it cannot fill', () => {
    using x = sg.zeros([2, 3]);
    using nothing = sg.zeros([2, 0]);
    using many = sg.zeros([1, 1, 1, 1]);
    expect(() => padded(x, [1, 1], { mode, value: 1 })).toThrow(
      `pad: expected no value with mode '${mode}', got 1`,
    );
    expect(() => padded(nothing, [1, 1], { mode })).toThrow('pad: expected ');
    expect(() => padded(many, [0, 0, 0, 0, 0, 0, 0, 0], { mode })).toThrow(
      `pad: expected 3 pairs of padding at most with mode '${mode}', got 4`,
    );
    expect(() => padded(x, [-2, -1], { mode })).toThrow(
      'pad: expected padding that leaves at least one element, got -2 and -1 for dim 1 of size 3',
    );
  });
});

test('pad refuses more than the mode can reach', () => {
  using x = sg.zeros([2, 3]);
  expect(() => padded(x, [3, 0], { mode: 'reflect' })).toThrow(
    "pad: expected padding smaller than the dimension with mode 'reflect', got 3 and 0 for dim 1 of size 3",
  );
  expect(() => padded(x, [0, 4], { mode: 'circular' })).toThrow(
    "pad: expected padding no larger than the dimension with mode 'circular', got 0 and 4",
  );
});

test('pad replicates one element any number of times', async () => {
  using x = sg.tensor([5], { requiresGrad: true });
  using y = padded(x, [2, 4], { mode: 'replicate' });
  expect([...(await y.data())]).toEqual([5, 5, 5, 5, 5, 5, 5]);
  using gradient = sg.ones([7]);
  y.backward({ gradient });
  expect(await x.grad!.item()).toBe(7);
});
