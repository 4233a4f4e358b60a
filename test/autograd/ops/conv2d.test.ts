import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { Conv2d, type Conv2dOptions } from '../../../src/autograd/ops/conv2d.js';
import { apply } from '../../../src/tensor/tensor.js';
import { conv2d } from '../../reference/conv2d.js';
import { checkOp } from '../../support/checkOp.js';
import { expectClose } from '../../support/compare.js';
import {
  ACTIVATIONS as FUSED,
  CASES,
  checkActivation,
  checkCase,
  random,
} from '../../support/convolutions.js';
import { casesOf, unlessAll } from '../../support/extent.js';
import { withBindingLimit } from '../../support/limits.js';
import { ADAPTERS, tuneFor } from '../../support/tuning.js';

/**
 * Of several that compile kernels for another number of taps, filters and pixels a thread, the
 * smallest ones.
 */
const FEW = {
  software: casesOf(
    CASES,
    'LeNet, layer 1',
    'LeNet, layer 2, of a smaller image',
    'rows of padding that are skipped, of eight images',
    'several rows of windows a thread, a filter of one row',
    'groups',
    'dilation and a filter that is not square',
    'stride, dilation and padding that share no factor',
    'a stride that the dilation divides',
    'a stride above the filter: some of x in no window',
    'more taps between the strides than a part has',
    'the same, where dL/dy is read as it is',
    'parts that share a tap',
    'phases of which one has parts that share taps',
    'depthwise',
    'a filter of 1 element',
    'a filter as large as its input, and more taps than a part has',
    'more padding than the filter reaches, values to 1e4',
  ),
  // Fewer pixels a thread, and more slices.
  hardware: casesOf(
    CASES,
    'a filter of five taps in a row, lines of seven, of four images',
    'stride, dilation and padding that share no factor',
    'slices of the weight gradient that go from one image to the next',
    'depthwise',
  ),
};

describe.each(ADAPTERS)('conv2d as tuned for %s', (adapter) => {
  tuneFor(adapter);
  test.each(FEW[adapter])('$name', checkCase);
});

describe('conv2d with an activation', () => {
  test.each(FUSED)('$activation', checkActivation);

  test('relu passes NaN on', async () => {
    using x = sg.tensor([NaN, -1, 2, -Infinity, Infinity], { shape: [1, 1, 1, 5] });
    using weight = sg.ones([1, 1, 1, 1]);
    using y = apply(new Conv2d({ activation: 'relu' }), x, weight);
    expect([...(await y.data())]).toEqual([NaN, 0, 2, 0, Infinity]);
  });
});

test('takes an image without a batch', () =>
  checkOp({
    inputs: [[2, 7, 8], [5, 2, 3, 3], [5]].map((shape, i) => ({ shape, data: random(shape, i) })),
    op: (...inputs) => sg.nn.functional.conv2d(...(inputs as Three), { activation: 'tanh' }),
    reference: (x, w, b) => {
      const { shape, data } = conv2d({ ...x!, shape: [1, ...x!.shape] }, w!, b, {});
      return { shape: shape.slice(1), data: data.map(Math.tanh) };
    },
    options: { unbatched: true },
  }));

describe('Inf and NaN stay in the windows that they are in', () => {
  const windows = [
    { kernel: [1, 7], stride: [1, 1] },
    { kernel: [3, 11], stride: [1, 4] },
    { kernel: [2, 3], stride: [2, 2] },
    { kernel: [3, 4], stride: [1, 1] },
    { kernel: [1, 9], stride: [1, 2] },
    { kernel: [2, 2], stride: [1, 1] },
  ] as const;
  const few = windows.slice(0, unlessAll(3, windows.length));
  test.each(few)('kernel $kernel, stride $stride', async ({ kernel, stride }) => {
    const shape = [1, 1, 5, 41];
    const data = random(shape, 1);
    data[2 * 41 + 13] = Infinity;
    data[3 * 41 + 30] = NaN;
    const weight = { shape: [3, 1, ...kernel], data: random([3, ...kernel], 2) };
    using x = sg.tensor(data, { shape });
    using w = sg.tensor(weight.data, { shape: weight.shape });
    using y = apply(new Conv2d({ stride, padding: 1 }), x, w);
    const expected = conv2d(
      { shape, data: Float64Array.from(data) },
      { shape: weight.shape, data: Float64Array.from(weight.data) },
      undefined,
      { stride, padding: [1, 1] },
    );
    expectClose(await y.data(), expected.data);
  });
});

