import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import type { NLLLossOptions } from '../../../src/autograd/ops/nllLoss.js';
import { nllLoss } from '../../reference/crossEntropy.js';
import { checkOp, type OpInput } from '../../support/checkOp.js';
import { expectClose } from '../../support/compare.js';
import { uniform } from '../../support/random.js';

const F = sg.nn.functional;

const SHAPES: { shape: number[]; rows: number[] }[] = [
  { shape: [1, 10], rows: [1] },
  { shape: [17, 31], rows: [17] },
  { shape: [65, 3], rows: [65] },
  { shape: [5], rows: [] },
  { shape: [2, 5, 3, 7], rows: [2, 3, 7] },
];

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

function check(
  { shape, rows }: (typeof SHAPES)[number],
  { weighted = false, ...options }: NLLLossOptions & { weighted?: boolean },
): Promise<void> {
  const c = shape[shape.length === 1 ? 0 : 1]!;
  const ignored = options.ignoreIndex ?? -100;
  const labels = Int32Array.from({ length: sizeOf(rows) }, (_, i) =>
    i % 3 === 1 ? ignored : (i * 7) % c,
  );
  const inputs: OpInput[] = [
    { shape, data: uniform(sizeOf(shape), 1, -3, 0) },
    { shape: rows, data: labels },
  ];
  if (weighted) inputs.push({ shape: [c], data: uniform(c, 2, 0.5, 2), grad: false });
  return checkOp({
    inputs,
    op: (x, t, weight) => F.nllLoss(x!, t!, { ...options, weight }),
    reference: (x, t, weight) => nllLoss(x!, t!, weight, options),
    options: { ...options, weight: weighted },
    samples: 500,
  });
}

describe.each(['mean', 'sum', 'none'] as const)('nllLoss, %s', (reduction) => {
  test.each(SHAPES)('of $shape', (at) => check(at, { reduction }));

  test.each(SHAPES)('of $shape, with weights', (at) => check(at, { reduction, weighted: true }));

  test('with an index to ignore', () => check(SHAPES[1]!, { reduction, ignoreIndex: 2 }));
});

test('nllLoss of logSoftmax is crossEntropy', async () => {
  using x = sg.tensor(uniform(35, 1, -3, 3), { shape: [7, 5] });
  using t = sg.tensor([0, 1, 2, 3, 4, 0, 1], { dtype: 'u32' });
  using logP = x.logSoftmax(1);
  using weight = sg.tensor([1, 2, 3, 4, 5]);
  using a = new sg.nn.NLLLoss({ weight }).forward(logP, t);
  using b = new sg.nn.CrossEntropyLoss({ weight }).forward(x, t);
  expectClose([await a.item()], [await b.item()]);
});

test('nllLoss makes an index out of range NaN, and leaves the other rows alone', async () => {
  using x = sg.tensor(uniform(12, 1), { shape: [4, 3], requiresGrad: true });
  using t = sg.tensor([0, 3, -1, 2], { dtype: 'i32' });
  using losses = F.nllLoss(x, t, { reduction: 'none' });
  using gradient = sg.ones([4]);
  losses.backward({ gradient });
  const values = await x.data();
  expectClose(await losses.data(), [-values[0]!, NaN, NaN, -values[11]!]);
  expectClose(await x.grad!.data(), [-1, 0, 0, NaN, NaN, NaN, NaN, NaN, NaN, 0, 0, -1]);
});

test('nllLoss with every row ignored, and of none: the mean is NaN, the gradient 0', async () => {
  using x = sg.tensor(uniform(6, 1), { shape: [2, 3], requiresGrad: true });
  using t = sg.tensor([-100, -100], { dtype: 'i32' });
  using mean = F.nllLoss(x, t);
  expect(await mean.item()).toBeNaN();
  mean.backward();
  expectClose(await x.grad!.data(), Array(6).fill(0));
  using nothing = sg.zeros([0, 3]);
  using noLabels = sg.zeros([0], { dtype: 'i32' });
  using meanOfNone = F.nllLoss(nothing, noLabels);
  expect(await meanOfNone.item()).toBeNaN();
  using sumOfNone = F.nllLoss(nothing, noLabels, { reduction: 'sum' });
  expect(await sumOfNone.item()).toBe(0);
});

test('nllLoss of -Inf is Inf, and reads no other class', async () => {
  using x = sg.tensor([
    [-Infinity, 0],
    [NaN, -2],
  ]);
  using t = sg.tensor([0, 1], { dtype: 'i32' });
  using losses = F.nllLoss(x, t, { reduction: 'none' });
  expectClose(await losses.data(), [Infinity, 2]);
});

test('nllLoss refuses', () => {
  using x = sg.zeros([2, 3]);
  using t = sg.zeros([2], { dtype: 'i32' });
  using floats = sg.zeros([2, 3]);
  using three = sg.zeros([3], { dtype: 'i32' });
  using weight = sg.zeros([2]);
  using learnt = sg.ones([3], { requiresGrad: true });
  expect(() => F.nllLoss(t, t)).toThrow('nllLoss: expected logProbs of f32 or f16, got i32');
  expect(() => F.nllLoss(x, floats)).toThrow(
    'nllLoss: expected target of class indices of i32 or u32, got f32',
  );
  expect(() => F.nllLoss(x, three)).toThrow(
    'nllLoss: expected target (2,) of class indices for logProbs (2, 3), got (3,)',
  );
  expect(() => F.nllLoss(x, t, { weight })).toThrow('nllLoss: expected weight (3,), got (2,)');
  expect(() => F.nllLoss(x, t, { weight: learnt })).toThrow(
    'nllLoss: expected weight that does not require grad',
  );
  expect(() => F.nllLoss(x, t, { ignoreIndex: 0.5 })).toThrow(
    'nllLoss: expected ignoreIndex a whole number, got 0.5',
  );
  expect(() => F.nllLoss(x, t, { reduction: 'average' as 'mean' })).toThrow(
    "nllLoss: expected reduction 'mean', 'sum' or 'none', got average",
  );
});
