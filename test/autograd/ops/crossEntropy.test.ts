import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { CrossEntropy, type CrossEntropyOptions } from '../../../src/autograd/ops/crossEntropy.js';
import { currentDevice } from '../../../src/gpu/device.js';
import { apply } from '../../../src/tensor/tensor.js';
import { crossEntropy } from '../../reference/crossEntropy.js';
import { checkOp, type OpInput } from '../../support/checkOp.js';
import { expectClose } from '../../support/compare.js';
import { ALL } from '../../support/extent.js';
import { uniform } from '../../support/random.js';
import { ADAPTERS, tuneFor } from '../../support/tuning.js';

const REDUCTIONS = ['mean', 'sum', 'none'] as const;

const logitsOf = (n: number, c: number): OpInput => ({
  shape: [n, c],
  data: uniform(n * c, 1, -3, 3),
});

/** Class indices, each class in turn but for the ignored ones. */
const indicesOf = (n: number, c: number, ignored?: number): OpInput => ({
  shape: [n],
  data: Int32Array.from({ length: n }, (_, i) =>
    ignored !== undefined && i % 3 === 1 ? ignored : (i * 7) % c,
  ),
});

/** Rows that sum to 1. */
function probabilitiesOf(n: number, c: number): OpInput {
  const data = uniform(n * c, 5, 0.1, 1);
  for (let row = 0; row < n; row++) {
    const classes = data.subarray(row * c, (row + 1) * c);
    const sum = classes.reduce((a, b) => a + b, 0);
    classes.forEach((value, k) => (classes[k] = value / sum));
  }
  return { shape: [n, c], data };
}

function check(inputs: readonly OpInput[], options: CrossEntropyOptions = {}): Promise<void> {
  return checkOp({
    inputs,
    op: (...tensors) => apply(new CrossEntropy(options), ...tensors),
    reference: (logits, target, weight) => crossEntropy(logits!, target!, weight, options),
    options: {
      ...options,
      weight: inputs[2],
      probabilities: inputs[1]!.data instanceof Float32Array,
    },
    samples: 32,
  });
}

describe.each(REDUCTIONS)('crossEntropy, %s', (reduction) => {
  test.each([
    [1, 10],
    [3, 5],
    [17, 31],
    [65, 2],
  ])('of (%i, %i) with class indices', (n, c) =>
    check([logitsOf(n, c), indicesOf(n, c)], { reduction }),
  );

  test('with probabilities, which get a gradient too', () =>
    check([logitsOf(7, 5), probabilitiesOf(7, 5)], { reduction }));

  test('with label smoothing', async () => {
    await check([logitsOf(7, 5), indicesOf(7, 5)], { reduction, labelSmoothing: 0.1 });
    await check([logitsOf(7, 5), probabilitiesOf(7, 5)], { reduction, labelSmoothing: 0.3 });
    await check([logitsOf(7, 5), indicesOf(7, 5)], { reduction, labelSmoothing: 1 });
  });

  test('with ignored rows', async () => {
    await check([logitsOf(8, 5), indicesOf(8, 5, -100)], { reduction });
    await check([logitsOf(8, 5), indicesOf(8, 5, 2)], { reduction, ignoreIndex: 2 });
  });

  test('with weights of the classes', async () => {
    const weight = { shape: [5], data: uniform(5, 9, 0.5, 2), grad: false };
    await check([logitsOf(7, 5), indicesOf(7, 5, -100), weight], { reduction });
    await check([logitsOf(7, 5), indicesOf(7, 5), weight], { reduction, labelSmoothing: 0.2 });
    await check([logitsOf(7, 5), probabilitiesOf(7, 5), weight], { reduction });
  });
});

describe.each(REDUCTIONS)('crossEntropy of other dimensions, %s', (reduction) => {
  const weight = { shape: [5], data: uniform(5, 9, 0.5, 2), grad: false };
  const images = { shape: [2, 5, 3, 7], data: uniform(210, 1, -3, 3) };
  const labels = { shape: [2, 3, 7], data: indicesOf(42, 5, -100).data };

  test('(N, C, H, W) with class indices', async () => {
    await check([images, labels], { reduction });
    await check([images, labels, weight], { reduction, labelSmoothing: 0.2 });
  });

  test('(N, C, L) with probabilities', () =>
    check(
      [
        { shape: [3, 5, 2], data: uniform(30, 1, -3, 3) },
        { shape: [3, 5, 2], data: uniform(30, 2, 0, 0.4) },
        weight,
      ],
      { reduction, labelSmoothing: 0.1 },
    ));

  test('(C)', async () => {
    const logits = { shape: [5], data: uniform(5, 3) };
    await check([logits, { shape: [], data: new Uint32Array([3]) }], { reduction });
    await check([logits, { shape: [5], data: uniform(5, 4, 0, 0.4) }], { reduction });
  });
});

