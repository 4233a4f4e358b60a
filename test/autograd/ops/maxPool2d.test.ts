import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { MaxPool2d, type MaxPool2dOptions } from '../../../src/autograd/ops/maxPool2d.js';
import { apply } from '../../../src/tensor/tensor.js';
import { maxPool2d, type Pool2dReferenceOptions } from '../../reference/pool2d.js';
import { checkOp } from '../../support/checkOp.js';
import { shuffledRange } from '../../support/random.js';

interface Case {
  name: string;
  shape: number[];
  options: MaxPool2dOptions;
  /** The same in full, for the reference. */
  same: Pool2dReferenceOptions;
}

const CASES: Case[] = [
  {
    name: 'LeNet: windows side by side',
    shape: [2, 6, 28, 28],
    options: { kernelSize: 2 },
    same: { kernelSize: [2, 2] },
  },
  {
    name: 'side by side, with rows and columns left over',
    shape: [1, 3, 5, 17],
    options: { kernelSize: [2, 3] },
    same: { kernelSize: [2, 3] },
  },
  {
    name: 'side by side, hanging over the end',
    shape: [2, 1, 5, 7],
    options: { kernelSize: 3, ceilMode: true },
    same: { kernelSize: [3, 3], ceilMode: true },
  },
  {
    name: 'AlexNet: windows overlap',
    shape: [1, 5, 31, 33],
    options: { kernelSize: 3, stride: 2 },
    same: { kernelSize: [3, 3], stride: [2, 2] },
  },
  {
    name: 'padding',
    shape: [1, 2, 7, 7],
    options: { kernelSize: [2, 3], stride: 1, padding: 1 },
    same: { kernelSize: [2, 3], stride: [1, 1], padding: [1, 1] },
  },
  {
    name: 'some of x in no window',
    shape: [1, 1, 7, 8],
    options: { kernelSize: 2, stride: 3 },
    same: { kernelSize: [2, 2], stride: [3, 3] },
  },
  {
    name: 'dilation, and windows that hang over the end',
    shape: [1, 1, 9, 10],
    options: { kernelSize: 2, stride: 2, dilation: [3, 2], padding: 1, ceilMode: true },
    same: {
      kernelSize: [2, 2],
      stride: [2, 2],
      dilation: [3, 2],
      padding: [1, 1],
      ceilMode: true,
    },
  },
  {
    name: 'one element',
    shape: [1, 1, 1, 1],
    options: { kernelSize: 1 },
    same: { kernelSize: [1, 1] },
  },
];

describe('maxPool2d', () => {
  test.each(CASES)('$name', ({ shape, options, same }) =>
    checkOp({
      // Values differ by 1 or more, so that a step of the check never crosses a tie.
      inputs: [
        {
          shape,
          data: shuffledRange(
            shape.reduce((a, b) => a * b),
            7,
          ),
        },
      ],
      op: (x) => apply(new MaxPool2d(options), x),
      reference: (x) => maxPool2d(x, same),
      forward: { absolute: 0, relative: 0 },
      step: 0.25,
      samples: 1000,
    }),
  );

  // PyTorch's rule: a value takes over if it is greater than the maximum so far, or NaN.
  const inf = Infinity;
  const SPECIAL = [
    { name: 'ties: the first', x: [3, 3, 3, 3], y: 3, dx: [1, 0, 0, 0] },
    { name: 'a tie of zeros of both signs', x: [-1, -0, 0, -1], y: -0, dx: [0, 1, 0, 0] },
    { name: '-Inf alone', x: [-inf, -inf, -inf, -inf], y: -inf, dx: [1, 0, 0, 0] },
    { name: 'Inf', x: [-inf, 1, inf, 2], y: inf, dx: [0, 0, 1, 0] },
    { name: 'NaN first', x: [NaN, 1, inf, 2], y: NaN, dx: [1, 0, 0, 0] },
    { name: 'NaN later', x: [1, 5, NaN, 2], y: NaN, dx: [0, 0, 1, 0] },
    { name: 'the last of several NaN', x: [NaN, 5, NaN, 2], y: NaN, dx: [0, 0, 1, 0] },
    { name: 'values of 1e4', x: [-1e4, 9999, 1e4, 9999.5], y: 1e4, dx: [0, 0, 1, 0] },
  ];
  test.each(SPECIAL)('$name', async ({ x: data, y: expected, dx }) => {
    using x = sg.tensor(data, { shape: [1, 1, 2, 2], requiresGrad: true });
    using y = apply(new MaxPool2d({ kernelSize: 2 }), x).retain();
    expect(await y.item()).toBe(expected);
    using gradient = sg.ones([1, 1, 1, 1]);
    y.backward({ gradient });
    expect([...(await x.grad!.data())]).toEqual(dx);
  });

  test('a tie between overlapping windows goes to the first of each', async () => {
    using x = sg.ones([1, 1, 3, 3], { requiresGrad: true });
    using y = apply(new MaxPool2d({ kernelSize: 2, stride: 1 }), x);
    using gradient = sg.tensor([1, 2, 3, 4], { shape: [1, 1, 2, 2] });
    y.backward({ gradient });
    expect([...(await x.grad!.data())]).toEqual([1, 2, 0, 3, 4, 0, 0, 0, 0]);
  });

  test('without a gradient it keeps no indices', async () => {
    using x = sg.ones([1, 1, 4, 4]);
    const before = sg.memory().arrays;
    using y = apply(new MaxPool2d({ kernelSize: 2 }), x);
    expect(await y.toArray()).toEqual([[[[1, 1], [1, 1]]]]); // prettier-ignore
    expect(sg.memory().arrays).toBe(before + 1);
  });

  test('an empty batch has an empty result', () => {
    using x = sg.zeros([0, 3, 4, 4]);
    using y = apply(new MaxPool2d({ kernelSize: 2 }), x);
    expect(y.shape).toEqual([0, 3, 2, 2]);
  });

  test.each([
    [[3, 4, 4], { kernelSize: 2 }, 'maxPool2d: expected input (N, C, H, W), got (3, 4, 4)'],
    [
      [1, 1, 4, 2],
      { kernelSize: 3 },
      'maxPool2d: expected an input of width 3 or more for kernel 3, dilation 1 and padding 0, got width 2',
    ],
    [
      [1, 1, 4, 4],
      { kernelSize: 2, padding: 2 },
      'maxPool2d: expected padding of at most half a window (2), got 2',
    ],
    [
      [1, 1, 4, 4],
      { kernelSize: 1.5 },
      'maxPool2d: expected kernelSize as an integer of at least 1, got 1.5',
    ],
  ] as [number[], MaxPool2dOptions, string][])('refuses %j with %j', (shape, options, message) => {
    using x = sg.zeros(shape);
    expect(() => apply(new MaxPool2d(options), x)).toThrow(message);
  });
});
