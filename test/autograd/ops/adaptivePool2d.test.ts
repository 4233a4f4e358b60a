import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import type { OutputSize } from '../../../src/autograd/kernels/pool2d.js';
import {
  adaptiveAvgPool2d,
  adaptiveMaxPool2d,
  adaptiveMaxPool2dIndices,
} from '../../reference/pool2d.js';
import { checkOp } from '../../support/checkOp.js';
import { shuffledRange, uniform } from '../../support/random.js';
import { tidyTest } from '../../support/tidyTest.js';

const F = sg.nn.functional;

interface Case {
  name: string;
  shape: number[];
  outputSize: OutputSize;
  /** The same in full, for the reference. */
  size: [number, number];
}

const CASES: Case[] = [
  { name: 'AlexNet: 6 by 6 as it is', shape: [1, 4, 6, 6], outputSize: 6, size: [6, 6] },
  {
    name: 'AlexNet: 7 by 8 to 6 by 6',
    shape: [1, 4, 7, 8],
    outputSize: [6, 6],
    size: [6, 6],
  },
  { name: 'AlexNet: from less', shape: [2, 3, 3, 5], outputSize: [6, 6], size: [6, 6] },
  { name: 'sizes that divide', shape: [2, 3, 12, 18], outputSize: 6, size: [6, 6] },
  { name: 'halves', shape: [2, 3, 14, 14], outputSize: 7, size: [7, 7] },
  { name: 'one axis that divides', shape: [1, 3, 17, 10], outputSize: [7, 5], size: [7, 5] },
  { name: 'sizes that do not', shape: [1, 2, 31, 33], outputSize: [7, 17], size: [7, 17] },
  { name: 'larger than x', shape: [1, 3, 3, 5], outputSize: [4, 7], size: [4, 7] },
  { name: 'a size that stays', shape: [1, 3, 5, 7], outputSize: [null, 2], size: [5, 2] },
  { name: 'both sizes stay', shape: [1, 3, 5, 7], outputSize: null, size: [5, 7] },
  { name: 'one, of small planes', shape: [2, 5, 7, 7], outputSize: 1, size: [1, 1] },
  { name: 'one, of large planes', shape: [2, 3, 65, 33], outputSize: 1, size: [1, 1] },
  { name: 'one, of a very large plane', shape: [1, 1, 257, 263], outputSize: 1, size: [1, 1] },
  { name: 'no batch', shape: [3, 7, 6], outputSize: [2, 4], size: [2, 4] },
  { name: 'no batch, large planes', shape: [3, 31, 17], outputSize: 1, size: [1, 1] },
];

interface Special {
  name: string;
  /** Of all elements but those that are set by their index. */
  base: number;
  set: [number, number][];
  y: number;
  at: number;
}

const numel = (shape: readonly number[]): number => shape.reduce((a, b) => a * b);

describe('adaptiveAvgPool2d', () => {
  test.each(CASES)('$name', ({ shape, outputSize, size }) =>
    checkOp({
      inputs: [{ shape, data: uniform(numel(shape), 7) }],
      op: (x) => F.adaptiveAvgPool2d(x, outputSize),
      reference: (x) => adaptiveAvgPool2d(x, size),
      options: { outputSize },
      step: 0.5, // linear: the difference is exact at any step
      samples: numel(shape) < 2000 ? 64 : 8,
    }),
  );

  test('sums of f16 that are beyond its range', () =>
    checkOp({
      inputs: [{ shape: [1, 2, 64, 64], data: uniform(2 * 64 * 64, 3, 100, 300) }],
      op: (x) => F.adaptiveAvgPool2d(x, 1),
      reference: (x) => adaptiveAvgPool2d(x, [1, 1]),
      step: 0.5,
      samples: 10,
    }));

  // torch.nn.functional.adaptive_avg_pool2d(torch.arange(1., 16).reshape(1, 3, 5), (2, 3))
  test('as in PyTorch', async () => {
    using x = sg.tensor(
      Float32Array.from({ length: 15 }, (_, i) => i + 1),
      { shape: [1, 3, 5] },
    );
    using y = F.adaptiveAvgPool2d(x, [2, 3]);
    expect(await y.toArray()).toEqual([
      [
        [4, 5.5, 7],
        [9, 10.5, 12],
      ],
    ]);
  });
});

