import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import type { MaxPool2dOptions } from '../../../src/autograd/ops/maxPool2d.js';
import { maxPool2d, maxPool2dIndices } from '../../reference/pool2d.js';
import { currentDevice } from '../../../src/gpu/device.js';
import { checkOp } from '../../support/checkOp.js';
import { shuffledRange } from '../../support/random.js';
import { tidyTest } from '../../support/tidyTest.js';
import { ADAPTERS, tuneFor } from '../../support/tuning.js';

const F = sg.nn.functional;

interface Case {
  name: string;
  shape: number[];
  options: MaxPool2dOptions;
}

const LARGE = 'one large window to each plane';

const CASES: Case[] = [
  { name: 'LeNet: windows side by side', shape: [2, 6, 28, 28], options: { kernelSize: 2 } },
  { name: 'LeNet: the second', shape: [2, 16, 10, 10], options: { kernelSize: 2 } },
  {
    name: 'side by side, with rows and columns left over',
    shape: [1, 3, 5, 17],
    options: { kernelSize: [2, 3] },
  },
  {
    name: 'side by side, hanging over the end',
    shape: [2, 1, 5, 7],
    options: { kernelSize: 3, ceilMode: true },
  },
  { name: 'AlexNet: the first', shape: [1, 3, 55, 55], options: { kernelSize: 3, stride: 2 } },
  { name: 'AlexNet: the second', shape: [1, 5, 27, 27], options: { kernelSize: 3, stride: 2 } },
  { name: 'AlexNet: the third', shape: [2, 5, 13, 13], options: { kernelSize: 3, stride: 2 } },
  {
    name: 'padding',
    shape: [1, 2, 7, 7],
    options: { kernelSize: [2, 3], stride: 1, padding: 1 },
  },
  {
    name: 'some of x in no window',
    shape: [1, 1, 7, 8],
    options: { kernelSize: 2, stride: 3 },
  },
  {
    name: 'dilation, and windows that hang over the end',
    shape: [1, 1, 9, 10],
    options: { kernelSize: 2, stride: 2, dilation: [3, 2], padding: 1, ceilMode: true },
  },
  {
    name: 'ceilMode, no window that begins in the padding at the end',
    shape: [1, 1, 5, 6],
    options: { kernelSize: 2, stride: 3, padding: 1, ceilMode: true },
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
    name: 'same, dilation',
    shape: [1, 2, 7, 9],
    options: { kernelSize: 3, stride: 2, dilation: 2, padding: 'same' },
  },
  {
    name: 'same, stride beyond the kernel',
    shape: [1, 2, 7, 8],
    options: { kernelSize: 1, stride: [3, 2], padding: 'same' },
  },
  {
    name: LARGE,
    shape: [2, 3, 33, 65],
    options: { kernelSize: [33, 65] },
  },
  { name: 'no batch', shape: [3, 7, 6], options: { kernelSize: 3, stride: 2 } },
  { name: 'one element', shape: [1, 1, 1, 1], options: { kernelSize: 1 } },
];

const pooled = (x: sg.Tensor, { kernelSize, ...rest }: MaxPool2dOptions): sg.Tensor =>
  F.maxPool2d(x, kernelSize, rest);

describe.each(ADAPTERS)('maxPool2d, tuned for %s', (adapter) => {
  tuneFor(adapter);

  test.each(CASES)('$name', async ({ name, shape, options }) => {
    const count = shape.reduce((a, b) => a * b);
    const { kernelSize, ...named } = options;
    // Values differ by 1 or more, so that a step of the check never crosses a tie. In f16 integers
    // beyond 2048 do tie.
    const data = shuffledRange(count, 7);
    await checkOp({
      inputs: [{ shape, data, grad: name !== LARGE }], // which has a test of its own
      op: (x) => pooled(x, options),
      reference: (x) => maxPool2d(x, options),
      options: named,
      forward: { absolute: 0, relative: 0 },
      step: 0.25,
      samples: count < 2000 ? 200 : 30,
      ...(count > 2048 && { f16: false }),
    });
    using x = sg.tensor(data, { shape });
    const [values, indices] = F.maxPool2dWithIndices(x, kernelSize, named);
    const expected = { shape, data: Float64Array.from(data) };
    expect(indices.dtype).toBe('i32');
    expect(indices.shape).toEqual(values.shape);
    expect([...(await indices.data())]).toEqual([...maxPool2dIndices(expected, options).data]);
    expect([...(await values.data())]).toEqual([...maxPool2d(expected, options).data]);
    values.dispose();
    indices.dispose();
  });
});