describe('conv2d in parts, where an array exceeds the binding limit', () => {
  const CASES: [string, number[], number[], Conv2dOptions, number][] = [
    ['one image at a time', [5, 3, 9, 11], [7, 3, 3, 3], { padding: 1 }, 6000],
    ['x and y in parts too, rows of an image', [3, 4, 21, 9], [2, 4, 3, 3], { padding: 1 }, 4096],
    ['stride, activation', [5, 2, 13, 13], [6, 2, 5, 5], { stride: 2, activation: 'tanh' }, 4096],
    ['depthwise', [4, 6, 9, 9], [6, 1, 3, 3], { groups: 6, padding: 1 }, 3000],
  ];
  // The last is one image at a time too.
  test.each(unlessAll(CASES.slice(1), CASES))('%s', async (...given) => {
    const [, xShape, weightShape, options, limit] = given;
    const shapes = [xShape, weightShape, [weightShape[0]!]];
    const run = async (): Promise<Float32Array[]> => {
      const inputs = shapes.map((shape, i) =>
        sg.tensor(random(shape, i + 1), { shape, requiresGrad: true }),
      );
      const y = apply(new Conv2d(options), ...inputs).retain();
      const gradient = sg.tensor(random(y.shape, 9), { shape: y.shape });
      y.backward({ gradient });
      const results = [y, ...inputs.map(({ grad }) => grad!)];
      const values = await Promise.all(results.map((tensor) => tensor.data()));
      for (const tensor of [...inputs, y, gradient]) tensor.dispose();
      return values as Float32Array[];
    };
    const whole = await run();
    const parts = await withBindingLimit(limit, run);
    expect(parts[0]).toEqual(whole[0]); // each sum is still that of one thread
    expect(parts[1]).toEqual(whole[1]);
    expectClose(parts[2]!, whole[2]!);
    expectClose(parts[3]!, whole[3]!);
  });
});

test('the bias gradient alone is in parts too', async () => {
  using x = sg.ones([6, 2, 9, 9]);
  using weight = sg.ones([3, 2, 1, 1]);
  using bias = sg.zeros([3], { requiresGrad: true });
  await withBindingLimit(4000, () => {
    using y = apply(new Conv2d(), x, weight, bias);
    using gradient = sg.ones(y.shape);
    y.backward({ gradient });
  });
  expect([...(await bias.grad!.data())]).toEqual([486, 486, 486]);
});

const ACTIVATIONS = [undefined, 'sigmoid'] as const;
test.each(ACTIVATIONS)('only the gradients asked for, with activation %s', async (activation) => {
  const shapes = [[1, 2, 5, 5], [3, 2, 3, 3], [3]];
  const run = async (wanted: readonly boolean[]): Promise<(number[] | null)[]> => {
    const inputs = shapes.map((shape, i) =>
      sg.tensor(random(shape, i), { shape, requiresGrad: wanted[i] }),
    );
    const y = apply(new Conv2d({ activation }), ...inputs);
    const gradient = sg.ones(y.shape);
    y.backward({ gradient });
    const gradients: (number[] | null)[] = [];
    for (const { grad } of inputs) gradients.push(grad && [...(await grad.data())]);
    for (const tensor of [...inputs, y, gradient]) tensor.dispose();
    return gradients;
  };
  const all = await run([true, true, true]);
  for (const wanted of [0, 1, 2].map((only) => [0, 1, 2].map((i) => i === only))) {
    for (const [i, gradient] of (await run(wanted)).entries()) {
      if (wanted[i]) expectClose(gradient!, all[i]!);
      else expect(gradient).toBeNull();
    }
  }
});

test('the same bits, run after run, however many slices the weight gradient has', async () => {
  const shape = [unlessAll(4, 16), 1, 28, 28];
  using x = sg.tensor(random(shape, 1), { shape });
  const run = async (): Promise<number[]> => {
    using weight = sg.tensor(random([6, 1, 5, 5], 2), { shape: [6, 1, 5, 5], requiresGrad: true });
    using y = apply(new Conv2d(), x, weight);
    using gradient = sg.ones(y.shape);
    y.backward({ gradient });
    return [...(await weight.grad!.data())];
  };
  const first = await run();
  expect(await run()).toEqual(first);
});

describe('more slices of the weight gradient than a workgroup has threads', () => {
  tuneFor('hardware');
  test('are all added up', () =>
    checkCase({
      name: 'slices',
      x: [3, 1, 28, 28],
      weight: [6, 1, 5, 5],
      options: { padding: 2 },
      same: { padding: [2, 2] },
    }));
});

test('an empty batch has an empty result and gradients of zero', async () => {
  using x = sg.zeros([0, 2, 5, 5]);
  using weight = sg.tensor(random([3, 2, 3, 3], 1), { shape: [3, 2, 3, 3], requiresGrad: true });
  using bias = sg.ones([3], { requiresGrad: true });
  using y = apply(new Conv2d(), x, weight, bias);
  expect(y.shape).toEqual([0, 3, 3, 3]);
  using gradient = sg.zeros([0, 3, 3, 3]);
  y.backward({ gradient });
  expectClose(await weight.grad!.data(), new Float32Array(54));
  expectClose(await bias.grad!.data(), new Float32Array(3));
});

