import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { Linear } from '../../../src/autograd/ops/linear.js';
import { apply } from '../../../src/tensor/tensor.js';
import { currentDevice } from '../../../src/gpu/device.js';
import { sigmoid } from '../../reference/activations.js';
import { linear } from '../../reference/linear.js';
import { checkOp, type OpInput, type Reference } from '../../support/checkOp.js';
import { expectClose } from '../../support/compare.js';
import { ALL, casesOf, unlessAll } from '../../support/extent.js';
import { uniform } from '../../support/random.js';

const input = (shape: readonly number[], seed: number): OpInput => ({
  shape,
  data: uniform(
    shape.reduce((a, b) => a * b, 1),
    seed,
  ),
});

const CASES = [
  { name: 'LeNet: 400 to 120', x: [5, 400], out: 120 },
  { name: 'LeNet: 120 to 84, batch 1', x: [1, 120], out: 84 },
  { name: 'LeNet: 84 to 10', x: [33, 84], out: 10 },
  { name: 'odd sizes', x: [17, 31], out: 7 },
  { name: 'one of everything', x: [1, 1], out: 1 },
  { name: 'one output', x: [65, 3], out: 1 },
  { name: 'more leading dimensions', x: [2, 3, 5], out: 4 },
  { name: 'a vector', x: [12], out: 8 },
];

/** Every way that x is laid out; test/autograd/kernels/matmul.test.ts has the sizes. */
const FEW = casesOf(
  CASES,
  'LeNet: 120 to 84, batch 1',
  'odd sizes',
  'more leading dimensions',
  'a vector',
);

describe.each(FEW)('linear, $name', ({ name, x, out }) => {
  const weight = [out, x.at(-1)!];
  // Linear in each input, so that a long step of the check is exact.
  const options = { reference: linear, step: 0.5, samples: 16 };

  test('with bias', () =>
    checkOp({
      ...options,
      inputs: [input(x, 1), input(weight, 2), input([out], 3)],
      op: (...inputs) => apply(new Linear(), ...inputs),
    }));

  const unbiased = ALL || name === 'odd sizes' ? ['without bias'] : [];
  test.each(unbiased)('%s', () =>
    checkOp({
      ...options,
      inputs: [input(x, 1), input(weight, 2)],
      op: (...inputs) => apply(new Linear(), ...inputs),
    }),
  );
});

const FUNCTIONS = {
  relu: (x: number) => Math.max(x, 0),
  sigmoid,
  tanh: Math.tanh,
} as const;

describe.each(['relu', 'sigmoid', 'tanh'] as const)('linear with %s', (activation) => {
  const f = FUNCTIONS[activation];
  const reference = (...inputs: Reference[]): Reference => {
    const [x, weight, bias] = inputs as [Reference, Reference, Reference?];
    const { shape, data } = linear(x, weight, bias);
    return { shape, data: data.map(f) };
  };

  const cases = [
    { name: 'LeNet: 120 to 84', x: [4, 120], out: 84 },
    { name: 'odd sizes', x: [17, 31], out: 7 },
    { name: 'more leading dimensions, one output', x: [2, 3, 5], out: 1 },
  ];
  test.each(casesOf(cases, 'odd sizes'))('$name', ({ x, out }) =>
    checkOp({
      inputs: [input(x, 1), input([out, x.at(-1)!], 2), input([out], 3)],
      op: (a, weight, bias) => sg.nn.functional.linear(a, weight, bias, { activation }),
      reference,
      options: { activation },
    }),
  );

  const others = ALL || activation === 'sigmoid';
  test.each(others ? ['without bias'] : [])('%s', () =>
    checkOp({
      inputs: [input([6, 20], 1), input([8, 20], 2)],
      op: (a, weight) => sg.nn.functional.linear(a, weight, null, { activation }),
      reference,
      options: { activation },
    }),
  );

  test.each(others ? ['equals the op after a linear one'] : [])('%s', async () => {
    const data = [uniform(9 * 13, 1), uniform(5 * 13, 2), uniform(5, 3)] as const;
    const run = async (fused: boolean): Promise<number[][]> => {
      using x = sg.tensor(data[0], { shape: [9, 13], requiresGrad: true });
      using weight = sg.tensor(data[1], { shape: [5, 13], requiresGrad: true });
      using bias = sg.tensor(data[2], { requiresGrad: true });
      using y = fused
        ? sg.nn.functional.linear(x, weight, bias, { activation })
        : sg.nn.functional.linear(x, weight, bias)[activation]();
      using squares = y.square();
      using loss = squares.sum();
      const values = await y.data();
      loss.backward();
      const results = [
        values,
        ...(await Promise.all([x, weight, bias].map((t) => t.grad!.data()))),
      ];
      return results.map((array) => Array.from(array));
    };
    const [fused, apart] = [await run(true), await run(false)];
    fused.forEach((values, i) => expectClose(values, apart[i]!));
  });
});

test('linear keeps NaN and Inf through its activation', async () => {
  using x = sg.tensor([[NaN], [Infinity], [-Infinity], [-0]]);
  using weight = sg.tensor([[1]]);
  const run = async (activation: 'relu' | 'sigmoid' | 'tanh'): Promise<number[]> => {
    using y = sg.nn.functional.linear(x, weight, null, { activation });
    return Array.from(await y.data());
  };
  expectClose(await run('relu'), [NaN, Infinity, 0, 0]);
  expectClose(await run('sigmoid'), [NaN, 1, 0, 0.5]);
  expectClose(await run('tanh'), [NaN, 1, -1, 0]);
});