describe('maxPool2d', () => {
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
    { name: 'values of 1e4', x: [-1e4, 9984, 1e4, 9992], y: 1e4, dx: [0, 0, 1, 0] },
  ];
  test.each(SPECIAL)('$name', async ({ x: data, y: expected, dx }) => {
    const run = async (dtype: 'f32' | 'f16'): Promise<void> => {
      using x = sg.tensor(data, { shape: [1, 1, 2, 2], requiresGrad: true, dtype });
      using y = F.maxPool2d(x, 2).retain();
      expect(await y.item()).toBe(expected);
      using gradient = sg.ones([1, 1, 1, 1], { dtype });
      y.backward({ gradient });
      expect([...(await x.grad!.data())]).toEqual(dx);
    };
    await run('f32');
    if (currentDevice().hasF16) await run('f16');
  });

  test('a tie between overlapping windows goes to the first of each', async () => {
    using x = sg.ones([1, 1, 3, 3], { requiresGrad: true });
    using y = F.maxPool2d(x, 2, { stride: 1 });
    using gradient = sg.tensor([1, 2, 3, 4], { shape: [1, 1, 2, 2] });
    y.backward({ gradient });
    expect([...(await x.grad!.data())]).toEqual([1, 2, 0, 3, 4, 0, 0, 0, 0]);
  });

  test('without a gradient it keeps no indices', async () => {
    using x = sg.ones([1, 1, 4, 4]);
    const before = sg.memory().arrays;
    using y = F.maxPool2d(x, 2);
    expect(await y.toArray()).toEqual([[[[1, 1], [1, 1]]]]); // prettier-ignore
    expect(sg.memory().arrays).toBe(before + 1);
  });

  tidyTest('an empty batch has an empty result and an empty gradient', () => {
    using x = sg.zeros([0, 3, 4, 4], { requiresGrad: true });
    using y = F.maxPool2d(x, 2);
    expect(y.shape).toEqual([0, 3, 2, 2]);
    y.sum().backward();
    expect(x.grad!.shape).toEqual([0, 3, 4, 4]);
    const [, indices] = F.maxPool2dWithIndices(x, 2);
    expect(indices.shape).toEqual([0, 3, 2, 2]);
  });

  // torch.nn.functional.max_pool2d(arange(1, 10), (1, 2), 1, padding=(0, 1), dilation=(1, 4)) has
  // -inf there; its indices point outside of the plane.
  tidyTest(
    'a window that dilation leaves empty is -Inf, with index -1 and no gradient',
    async () => {
      using x = sg.tensor([1, 2, 3, 4, 5, 6, 7, 8, 9], { shape: [1, 3, 3], requiresGrad: true });
      const options = { stride: 1, padding: [0, 1], dilation: [1, 4] } as const;
      const [values, indices] = F.maxPool2dWithIndices(x, [1, 2], options);
      values.retain();
      expect([...(await values.data())]).toEqual([-inf, -inf, -inf]);
      expect([...(await indices.data())]).toEqual([-1, -1, -1]);
      using gradient = sg.ones([1, 3, 1]);
      values.backward({ gradient });
      expect((await x.grad!.data()).every((value) => value === 0)).toBe(true);
      values.dispose();
    },
  );

  // torch.nn.functional.max_pool2d(arange(1, 9).reshape(1, 2, 4), 2, 3, 1, ceil_mode=True)
  tidyTest('ceilMode and indices as in PyTorch', async () => {
    using x = sg.arange(1, 9).reshape([1, 2, 4]);
    const options = { stride: 3, padding: 1, ceilMode: true };
    const [values, indices] = F.maxPool2dWithIndices(x, 2, options);
    expect(await values.toArray()).toEqual([[[1, 4]]]);
    expect(await indices.toArray()).toEqual([[[0, 3]]]);
  });

  tidyTest('indices live as long as the step that they are of', async () => {
    using x = sg.ones([1, 1, 4, 4], { requiresGrad: true });
    using other = sg.ones([1], { requiresGrad: true });
    const [values, indices] = F.maxPool2dWithIndices(x, 2);
    values.sum().backward();
    expect([...(await indices.data())]).toEqual([0, 2, 8, 10]);
    other.mul(2).sum().backward(); // the next step
    expect(indices.isFreed).toBe(true);
  });

  test.each([
    [[4, 4], { kernelSize: 2 }, 'maxPool2d: expected input (N, C, H, W) or (C, H, W), got (4, 4)'],
    [
      [2, 0, 4, 4],
      { kernelSize: 2 },
      'maxPool2d: expected an input without a zero but for N, got (2, 0, 4, 4). Only a batch may be empty.',
    ],
    [
      [1, 1, 4, 1],
      { kernelSize: 3, stride: 2, ceilMode: true },
      'maxPool2d: expected an input of width 2 or more for kernel 3, dilation 1 and padding 0, got width 1',
    ],
    [
      [1, 1, 4, 4],
      { kernelSize: 2, padding: 'valid' },
      'maxPool2d: expected padding as a number or [height, width], got "valid"',
    ],
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
  ] as unknown as [number[], MaxPool2dOptions, string][])(
    'refuses %j with %j',
    (shape, options, message) => {
      using x = sg.zeros(shape);
      expect(() => pooled(x, options)).toThrow(message);
    },
  );

  test('refuses integers', () => {
    using x = sg.ones([1, 1, 4, 4], { dtype: 'i32' });
    expect(() => F.maxPool2d(x, 2)).toThrow('maxPool2d: expected input of f32 or f16, got i32');
  });
});
