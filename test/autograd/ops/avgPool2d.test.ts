import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import type { AvgPool2dOptions } from '../../../src/autograd/ops/avgPool2d.js';
import { avgPool2d } from '../../reference/pool2d.js';
import { checkOp } from '../../support/checkOp.js';
import { uniform } from '../../support/random.js';
import { tidyTest } from '../../support/tidyTest.js';
import { ADAPTERS, tuneFor } from '../../support/tuning.js';

const F = sg.nn.functional;

interface Case {
  name: string;
  shape: number[];
  options: AvgPool2dOptions;
  /** Largest magnitude in x. Default 1. */
  high?: number;
}

const overEnd = { kernelSize: [3, 2], stride: [2, 3], padding: [1, 1], ceilMode: true } as const;

const CASES: Case[] = [
  { name: 'LeNet: windows side by side', shape: [2, 6, 28, 28], options: { kernelSize: 2 } },
  { name: 'LeNet: the second', shape: [2, 16, 10, 10], options: { kernelSize: 2 } },
  {
    name: 'side by side, with rows and columns left over, values to 1e4',
    shape: [1, 3, 5, 17],
    options: { kernelSize: [2, 3] },
    high: 1e4,
  },
  {
    name: 'side by side, hanging over the end, values of 1e-6',
    shape: [2, 1, 5, 7],
    options: { kernelSize: 3, ceilMode: true },
    high: 1e-6,
  },
  {
    name: 'AlexNet: windows overlap',
    shape: [1, 3, 55, 55],
    options: { kernelSize: 3, stride: 2 },
  },
  { name: 'overlapping, odd', shape: [1, 5, 31, 33], options: { kernelSize: 3, stride: 2 } },
  { name: 'some of x in no window', shape: [1, 1, 7, 8], options: { kernelSize: 2, stride: 3 } },
  {
    name: 'padding that counts, and windows that hang over its end',
    shape: [1, 2, 6, 8],
    options: overEnd,
  },
  {
    name: 'padding that does not count, and windows that hang over its end',
    shape: [1, 2, 6, 8],
    options: { ...overEnd, countIncludePad: false },
  },
  {
    name: 'a divisor, and windows that hang over the end',
    shape: [1, 2, 6, 8],
    options: { ...overEnd, divisorOverride: -3 },
  },
  {
    name: 'a divisor of windows 2 by 2',
    shape: [1, 2, 6, 8],
    options: { kernelSize: 2, divisorOverride: 5 },
  },
  {
    name: 'ceilMode, a window larger than x',
    shape: [1, 3, 2, 3],
    options: { kernelSize: [3, 4], stride: 2, ceilMode: true },
  },
  {
    name: 'same, as in Keras: 2 by 2, stride 1',
    shape: [2, 3, 7, 5],
    options: { kernelSize: 2, stride: 1, padding: 'same' },
  },
  {
    name: 'same, strides that do not divide',
    shape: [1, 3, 17, 7],
    options: { kernelSize: [3, 4], stride: [2, 3], padding: 'same' },
  },
  {
    name: 'same, side by side',
    shape: [1, 3, 7, 5],
    options: { kernelSize: 2, padding: 'same' },
  },
  {
    name: 'same, whose padding counts',
    shape: [1, 3, 7, 6],
    options: { kernelSize: [3, 4], stride: 2, padding: 'same', countIncludePad: true },
  },
  {
    name: 'one large window to each plane, values of 1e4',
    shape: [2, 3, 33, 65],
    options: { kernelSize: [33, 65] },
    high: 1e4,
  },
  {
    name: 'one large window to each plane, and a divisor',
    shape: [2, 3, 17, 17],
    options: { kernelSize: 17, divisorOverride: 100 },
  },
  { name: 'no batch', shape: [3, 7, 6], options: { kernelSize: 3, stride: 2 } },
  { name: 'one element', shape: [1, 1, 1, 1], options: { kernelSize: 1 } },
];