describe('conv2d refuses', () => {
  const REFUSED: [
    what: string,
    x: number[],
    weight: number[],
    bias: number[] | null,
    Conv2dOptions,
    string,
  ][] = [
    [
      'an image without channels',
      [8, 8],
      [4, 3, 3, 3],
      null,
      {},
      'conv2d: expected input (N, C, H, W) or (C, H, W), got (8, 8)',
    ],
    [
      'a weight of rank 2',
      [1, 3, 8, 8],
      [4, 3],
      null,
      {},
      'conv2d: expected weight (K, C / groups, kH, kW), got (4, 3)',
    ],
    [
      'a weight without elements',
      [1, 3, 8, 8],
      [0, 3, 3, 3],
      null,
      {},
      'conv2d: expected weight (K, C / groups, kH, kW) without a zero, got (0, 3, 3, 3)',
    ],
    [
      'other channels than the weight',
      [1, 3, 8, 8],
      [4, 1, 3, 3],
      null,
      {},
      'conv2d: expected input (N, 1, H, W) for weight (4, 1, 3, 3) and groups 1, got (1, 3, 8, 8)',
    ],
    [
      'groups that do not divide',
      [1, 3, 8, 8],
      [4, 1, 3, 3],
      null,
      { groups: 2 },
      'conv2d: expected groups that divide the 3 channels of the input, got 2',
    ],
    [
      'groups that do not divide the filters',
      [1, 4, 8, 8],
      [3, 2, 3, 3],
      null,
      { groups: 2 },
      'conv2d: expected groups that divide the 3 filters, got 2',
    ],
    [
      'padding with other values than zeros',
      [1, 3, 8, 8],
      [4, 3, 3, 3],
      null,
      { paddingMode: 'reflect' as 'zeros' },
      "conv2d: expected paddingMode 'zeros', got 'reflect'. Pad the input beforehand.",
    ],
    [
      'groups of 0',
      [1, 3, 8, 8],
      [4, 3, 3, 3],
      null,
      { groups: 0 },
      'conv2d: expected groups as an integer of at least 1, got 0',
    ],
    [
      'another length of the bias',
      [1, 3, 8, 8],
      [4, 3, 3, 3],
      [3],
      {},
      'conv2d: expected bias (4,) for weight (4, 3, 3, 3), got (3,)',
    ],
    [
      'a filter above its input',
      [1, 3, 8, 4],
      [4, 3, 3, 3],
      null,
      { dilation: 2 },
      'conv2d: expected an input of width 5 or more for kernel 3, dilation 2 and padding 0, got width 4',
    ],
    [
      'a stride of 0',
      [1, 3, 8, 8],
      [4, 3, 3, 3],
      null,
      { stride: [1, 0] },
      'conv2d: expected stride as an integer of at least 1, got 0',
    ],
    [
      'a padding below 0',
      [1, 3, 8, 8],
      [4, 3, 3, 3],
      null,
      { padding: -1 },
      'conv2d: expected padding as an integer of at least 0, got -1',
    ],
    [
      "a stride with 'same'",
      [1, 3, 8, 8],
      [4, 3, 3, 3],
      null,
      { padding: 'same', stride: 2 },
      "conv2d: expected stride 1 with padding 'same', got [2, 2]",
    ],
  ];
  test.each(REFUSED)('%s', (_, x, weight, bias, options, message) => {
    const inputs = [x, weight, ...(bias ? [bias] : [])].map((shape) => sg.zeros(shape));
    expect(() => apply(new Conv2d(options), ...inputs)).toThrow(message);
    for (const tensor of inputs) tensor.dispose();
  });

  test('integers', () => {
    using x = sg.zeros([1, 3, 8, 8]);
    using weight = sg.tensor(new Int32Array(4 * 3 * 9), { shape: [4, 3, 3, 3] });
    expect(() => apply(new Conv2d(), x, weight)).toThrow(
      'conv2d: expected weight of f32 or f16, got i32',
    );
  });

  test('an unknown activation', () => {
    using x = sg.zeros([1, 3, 8, 8]);
    using weight = sg.zeros([4, 3, 3, 3]);
    const options = { activation: 'gelu' } as unknown as Conv2dOptions;
    expect(() => apply(new Conv2d(options), x, weight)).toThrow(
      "conv2d: expected activation 'relu', 'sigmoid' or 'tanh', got gelu",
    );
  });
});

type Three = [sg.Tensor, sg.Tensor, sg.Tensor];
