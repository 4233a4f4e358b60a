import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import type { LocalResponseNormOptions } from '../../../src/autograd/ops/localResponseNorm.js';
import { localResponseNorm } from '../../reference/localResponseNorm.js';
import { checkOp } from '../../support/checkOp.js';
import { expectClose } from '../../support/compare.js';
import { uniform } from '../../support/random.js';
import { tidyTest } from '../../support/tidyTest.js';

const F = sg.nn.functional;

interface Case {
  name: string;
  shape: number[];
  options: LocalResponseNormOptions;
  /** Largest magnitude in x. Default 1. */
  high?: number;
}

const alexNet = { size: 5, k: 2 };

const CASES: Case[] = [
  { name: 'AlexNet: the first', shape: [1, 96, 55, 55], options: alexNet, high: 100 },
  { name: 'AlexNet: the second', shape: [1, 256, 27, 27], options: alexNet, high: 100 },
  { name: 'PyTorch defaults', shape: [2, 7, 3, 5], options: { size: 5 }, high: 30 },
  { name: 'strong', shape: [2, 7, 3, 5], options: { size: 5, alpha: 2 } },
  { name: 'an even size', shape: [3, 7, 5], options: { size: 4, alpha: 2 } },
  { name: 'of 2', shape: [1, 5, 3, 3], options: { size: 2, alpha: 3 } },
  { name: 'its own channel alone', shape: [2, 3, 7], options: { size: 1, alpha: 0.5 } },
  { name: 'more than the channels', shape: [2, 3, 7], options: { size: 17, alpha: 5 } },
  { name: 'one channel', shape: [2, 1, 7, 1], options: { size: 3, alpha: 5 } },
  { name: 'another beta', shape: [1, 5, 3, 3], options: { size: 3, alpha: 2, beta: 0.5 } },
  { name: 'a beta below 0', shape: [1, 5, 3, 3], options: { size: 3, alpha: 2, beta: -1.5 } },
  { name: 'no k', shape: [1, 6, 4], options: { size: 3, alpha: 2, k: 0 } },
  { name: 'five dimensions', shape: [2, 5, 2, 3, 2], options: { size: 3, alpha: 2 } },
  { name: 'values to 1e4', shape: [1, 6, 17], options: { size: 5 }, high: 1e4 },
  { name: 'values of 1e-6', shape: [1, 6, 17], options: { size: 5, alpha: 1 }, high: 1e-6 },
];

describe('localResponseNorm', () => {
  test.each(CASES)('$name', ({ shape, options, high = 1 }) => {
    const count = shape.reduce((a, b) => a * b);
    const { size, ...named } = options;
    return checkOp({
      inputs: [{ shape, data: uniform(count, 5, -high, high) }],
      op: (x) => F.localResponseNorm(x, size, named),
      reference: (x) => localResponseNorm(x, size, named),
      options: named,
      forward: { absolute: 0, relative: 3e-6 },
      gradient: { absolute: 0, relative: 1e-5 },
      step: 1e-4 * high,
      samples: count < 10000 ? 64 : 2,
      ...(high < 1e-3 && { f16: false }),
    });
  });

  // torch.nn.functional.local_response_norm(x, 4, alpha=0.5, beta=0.75, k=2) and its gradient
  tidyTest('an even size as in PyTorch', async () => {
    const x = sg.tensor([0, 0, 1, 2, 0, -3], { shape: [1, 6, 1], requiresGrad: true });
    const y = F.localResponseNorm(x, 4, { alpha: 0.5, k: 2 });
    y.backward({ gradient: sg.tensor([1, 2, 3, 4, 5, 6], { shape: [1, 6, 1] }) });
    expectClose(
      await y.data(),
      [0, 0, 0.48490095138549805, 0.9698019027709961, 0, -1.1419320106506348],
    );
    expectClose(
      await x.grad!.data(),
      [
        0.5946035385131836, 1.1363465785980225, 1.07370924949646, 1.8864021301269531,
        1.855438470840454, 1.2206859588623047,
      ],
    );
  });

  test.each([0.75, 0.5])('Inf and NaN stay in their windows, beta %d', async (beta) => {
    using x = sg.tensor([1, Infinity, 0, 1, NaN, 1, 1], { shape: [1, 7, 1] });
    using y = F.localResponseNorm(x, 3, { alpha: 3, beta });
    expectClose(await y.data(), [0, NaN, 0, NaN, NaN, NaN, 3 ** -beta]);
  });

  test.each([
    [0, 4, 3],
    [2, 0, 3],
    [2, 3, 0],
  ])('takes nothing: (%i, %i, %i)', (...shape) => {
    using x = sg.zeros(shape);
    using y = F.localResponseNorm(x, 2);
    expect(y.shape).toEqual(shape);
  });

  test('refuses what does not fit', () => {
    using x = sg.ones([2, 3]);
    expect(() => F.localResponseNorm(x, 2)).toThrow(
      'localResponseNorm: expected input (N, C, ...), got (2, 3)',
    );
    using y = sg.ones([2, 3, 1]);
    expect(() => F.localResponseNorm(y, 0)).toThrow(
      'localResponseNorm: expected size as an integer of at least 1, got 0',
    );
    using z = sg.ones([2, 3, 1], { dtype: 'i32' });
    expect(() => F.localResponseNorm(z, 2)).toThrow(
      'localResponseNorm: expected input of f32 or f16, got i32',
    );
  });
});