describe.each(ADAPTERS)('avgPool2d, tuned for %s', (adapter) => {
  tuneFor(adapter);

  test.each(CASES)('$name', ({ shape, options, high = 1 }) => {
    const { kernelSize, ...named } = options;
    const count = shape.reduce((a, b) => a * b);
    return checkOp({
      inputs: [{ shape, data: uniform(count, 7, -high, high) }],
      op: (x) => F.avgPool2d(x, kernelSize, named),
      reference: (x) => avgPool2d(x, options),
      options: named,
      forward: { absolute: 1e-6 * high, relative: 1e-5 },
      gradient: { absolute: 1e-6, relative: 1e-5 },
      // Linear: the difference is exact at any step.
      step: 0.5,
      samples: count < 2000 ? 200 : 30,
      ...(high < 1e-3 && { f16: false }),
    });
  });
});

describe('avgPool2d', () => {
  // torch.nn.functional.avg_pool2d(arange(1, 37).reshape(1, 6, 6), 3, 2, 1, ceil_mode=True, ...)
  test.each([
    [
      {},
      [2, 4, 16 / 3, 3, 9, 15, 17, 9, 17, 27, 29, 15, 10.5, 16.5, 17.5, 9], // by 9, 6 or 4 each
    ],
    [
      { countIncludePad: false },
      [4.5, 6, 8, 9, 13.5, 15, 17, 18, 25.5, 27, 29, 30, 31.5, 33, 35, 36],
    ],
    [
      { divisorOverride: 2 },
      [9, 18, 24, 9, 40.5, 67.5, 76.5, 27, 76.5, 121.5, 130.5, 45, 31.5, 49.5, 52.5, 18],
    ],
  ])('ceilMode with %j as in PyTorch', async (options, expected) => {
    using x = sg.tensor(
      Float32Array.from({ length: 36 }, (_, i) => i + 1),
      { shape: [1, 6, 6] },
    );
    using y = F.avgPool2d(x, 3, { stride: 2, padding: 1, ceilMode: true, ...options });
    expect(y.shape).toEqual([1, 4, 4]);
    const values = await y.data();
    for (const [i, value] of values.entries()) expect(value).toBeCloseTo(expected[i]!, 5);
  });

  test('NaN and Inf stay in their windows', async () => {
    using x = sg.tensor([[[NaN, 1, Infinity, 1, -Infinity, Infinity, 2, -0, -0]]]);
    using y = F.avgPool2d(x, [1, 2], { stride: [1, 2] });
    expect(await y.toArray()).toEqual([[[NaN, Infinity, NaN, 1]]]);
  });

  tidyTest('an empty batch has an empty result and an empty gradient', () => {
    using x = sg.zeros([0, 3, 4, 4], { requiresGrad: true });
    using y = F.avgPool2d(x, 2);
    expect(y.shape).toEqual([0, 3, 2, 2]);
    y.sum().backward();
    expect(x.grad!.shape).toEqual([0, 3, 4, 4]);
  });

  test.each([
    [[4, 4], 2, {}, 'avgPool2d: expected input (N, C, H, W) or (C, H, W), got (4, 4)'],
    [
      [1, 1, 4, 4],
      [3, 2],
      { padding: [1, 2] },
      'avgPool2d: expected padding of at most half a window (2), got 2',
    ],
    [
      [1, 1, 4, 4],
      2,
      { divisorOverride: 0 },
      'avgPool2d: expected divisorOverride as an integer but 0, got 0',
    ],
  ] as [number[], AvgPool2dOptions['kernelSize'], Omit<AvgPool2dOptions, 'kernelSize'>, string][])(
    'refuses %j with %j, %j',
    (shape, kernelSize, options, message) => {
      using x = sg.zeros(shape);
      expect(() => F.avgPool2d(x, kernelSize, options)).toThrow(message);
    },
  );

  test('refuses integers', () => {
    using x = sg.ones([1, 1, 4, 4], { dtype: 'i32' });
    expect(() => F.avgPool2d(x, 2)).toThrow('avgPool2d: expected input of f32 or f16, got i32');
  });
});