test('crossEntropy of no rows: the mean is NaN, the sum 0', async () => {
  using logits = sg.zeros([0, 3], { requiresGrad: true });
  using target = sg.zeros([0], { dtype: 'i32' });
  const of = (reduction: (typeof REDUCTIONS)[number]): sg.Tensor =>
    apply(new CrossEntropy({ reduction }), logits, target);
  using none = of('none');
  expect(none.shape).toEqual([0]);
  using sum = of('sum');
  expect(await sum.item()).toBe(0);
  sum.backward();
  using mean = of('mean');
  expect(await mean.item()).toBeNaN();
  mean.backward();
  expect(logits.grad!.shape).toEqual([0, 3]);
});

test('crossEntropy adds the losses of many rows without losing digits', async () => {
  const n = 17_000;
  using logits = sg.tensor(uniform(2 * n, 1, -3, 3), { shape: [n, 2] });
  using target = sg.tensor(
    Int32Array.from({ length: n }, (_, i) => (i % 5 === 0 ? -100 : i % 2)),
    { dtype: 'i32' },
  );
  using weight = sg.tensor([0.5, 2]);
  using loss = apply(new CrossEntropy(), logits, target, weight);
  const [x, t] = [await logits.data(), await target.data()];
  const expected = crossEntropy(
    { shape: [n, 2], data: Float64Array.from(x) },
    { shape: [n], data: Float64Array.from(t) },
    { shape: [2], data: new Float64Array([0.5, 2]) },
  );
  expectClose([await loss.item()], expected.data, { absolute: 0, relative: 2e-6 });
});

test('crossEntropy is stable from -1e4 to 1e4', () =>
  checkOp({
    inputs: [
      { shape: [3, 3], data: new Float32Array([1e4, -1e4, 0, 1e4, 1e4, 1e4, -1e4, 1e4, 9999]) },
      { shape: [3], data: new Int32Array([1, 2, 1]) },
    ],
    op: (x, t) => apply(new CrossEntropy({ reduction: 'none' }), x, t),
    reference: (x, t) => crossEntropy(x!, t!, undefined, { reduction: 'none' }),
    step: 1e-3,
  }));

test('crossEntropy of one class is 0 and has no gradient', async () => {
  using logits = sg.tensor([[3], [-5]], { requiresGrad: true });
  using target = sg.tensor([0, 0], { dtype: 'u32' });
  using loss = apply(new CrossEntropy(), logits, target);
  loss.backward();
  expect(await loss.item()).toBe(0);
  expectClose(await logits.grad!.data(), [0, 0]);
});

test('crossEntropy: -Inf is a class that cannot be', async () => {
  using logits = sg.tensor(
    [
      [-Infinity, 0, 0],
      [-Infinity, 0, 0],
    ],
    { requiresGrad: true },
  );
  using target = sg.tensor([1, 0], { dtype: 'i32' });
  using losses = apply(new CrossEntropy({ reduction: 'none' }), logits, target);
  expectClose(await losses.data(), [Math.log(2), Infinity]);
  using gradient = sg.ones([2]);
  losses.backward({ gradient });
  expectClose(await logits.grad!.data(), [0, -0.5, 0.5, -1, 0.5, 0.5]);
});

test('crossEntropy makes an index out of range NaN, and leaves the other rows alone', async () => {
  using logits = sg.tensor(uniform(12, 1), { shape: [4, 3], requiresGrad: true });
  using target = sg.tensor([0, 3, -1, 2], { dtype: 'i32' });
  using losses = apply(new CrossEntropy({ reduction: 'none' }), logits, target);
  using gradient = sg.ones([4]);
  losses.backward({ gradient });
  expect([...(await losses.data())].map(Number.isNaN)).toEqual([false, true, true, false]);
  const gradients = [...(await logits.grad!.data())].map(Number.isNaN);
  const [good, bad] = [Array(3).fill(false), Array(3).fill(true)];
  expect(gradients).toEqual([good, bad, bad, good].flat());
  using detached = logits.detach();
  using mean = apply(new CrossEntropy(), detached, target);
  expect(await mean.item()).toBeNaN();
});

test('crossEntropy with every row ignored: the mean is NaN, the sum and the gradient 0', async () => {
  using logits = sg.tensor(uniform(6, 1), { shape: [2, 3], requiresGrad: true });
  using target = sg.tensor([-100, -100], { dtype: 'i32' });
  using mean = apply(new CrossEntropy(), logits, target);
  mean.backward();
  expect(await mean.item()).toBeNaN();
  expectClose(await logits.grad!.data(), Array(6).fill(0));
  using sum = apply(new CrossEntropy({ reduction: 'sum' }), logits, target);
  expect(await sum.item()).toBe(0);
  sum.backward();
});

