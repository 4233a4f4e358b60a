/** Geometries of convolutions that every kernel for them is tested on. */
import type { Conv2dOptions } from '../../src/autograd/ops/conv2d.js';
import { Conv2d } from '../../src/autograd/ops/conv2d.js';
import { apply } from '../../src/tensor/tensor.js';
import { conv2d, type Conv2dReferenceOptions } from '../reference/conv2d.js';
import { checkOp, type OpCheck } from './checkOp.js';
import { ALL, unlessAll } from './extent.js';
import { uniform } from './random.js';

export interface Case {
  name: string;
  x: number[];
  weight: number[];
  options: Conv2dOptions;
  /** The same in full, for the reference. */
  same: Conv2dReferenceOptions;
  bias?: boolean;
  /** Largest magnitude in x. Default 1. */
  high?: number;
}

export const CASES: Case[] = [
  {
    name: 'LeNet, layer 1',
    x: [2, 1, 28, 28],
    weight: [6, 1, 5, 5],
    options: { padding: 2 },
    same: { padding: [2, 2] },
  },
  {
    name: 'LeNet, layer 2',
    x: [1, 6, 14, 14],
    weight: [16, 6, 5, 5],
    options: {},
    same: {},
  },
  {
    name: 'LeNet, layer 2, of a smaller image',
    x: [2, 6, 5, 14], // so that the samples of its gradient meet every column
    weight: [16, 6, 5, 5],
    options: {},
    same: {},
  },
  {
    name: 'LeNet, layer 2, of four images',
    x: [4, 6, 14, 14],
    weight: [16, 6, 5, 5],
    options: {},
    same: {},
  },
  {
    name: 'a filter of five taps in a row, lines of seven, of four images',
    x: [4, 2, 6, 11],
    weight: [9, 2, 2, 5],
    options: { padding: [1, 0] },
    same: { padding: [1, 0] },
  },
  {
    name: 'rows of padding that are skipped, of eight images',
    x: [8, 3, 5, 9],
    weight: [7, 3, 3, 3],
    options: { stride: [2, 1], dilation: [3, 1], padding: [4, 1] },
    same: { stride: [2, 1], dilation: [3, 1], padding: [4, 1] },
  },
  {
    name: 'several rows of windows a thread',
    x: [68, 3, 13, 6],
    weight: [6, 3, 3, 3],
    options: { padding: 1 },
    same: { padding: [1, 1] },
  },
  {
    name: 'several rows of windows a thread, a filter of one row',
    x: [68, 3, 13, 6],
    weight: [1, 3, 1, 3],
    options: { padding: [0, 1] },
    same: { padding: [0, 1] },
  },
  {
    name: 'AlexNet, layer 1, of a smaller image',
    x: [1, 3, 47, 47],
    weight: [9, 3, 11, 11],
    options: { stride: 4, padding: 2 },
    same: { stride: [4, 4], padding: [2, 2] },
  },
  {
    name: 'AlexNet, layer 3, with fewer channels',
    x: [1, 5, 13, 13],
    weight: [10, 5, 3, 3],
    options: { padding: 1 },
    same: { padding: [1, 1] },
    bias: false,
  },
  {
    name: 'groups',
    x: [3, 6, 7, 17],
    weight: [14, 3, 3, 3],
    options: { padding: [0, 1], groups: 2 },
    same: { padding: [0, 1], groups: 2 },
  },
  {
    name: 'depthwise, two filters a channel',
    x: [1, 3, 5, 31],
    weight: [6, 1, 3, 3],
    options: { padding: 1, groups: 3 },
    same: { padding: [1, 1], groups: 3 },
  },
  {
    name: 'dilation and a filter that is not square',
    x: [1, 2, 9, 33],
    weight: [3, 2, 2, 3],
    options: { dilation: [3, 2] },
    same: { dilation: [3, 2] },
  },
  {
    name: 'stride, dilation and padding that share no factor',
    x: [2, 3, 17, 13],
    weight: [5, 3, 3, 2],
    options: { stride: [2, 3], dilation: [3, 2], padding: [3, 1] },
    same: { stride: [2, 3], dilation: [3, 2], padding: [3, 1] },
  },
  {
    name: 'a stride that the dilation divides',
    x: [1, 2, 12, 23],
    weight: [3, 2, 3, 5],
    options: { stride: 4, dilation: 2, padding: 3 },
    same: { stride: [4, 4], dilation: [2, 2], padding: [3, 3] },
  },
  {
    name: 'a stride above the filter: some of x in no window',
    x: [1, 3, 7, 8],
    weight: [2, 3, 2, 1],
    options: { stride: 3 },
    same: { stride: [3, 3] },
  },
  {
    name: 'more taps between the strides than a part has',
    x: [1, 2, 3, 31],
    weight: [3, 2, 2, 12],
    options: { stride: [1, 2] },
    same: { stride: [1, 2] },
  },
  {
    name: 'slices of the weight gradient that go from one image to the next',
    x: [11, 12, 4, 4],
    weight: [17, 12, 2, 2],
    options: {},
    same: {},
  },
  {
    name: 'the same, where dL/dy is read as it is',
    x: [11, 12, 4, 5],
    weight: [17, 12, 2, 2],
    options: {},
    same: {},
  },
  {
    name: 'parts that share a tap',
    x: [1, 2, 9, 17],
    weight: [7, 2, 1, 7],
    options: { padding: [0, 3] },
    same: { padding: [0, 3] },
  },
  {
    name: 'phases of which one has parts that share taps',
    x: [1, 1, 3, 33],
    weight: [5, 1, 1, 13],
    options: { stride: [1, 2] },
    same: { stride: [1, 2] },
  },
  {
    name: 'taps by twos and fours, phases with a tap less',
    x: [2, 3, 15, 13],
    weight: [9, 3, 4, 3],
    options: { stride: [1, 2], padding: [0, 1] },
    same: { stride: [1, 2], padding: [0, 1] },
  },
  {
    name: 'four taps in a row',
    x: [1, 3, 5, 65],
    weight: [3, 3, 2, 4],
    options: { padding: 1 },
    same: { padding: [1, 1] },
  },
  {
    name: 'depthwise',
    x: [2, 5, 7, 9],
    weight: [5, 1, 3, 3],
    options: { padding: 1, groups: 5, stride: 2 },
    same: { padding: [1, 1], groups: 5, stride: [2, 2] },
  },
  {
    name: "padding 'same', uneven",
    x: [1, 2, 9, 8],
    weight: [3, 2, 2, 4],
    options: { padding: 'same' },
    same: { padding: [0, 1], paddingEnd: [1, 2] },
  },
  {
    name: 'a filter of 1 element',
    x: [3, 9, 3, 5],
    weight: [7, 9, 1, 1],
    options: { padding: 'valid' },
    same: {},
  },
  {
    name: 'a filter as large as its input, and more taps than a part has',
    x: [2, 1, 5, 7],
    weight: [4, 1, 5, 7],
    options: {},
    same: {},
  },
  {
    name: 'more padding than the filter reaches, values to 1e4',
    x: [1, 1, 1, 1],
    weight: [1, 1, 1, 3],
    options: { padding: [2, 4] },
    same: { padding: [2, 4] },
    high: 1e4,
  },
];