describe('linear, in dispatches', () => {
  type Sizes = [rows: number, inSize: number, out: number];
  /** For which the tests above have compiled the kernels. */
  const SMALL: Sizes = [17, 31, 7];

  /** Those of forward, and of backward; and whether all gradients came. */
  function count(
    rows: number,
    inSize: number,
    out: number,
    activation?: 'relu',
    needs = [true, true, true],
  ): [number, number] {
    const { queue } = currentDevice();
    const shapes = [[rows, inSize], [out, inSize], [out]];
    const tensors = shapes.map((shape, i) => sg.ones(shape, { requiresGrad: needs[i] }));
    using gradient = sg.ones([rows, out]);
    const start = queue.dispatches;
    using y = sg.nn.functional.linear(tensors[0]!, tensors[1]!, tensors[2], { activation });
    const middle = queue.dispatches;
    y.backward({ gradient });
    const counts: [number, number] = [middle - start, queue.dispatches - middle];
    tensors.forEach((tensor, i) => {
      expect(tensor.grad !== null).toBe(needs[i]);
      tensor.dispose();
    });
    return counts;
  }

  test('one forward, two backward, with an activation too', () => {
    expect(count(...unlessAll<Sizes>(SMALL, [64, 400, 120]))).toEqual([1, 2]);
    expect(count(...unlessAll<Sizes>(SMALL, [64, 84, 10]), 'relu')).toEqual([1, 2]);
  });

  test('one more for each sum that is split', () => {
    expect(count(2, 2048, 8, 'relu')).toEqual([2, 2]);
    expect(count(2048, 8, 8, 'relu')).toEqual([1, 3]);
  });

  test('none for gradients that nobody wants', () => {
    const sizes = unlessAll<Sizes>(SMALL, [64, 400, 120]);
    expect(count(...sizes, 'relu', [false, true, true])).toEqual([1, 1]);
    expect(count(...sizes, 'relu', [false, false, true])).toEqual([1, 1]);
    expect(count(...sizes, 'relu', [true, false, false])).toEqual([1, 1]);
  });
});

test('linear: the gradient of the bias alone', async () => {
  using x = sg.ones([3, 4]);
  using weight = sg.ones([2, 4]);
  using bias = sg.zeros([2], { requiresGrad: true });
  using y = sg.nn.functional.linear(x, weight, bias, { activation: 'relu' });
  using loss = y.sum();
  loss.backward();
  expect([...(await bias.grad!.data())]).toEqual([3, 3]);
  expect(weight.grad).toBeNull();
});

test('linear refuses an activation that it does not have', () => {
  using x = sg.zeros([3, 4]);
  using weight = sg.zeros([2, 4]);
  const activation = 'gelu' as 'relu';
  expect(() => sg.nn.functional.linear(x, weight, null, { activation })).toThrow(
    "linear: expected activation 'relu', 'sigmoid' or 'tanh', got gelu",
  );
});

test('linear: the gradients of weight and bias alone', () => {
  using x = sg.zeros([3, 4]);
  using weight = sg.zeros([2, 4], { requiresGrad: true });
  using bias = sg.zeros([2], { requiresGrad: true });
  using y = apply(new Linear(), x, weight, bias);
  using loss = y.sum();
  loss.backward();
  expect(x.grad).toBeNull();
  expect(weight.grad!.shape).toEqual([2, 4]);
  expect(bias.grad!.shape).toEqual([2]);
});

test('linear of no rows has gradients of zero', async () => {
  using x = sg.zeros([0, 4], { requiresGrad: true });
  using weight = sg.ones([2, 4], { requiresGrad: true });
  using bias = sg.ones([2], { requiresGrad: true });
  using y = apply(new Linear(), x, weight, bias);
  expect(y.shape).toEqual([0, 2]);
  using gradient = sg.zeros([0, 2]);
  y.backward({ gradient });
  expect(x.grad!.shape).toEqual([0, 4]);
  expect([...(await weight.grad!.data())]).toEqual(Array(8).fill(0));
  expect([...(await bias.grad!.data())]).toEqual([0, 0]);
});

test.each([
  [[3, 5], [2, 4], [2], 'linear: expected x (..., 4) for weight (2, 4), got (3, 5)'],
  [[3, 4], [4], [2], 'linear: expected weight (out, in), got (4,)'],
  [[3, 4], [2, 4], [4], 'linear: expected bias (2,), got (4,)'],
])('linear refuses x %j, weight %j, bias %j', (x, weight, bias, message) => {
  const tensors = [x, weight, bias].map((shape) => sg.zeros(shape));
  expect(() => apply(new Linear(), ...tensors)).toThrow(message);
  for (const tensor of tensors) tensor.dispose();
});

test('linear refuses integers', () => {
  using x = sg.zeros([2, 2], { dtype: 'u32' });
  using weight = sg.zeros([2, 2]);
  expect(() => apply(new Linear(), x, weight)).toThrow('linear: expected x of f32 or f16, got u32');
});