test('crossEntropy multiplies by the gradient that comes from behind', async () => {
  using logits = sg.tensor(uniform(6, 1), { shape: [2, 3], requiresGrad: true });
  using target = sg.tensor([0, 2], { dtype: 'i32' });
  using once = apply(new CrossEntropy(), logits, target);
  once.backward();
  const gradient = await logits.grad!.data();
  logits.grad = null;
  using again = apply(new CrossEntropy(), logits, target);
  using thrice = again.mul(3);
  thrice.backward();
  expectClose(
    await logits.grad!.data(),
    gradient.map((value) => 3 * value),
  );
});

describe.each(ADAPTERS)('crossEntropy, tuned for %s', (adapter) => {
  tuneFor(adapter);

  test.each([64, 129, 1029])('of rows of %i classes', (c) =>
    check([logitsOf(5, c), indicesOf(5, c)]),
  );

  test.each(
    [
      [300, 3],
      [1024, 2],
      [1025, 2],
      [40, 1025],
    ].filter(([n]) => ALL || n !== (adapter === 'software' ? 1024 : 40)),
  )('of %i rows of %i classes', async (n, c) => {
    const weight = { shape: [c], data: uniform(c, 9, 0.5, 2), grad: false };
    await check([logitsOf(n, c), indicesOf(n, c, -100), weight]);
    await check([logitsOf(n, c), indicesOf(n, c)], { reduction: 'sum' });
  });

  test.each(['mean', 'sum'] as const)('one dispatch forward and one backward, %s', (reduction) => {
    const { queue } = currentDevice();
    using logits = sg.tensor(uniform(2560, 1), { shape: [256, 10], requiresGrad: true });
    using target = sg.zeros([256], { dtype: 'i32' });
    using gradient = sg.ones([]);
    let before = queue.dispatches;
    using loss = apply(new CrossEntropy({ reduction }), logits, target);
    expect(queue.dispatches - before).toBe(1);
    before = queue.dispatches;
    loss.backward({ gradient });
    expect(queue.dispatches - before).toBe(1);
  });
});

describe('crossEntropy refuses', () => {
  test.each([
    [
      [6],
      [6],
      'i32',
      'crossEntropy: expected target () of class indices for logits (6,), got (6,)',
    ],
    [
      [2, 0],
      [2],
      'i32',
      'crossEntropy: expected logits (C), (N, C) or (N, C, ...) of at least one class, got (2, 0)',
    ],
    [
      [2, 3, 5],
      [2, 3],
      'i32',
      'crossEntropy: expected target (2, 5) of class indices for logits (2, 3, 5), got (2, 3)',
    ],
    [
      [4, 3],
      [3],
      'i32',
      'crossEntropy: expected target (4,) of class indices for logits (4, 3), got (3,)',
    ],
    [
      [4, 3],
      [4, 1],
      'u32',
      'crossEntropy: expected target (4,) of class indices for logits (4, 3), got (4, 1)',
    ],
    [
      [4, 3],
      [4, 2],
      'f32',
      'crossEntropy: expected target (4, 3) of probabilities for logits (4, 3), got (4, 2)',
    ],
    [[4, 3], [4], 'f32', 'crossEntropy: expected target of class indices of i32 or u32, got f32'],
  ] as const)('logits %j with target %j of %s', (logits, target, dtype, message) => {
    using x = sg.zeros(logits);
    using t = sg.zeros(target, { dtype });
    expect(() => apply(new CrossEntropy(), x, t)).toThrow(message);
  });

  test.each([
    [{ labelSmoothing: 1.5 }, 'crossEntropy: expected labelSmoothing from 0 to 1, got 1.5'],
    [{ ignoreIndex: 0.5 }, 'crossEntropy: expected ignoreIndex a whole number, got 0.5'],
    [
      { reduction: 'average' as 'mean' },
      "crossEntropy: expected reduction 'mean', 'sum' or 'none'",
    ],
  ])('the options %j', (options, message) => {
    using x = sg.zeros([2, 3]);
    using t = sg.zeros([2], { dtype: 'i32' });
    expect(() => apply(new CrossEntropy(options), x, t)).toThrow(message);
  });

  test('logits of integers, and weights of another length', () => {
    using t = sg.zeros([2], { dtype: 'i32' });
    using integers = sg.zeros([2, 3], { dtype: 'i32' });
    expect(() => apply(new CrossEntropy(), integers, t)).toThrow(
      'expected logits of f32 or f16, got i32',
    );
    using x = sg.zeros([2, 3]);
    using weight = sg.ones([2]);
    expect(() => apply(new CrossEntropy(), x, t, weight)).toThrow('expected weight (3,), got (2,)');
    using learnt = sg.ones([3], { requiresGrad: true });
    expect(() => apply(new CrossEntropy(), x, t, learnt)).toThrow(
      'crossEntropy: expected weight that does not require grad',
    );
  });
});
