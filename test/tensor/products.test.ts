import * as sg from 'shadegrad';
import { expect, test } from 'vitest';
import { expectClose } from '../support/compare.js';
import { uniform } from '../support/random.js';

const numbers = (seed: number, ...shape: number[]): sg.Tensor =>
  sg.tensor(
    uniform(
      shape.reduce((a, b) => a * b, 1),
      seed,
    ),
    { shape },
  );

test.each([
  { name: 'dot', a: [7], b: [7], shape: [] },
  { name: 'mv', a: [3, 5], b: [5], shape: [3] },
  { name: 'mm', a: [3, 5], b: [5, 2], shape: [3, 2] },
  { name: 'bmm', a: [2, 3, 5], b: [2, 5, 4], shape: [2, 3, 4] },
] as const)('$name is matmul', async ({ name, a, b, shape }) => {
  using x = numbers(1, ...a);
  using z = numbers(2, ...b);
  using y = x[name](z);
  using expected = x.matmul(z);
  expect(y.shape).toEqual(shape);
  expect(await y.data()).toEqual(await expected.data());
});

test('outer multiplies every pair, with gradients', async () => {
  using a = sg.tensor([1, 2, 3], { requiresGrad: true });
  using b = sg.tensor([4, 5], { requiresGrad: true });
  using y = a.outer(b);
  expect(await y.toArray()).toEqual([
    [4, 5],
    [8, 10],
    [12, 15],
  ]);
  using gradient = sg.ones([3, 2]);
  y.backward({ gradient });
  expectClose(await a.grad!.data(), [9, 9, 9]);
  expectClose(await b.grad!.data(), [6, 6]);
});

test.each([
  { name: 'dot', a: [2, 3], b: [3], error: 'dot: expected a (K,), got (2, 3). matmul() takes' },
  { name: 'dot', a: [3], b: [4], error: 'dot: expected b (3,), got (4,)' },
  { name: 'mv', a: [3], b: [3], error: 'mv: expected a (M, K), got (3,)' },
  { name: 'mv', a: [2, 3], b: [2], error: 'mv: expected b (3,), got (2,)' },
  { name: 'mm', a: [2, 3], b: [3], error: 'mm: expected b (3, N), got (3,)' },
  { name: 'mm', a: [2, 3], b: [2, 3], error: 'mm: expected b (3, N), got (2, 3)' },
  { name: 'bmm', a: [2, 3], b: [2, 3, 4], error: 'bmm: expected a (B, M, K), got (2, 3)' },
  { name: 'bmm', a: [2, 3, 4], b: [1, 4, 5], error: 'bmm: expected b (2, 4, N), got (1, 4, 5)' },
  { name: 'outer', a: [2], b: [1, 2], error: 'outer: expected b (M,), got (1, 2). Use mul().' },
] as const)('$name refuses $a and $b', ({ name, a, b, error }) => {
  using x = numbers(1, ...a);
  using z = numbers(2, ...b);
  expect(() => x[name](z)).toThrow(error);
});
