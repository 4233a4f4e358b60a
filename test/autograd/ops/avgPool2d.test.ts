import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { AvgPool2d, type AvgPool2dOptions } from '../../../src/autograd/ops/avgPool2d.js';
import { apply } from '../../../src/tensor/tensor.js';
import { avgPool2d, type Pool2dReferenceOptions } from '../../reference/pool2d.js';
import { checkOp } from '../../support/checkOp.js';
import { uniform } from '../../support/random.js';

interface Case {
  name: string;
  shape: number[];
  options: AvgPool2dOptions;
  /** The same in full, for the reference. */
  same: Pool2dReferenceOptions;
  /** Largest magnitude in x. Default 1. */
  high?: number;
}

const overEnd = { kernelSize: [3, 2], stride: [2, 3], padding: [1, 1], ceilMode: true } as const;

const CASES: Case[] = [
  {
    name: 'LeNet: windows side by side',
    shape: [2, 6, 28, 28],
    options: { kernelSize: 2 },
    same: { kernelSize: [2, 2] },
  },
  {
    name: 'side by side, with rows and columns left over, values to 1e4',
    shape: [1, 3, 5, 17],
    options: { kernelSize: [2, 3] },
    same: { kernelSize: [2, 3] },
    high: 1e4,
  },
  {
    name: 'side by side, hanging over the end',
    shape: [2, 1, 5, 7],
    options: { kernelSize: 3, ceilMode: true },
    same: { kernelSize: [3, 3], ceilMode: true },
  },
  {
    name: 'windows overlap',
    shape: [1, 5, 31, 33],
    options: { kernelSize: 3, stride: 2 },
    same: { kernelSize: [3, 3], stride: [2, 2] },
  },
  {
    name: 'some of x in no window',
    shape: [1, 1, 7, 8],
    options: { kernelSize: 2, stride: 3 },
    same: { kernelSize: [2, 2], stride: [3, 3] },
  },
  {
    name: 'padding that counts, and windows that hang over its end',
    shape: [1, 2, 6, 8],
    options: overEnd,
    same: overEnd,
  },
  {
    name: 'padding that does not count, and windows that hang over its end',
    shape: [1, 2, 6, 8],
    options: { ...overEnd, countIncludePad: false },
    same: { ...overEnd, countIncludePad: false },
  },
  {
    name: 'one element',
    shape: [1, 1, 1, 1],
    options: { kernelSize: 1 },
    same: { kernelSize: [1, 1] },
  },
];

describe('avgPool2d', () => {
  test.each(CASES)('$name', ({ shape, options, same, high = 1 }) =>
    checkOp({
      inputs: [
        {
          shape,
          data: uniform(
            shape.reduce((a, b) => a * b),
            7,
            -high,
            high,
          ),
        },
      ],
      op: (x) => apply(new AvgPool2d(options), x),
      reference: (x) => avgPool2d(x, same),
      // Linear: the difference is exact at any step.
      step: 0.5,
      samples: 1000,
    }),
  );

  test('an empty batch has an empty result', () => {
    using x = sg.zeros([0, 3, 4, 4]);
    using y = apply(new AvgPool2d({ kernelSize: 2 }), x);
    expect(y.shape).toEqual([0, 3, 2, 2]);
  });

  test('refuses more padding than half a window', () => {
    using x = sg.zeros([1, 1, 4, 4]);
    expect(() => apply(new AvgPool2d({ kernelSize: [3, 2], padding: [1, 2] }), x)).toThrow(
      'avgPool2d: expected padding of at most half a window (2), got 2',
    );
  });
});