describe('adaptiveMaxPool2d', () => {
  test.each(CASES)('$name', async ({ shape, outputSize, size }) => {
    const data = shuffledRange(numel(shape), 7);
    await checkOp({
      // Where there is one gradient among many, it has a test of its own.
      inputs: [{ shape, data, grad: numel(shape) < 500 || outputSize !== 1 }],
      op: (x) => F.adaptiveMaxPool2d(x, outputSize),
      reference: (x) => adaptiveMaxPool2d(x, size),
      options: { outputSize },
      forward: { absolute: 0, relative: 0 },
      step: 0.25,
      samples: 128,
      ...(numel(shape) > 2048 && { f16: false }), // where integers tie
    });
    using x = sg.tensor(data, { shape });
    const [values, indices] = F.adaptiveMaxPool2dWithIndices(x, outputSize);
    const expected = { shape, data: Float64Array.from(data) };
    expect(indices.shape).toEqual(values.shape);
    expect([...(await indices.data())]).toEqual([...adaptiveMaxPool2dIndices(expected, size).data]);
    values.dispose();
    indices.dispose();
  });

  tidyTest('the gradient of a large plane goes to its maximum alone', async () => {
    const data = uniform(2 * 40 * 41, 5);
    data[40 * 41 + 1234] = 2;
    using x = sg.tensor(data, { shape: [2, 1, 40, 41], requiresGrad: true });
    using y = F.adaptiveMaxPool2d(x, 1);
    y.sum().backward();
    const dx = await x.grad!.data();
    expect(dx[40 * 41 + 1234]).toBe(1);
    expect([...dx].reduce((a, b) => a + b)).toBe(2);
  });

  // PyTorch's rules for elements that come in any order: of equals the first, of NaN the last.
  const inf = Infinity;
  const SPECIAL: Special[] = [
    { name: 'all equal', base: 3, set: [], y: 3, at: 0 },
    { name: '-Inf alone', base: -inf, set: [], y: -inf, at: 0 },
    { name: 'a tie', base: 0, set: [[700, 5], [300, 5], [1023, 5]], y: 5, at: 300 }, // prettier-ignore
    { name: 'zeros of both signs', base: -1, set: [[90, -0], [700, 0]], y: 0, at: 90 }, // prettier-ignore
    { name: 'Inf', base: 1, set: [[517, inf]], y: inf, at: 517 },
    { name: 'NaN and Inf', base: 1, set: [[3, inf], [517, NaN]], y: NaN, at: 517 }, // prettier-ignore
    { name: 'several NaN', base: 1, set: [[3, NaN], [900, NaN], [517, NaN]], y: NaN, at: 900 }, // prettier-ignore
    { name: 'the last', base: 1, set: [[1023, 2]], y: 2, at: 1023 },
  ];
  test.each(SPECIAL)('a large plane: $name', async ({ base, set, y, at }) => {
    const data = new Float32Array(2 * 1024).fill(base);
    for (const [i, value] of set) data[1024 + i] = value;
    using x = sg.tensor(data, { shape: [1, 2, 32, 32] });
    const [values, indices] = F.adaptiveMaxPool2dWithIndices(x, 1);
    expect([...(await values.data())].map((value) => value + 0)).toEqual([base, y]);
    expect([...(await indices.data())]).toEqual([0, at]);
    values.dispose();
    indices.dispose();
  });
});

describe.each(['adaptiveAvgPool2d', 'adaptiveMaxPool2d'] as const)('%s', (name) => {
  tidyTest('an empty batch has an empty result and an empty gradient', () => {
    for (const size of [1, 3, 8]) {
      using x = sg.zeros([0, 3, 32, 32], { requiresGrad: true });
      using y = F[name](x, size);
      expect(y.shape).toEqual([0, 3, size, size]);
      y.sum().backward();
      expect(x.grad!.shape).toEqual([0, 3, 32, 32]);
    }
  });

  tidyTest('an output of nothing has a gradient of zeros', async () => {
    using x = sg.ones([1, 2, 3, 4], { requiresGrad: true });
    using y = F[name](x, [0, 2]);
    expect(y.shape).toEqual([1, 2, 0, 2]);
    y.sum().backward();
    expect([...(await x.grad!.data())]).toEqual(new Array(24).fill(0));
  });

  test.each([
    [[4, 4], 2, `${name}: expected input (N, C, H, W) or (C, H, W), got (4, 4)`],
    [[1, 2, 0, 4], 2, `${name}: expected an input without a zero but for N, got (1, 2, 0, 4)`],
    [[1, 2, 4, 4], -1, `${name}: expected outputSize as an integer of at least 0, got -1`],
    [[1, 2, 4, 4], [2, 1.5], `${name}: expected outputSize as an integer of at least 0, got 1.5`],
    [
      [1, 2, 4, 4],
      [1, 2, 3],
      `${name}: expected outputSize as a number or [height, width], got [1,2,3]`,
    ],
    [
      [1, 1, 70000, 1],
      [65537, 1],
      `${name}: expected outputSize that divides the 70000 of the input, or a smaller one, got 65537`,
    ],
  ] as [number[], OutputSize, string][])('refuses %j to %j', (shape, outputSize, message) => {
    using x = sg.zeros(shape);
    expect(() => F[name](x, outputSize)).toThrow(message);
  });

  test('refuses integers', () => {
    using x = sg.ones([1, 1, 4, 4], { dtype: 'i32' });
    expect(() => F[name](x, 2)).toThrow(`${name}: expected input of f32 or f16, got i32`);
  });
});
