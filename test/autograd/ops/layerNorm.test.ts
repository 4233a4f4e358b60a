import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { layerNorm } from '../../reference/normalization.js';
import { checkOp, type OpInput } from '../../support/checkOp.js';
import { expectClose } from '../../support/compare.js';
import { testHalf } from '../../support/half.js';
import { uniform } from '../../support/random.js';
import { ADAPTERS, tuneFor, withoutSubgroups } from '../../support/tuning.js';

const { functional } = sg.nn;

const CASES = [
  { shape: [3, 7], normalizedShape: [7] },
  { shape: [65, 10], normalizedShape: [10] },
  { shape: [4, 3, 33], normalizedShape: [33] },
  { shape: [2, 5, 3, 17], normalizedShape: [3, 17] },
  { shape: [31], normalizedShape: [31] },
  { shape: [5, 64], normalizedShape: [64] },
  { shape: [3, 1029], normalizedShape: [1029] },
  { shape: [2, 6, 28, 28], normalizedShape: [6, 28, 28] }, // LeNet
  { shape: [5000, 3], normalizedShape: [3] },
];

function input(shape: readonly number[], seed: number, low = -2, high = 3): OpInput {
  const size = shape.reduce((a, b) => a * b, 1);
  return { shape, data: uniform(size, seed, low, high) };
}

function check({ shape, normalizedShape }: (typeof CASES)[number]): Promise<void> {
  const size = normalizedShape.reduce((a, b) => a * b, 1);
  return checkOp({
    inputs: [input(shape, 1), input(normalizedShape, 2, 0.5, 2), input(normalizedShape, 3)],
    op: (x, weight, bias) => functional.layerNorm(x, normalizedShape, weight, bias),
    reference: (x, weight, bias) => layerNorm(x, size, weight!, bias!),
    options: { weight: true, bias: true },
    samples: 12,
    step: 1e-3,
    gradient: { absolute: 1e-4 },
  });
}

describe.each(ADAPTERS)('layerNorm, tuned for %s', (adapter) => {
  tuneFor(adapter);

  test.each(CASES)('$shape by $normalizedShape', check);

  test('of rows of one gives the bias', async () => {
    using x = sg.tensor([[5], [7]]);
    using bias = sg.tensor([3]);
    using y = functional.layerNorm(x, [1], null, bias);
    expect([...(await y.data())]).toEqual([3, 3]);
  });

  test('is sound where the mean is 1e4 and the variance 1e-4', async () => {
    for (const size of [50, 3000]) {
      const shape = [3, size];
      const { data } = input(shape, 1, 1e4 - 0.0173, 1e4 + 0.0173);
      using x = sg.tensor(data, { shape });
      using y = functional.layerNorm(x, [size], null, null, 1e-12);
      const reference = { shape, data: Float64Array.from(data) };
      expectClose(await y.data(), layerNorm(reference, size, null, null, 1e-12).data);
    }
  });

  test('a row with NaN or Inf is NaN, and no other', async () => {
    using x = sg.tensor([
      [1, 2, 3],
      [1, NaN, 1],
      [1, 2, Infinity],
    ]);
    using y = functional.layerNorm(x, [3], null, null, 0);
    const q = Math.sqrt(1.5);
    expectClose(await y.data(), [-q, 0, q, ...Array<number>(6).fill(NaN)]);
  });
});

describe('layerNorm without subgroups', () => {
  tuneFor('hardware');
  withoutSubgroups();
  test.each([
    { shape: [3, 1029], normalizedShape: [1029] },
    { shape: [7, 70], normalizedShape: [70] },
  ])('$shape', check);
});

describe('layerNorm', () => {
  test.each(['weight', 'bias'] as const)('with %s alone, of an eps', (name) =>
    checkOp({
      inputs: [input([4, 9], 1), input([9], 2)],
      op: (x, parameter) =>
        name === 'weight'
          ? functional.layerNorm(x, [9], parameter, null, 0.1)
          : functional.layerNorm(x, [9], null, parameter, 0.1),
      reference: (x, parameter) =>
        name === 'weight'
          ? layerNorm(x, 9, parameter!, null, 0.1)
          : layerNorm(x, 9, null, parameter!, 0.1),
      options: { [name]: true, eps: 0.1 },
      samples: 12,
    }),
  );

  test('gives gradients of the parameters alone', async () => {
    using x = sg.tensor(input([4, 9], 1).data, { shape: [4, 9] });
    const bias = sg.zeros([9], { requiresGrad: true });
    const y = functional.layerNorm(x, [9], null, bias);
    using gradient = sg.ones([4, 9]);
    y.backward({ gradient });
    y.dispose();
    expect([...(await bias.grad!.data())]).toEqual(Array(9).fill(4));
    expect(x.grad).toBeNull();
    bias.dispose();
  });

  testHalf('takes a weight of f32 with x of f16', async () => {
    const shape = [5, 65];
    const x = sg.tensor(input(shape, 1).data, { shape, dtype: 'f16', requiresGrad: true });
    const weight = sg.ones([65], { requiresGrad: true });
    const y = functional.layerNorm(x, [65], weight).retain();
    expect(y.dtype).toBe('f16');
    const reference = layerNorm({ shape, data: Float64Array.from(await x.data()) }, 65, null, null);
    expectClose(await y.data(), reference.data, { norm: 1e-3 });
    using gradient = sg.tensor(uniform(5 * 65, 9), { shape, dtype: 'f16' });
    y.backward({ gradient });
    expect([x.grad!.dtype, weight.grad!.dtype]).toEqual(['f16', 'f32']);
    for (const tensor of [x, weight, y]) tensor.dispose();
  });

  test('of empty tensors', async () => {
    using nothing = sg.zeros([3, 0]);
    using none = functional.layerNorm(nothing, [0]);
    expect(none.shape).toEqual([3, 0]);
    using noRows = sg.zeros([0, 3]);
    const weight = sg.ones([3], { requiresGrad: true });
    const y = functional.layerNorm(noRows, [3], weight);
    using gradient = sg.zeros([0, 3]);
    y.backward({ gradient });
    y.dispose();
    expect([...(await weight.grad!.data())]).toEqual([0, 0, 0]);
    weight.dispose();
  });

  test('refuses what does not fit', () => {
    using x = sg.zeros([4, 3]);
    using integers = sg.zeros([4, 3], { dtype: 'i32' });
    using four = sg.zeros([4]);
    const { layerNorm } = functional;
    expect(() => layerNorm(integers, [3])).toThrow('layerNorm: expected x of f32 or f16, got i32');
    expect(() => layerNorm(x, [4])).toThrow('layerNorm: expected x (..., 4), got (4, 3)');
    expect(() => layerNorm(x, [2, 4, 3])).toThrow(
      'layerNorm: expected x (..., 2, 4, 3), got (4, 3)',
    );
    expect(() => layerNorm(x, [])).toThrow(
      'layerNorm: expected normalizedShape of one dimension or more, got ()',
    );
    expect(() => layerNorm(x, [3], four)).toThrow('layerNorm: expected weight (3,), got (4,)');
  });
});