/** Those above of which the reference in float64 does not take long. */
export const SMALL: Case[] = CASES.filter(
  ({ name }) =>
    ![
      'LeNet, layer 1',
      'LeNet, layer 2',
      'LeNet, layer 2, of four images',
      'several rows of windows a thread',
      'several rows of windows a thread, a filter of one row',
      'AlexNet, layer 1, of a smaller image',
    ].includes(name),
);

/** Forward and all gradients against the reference. */
export function checkCase({
  x,
  weight,
  options,
  same,
  bias = true,
  high = 1,
}: Case): Promise<void> {
  return checkOp({
    inputs: [
      { shape: x, data: random(x, 1, high) },
      { shape: weight, data: random(weight, 2) },
      ...(bias ? [{ shape: [weight[0]!], data: random([weight[0]!], 3) }] : []),
    ],
    options: options as Record<string, unknown>,
    op: (...inputs) => apply(new Conv2d(options), ...inputs),
    reference: (...[input, w, b]) => conv2d(input!, w!, b, same),
    // Linear in each input: the difference is exact at any step.
    step: 0.5,
    samples: 31, // which has no factor in common with the taps
  });
}

/** Activations in the same kernel. */
export const ACTIVATIONS = [
  // A step of the check crosses the kink of relu only where a sum is within it: nowhere here.
  { activation: 'relu', f: (x: number) => Math.max(x, 0) },
  { activation: 'sigmoid', f: (x: number) => 1 / (1 + Math.exp(-x)) },
  { activation: 'tanh', f: Math.tanh },
] as const;

export async function checkActivation({
  activation,
  f,
  forward,
}: (typeof ACTIVATIONS)[number] & Pick<OpCheck, 'forward'>): Promise<void> {
  const small = { stride: [2, 2], padding: [1, 1] } as const;
  await checkWith([2, 1, 7, 8], [5, 1, 3, 3], small);
  // Both gradients read the same lines of dL/dy.
  if (ALL || activation === 'sigmoid')
    await checkWith([4, 3, unlessAll(7, 11), 12], [6, 3, 5, 5], {});

  function checkWith(x: number[], weight: number[], same: Conv2dReferenceOptions): Promise<void> {
    const shapes = [x, weight, [weight[0]!]];
    const { stride, padding } = same;
    return checkOp({
      inputs: shapes.map((shape, i) => ({ shape, data: random(shape, 4 + i) })),
      op: (...inputs) => apply(new Conv2d({ activation, stride, padding }), ...inputs),
      reference: (...inputs) => {
        const { shape, data } = conv2d(inputs[0]!, inputs[1]!, inputs[2], same);
        return { shape, data: data.map(f) };
      },
      samples: 24,
      options: { activation },
      forward,
    });
  }
}

/** Values from -high to high. */
export function random(shape: readonly number[], seed: number, high = 1): Float32Array {
  return uniform(
    shape.reduce((a, b) => a * b, 1),
    seed,
    -high,
    high,
  );
}
