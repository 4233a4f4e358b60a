import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { Linear } from '../../../src/autograd/ops/linear.js';
import { apply } from '../../../src/tensor/tensor.js';
import { linear } from '../../reference/linear.js';
import { checkOp, type OpInput } from '../../support/checkOp.js';
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

describe.each(CASES)('linear, $name', ({ x, out }) => {
  const weight = [out, x.at(-1)!];
  // Linear in each input, so that a long step of the check is exact.
  const options = { reference: linear, step: 0.5, samples: 16 };

  test('with bias', () =>
    checkOp({
      ...options,
      inputs: [input(x, 1), input(weight, 2), input([out], 3)],
      op: (...inputs) => apply(new Linear(), ...inputs),
    }));

  test('without bias', () =>
    checkOp({
      ...options,
      inputs: [input(x, 1), input(weight, 2)],
      op: (...inputs) => apply(new Linear(), ...inputs),
    }));
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
