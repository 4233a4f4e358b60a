import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import {
  ConvTranspose2d,
  type ConvTranspose2dOptions,
} from '../../../src/autograd/ops/convTranspose2d.js';
import { apply } from '../../../src/tensor/tensor.js';
import {
  convTranspose2d,
  type ConvTranspose2dReferenceOptions,
} from '../../reference/convTranspose2d.js';
import { casesOf } from '../../support/extent.js';
import { withBindingLimit } from '../../support/limits.js';
import { checkOp } from '../../support/checkOp.js';
import { expectClose } from '../../support/compare.js';
import { uniform } from '../../support/random.js';

interface Case {
  name: string;
  x: number[];
  weight: number[];
  options: ConvTranspose2dReferenceOptions;
  bias?: boolean;
}

const CASES: Case[] = [
  { name: 'a stride of 1', x: [2, 3, 5, 7], weight: [3, 5, 3, 3], options: {} },
  {
    name: 'twice the size',
    x: [2, 4, 6, 5],
    weight: [4, 3, 4, 4],
    options: { stride: [2, 2], padding: [1, 1] },
  },
  {
    name: 'outputPadding',
    x: [1, 2, 7, 3],
    weight: [2, 9, 3, 3],
    options: { stride: [2, 3], padding: [1, 0], outputPadding: [1, 2] },
  },
  {
    name: 'outputPadding below the dilation alone',
    x: [1, 2, 4, 5],
    weight: [2, 3, 3, 2],
    options: { dilation: [2, 3], outputPadding: [1, 2] },
  },
  {
    name: 'a stride above the filter: some of the result is bias alone',
    x: [2, 3, 3, 4],
    weight: [3, 2, 2, 1],
    options: { stride: [3, 4], outputPadding: [2, 0] },
  },
  {
    name: 'groups, without bias',
    x: [2, 6, 5, 3],
    weight: [6, 4, 3, 2],
    options: { groups: 2, stride: [1, 2] },
    bias: false,
  },
  {
    name: 'depthwise',
    x: [1, 5, 4, 17],
    weight: [5, 1, 3, 3],
    options: { groups: 5, stride: [2, 2], padding: [1, 1] },
  },
  {
    name: 'all at once',
    x: [1, 6, 5, 4],
    weight: [6, 2, 3, 4],
    options: {
      stride: [2, 3],
      padding: [2, 1],
      outputPadding: [1, 2],
      dilation: [2, 1],
      groups: 3,
    },
  },
  { name: 'one pixel', x: [1, 1, 1, 1], weight: [1, 1, 5, 7], options: {} },
];

describe('convTranspose2d', () => {
  // Of those with groups and those with outputPadding one each.
  const cases = casesOf(
    CASES,
    'a stride of 1',
    'outputPadding',
    'a stride above the filter: some of the result is bias alone',
    'groups, without bias',
    'all at once',
  );
  test.each(cases)('$name', ({ x, weight, options, bias = true }) =>
    checkOp({
      inputs: [x, weight, ...(bias ? [[weight[1]! * (options.groups ?? 1)]] : [])].map(input),
      op: (...inputs) => apply(new ConvTranspose2d(options), ...inputs),
      reference: (a, w, b) => convTranspose2d(a!, w!, b, options),
      // Linear in each input: the difference is exact at any step.
      step: 0.5,
      samples: 30,
      options: options as Record<string, unknown>,
    }),
  );
});

test('takes an image without a batch', () =>
  checkOp({
    inputs: [[3, 4, 5], [3, 2, 3, 3], [2]].map(input),
    op: (x, w, b) => sg.nn.functional.convTranspose2d(x!, w!, b, { stride: 2 }),
    reference: (x, w, b) => {
      const batch = { ...x!, shape: [1, ...x!.shape] };
      const y = convTranspose2d(batch, w!, b, { stride: [2, 2] });
      return { shape: y.shape.slice(1), data: y.data };
    },
    step: 0.5,
    samples: 30,
    options: { unbatched: true },
  }));

test('only the gradients that are asked for are computed', async () => {
  for (const wanted of [0, 1, 2]) {
    const inputs = [[2, 3, 4, 4], [3, 2, 3, 3], [2]].map((shape, i) =>
      sg.tensor(input(shape, i).data, { shape, requiresGrad: i === wanted }),
    );
    const y = apply(new ConvTranspose2d(), ...inputs);
    const gradient = sg.ones(y.shape);
    y.backward({ gradient });
    expect(inputs.map(({ grad }) => grad !== null)).toEqual([0, 1, 2].map((i) => i === wanted));
    if (wanted === 2) expect([...(await inputs[2]!.grad!.data())]).toEqual([72, 72]);
    for (const tensor of [...inputs, y, gradient]) tensor.dispose();
  }
});

test('an empty batch has an empty result and gradients of zero', async () => {
  using x = sg.zeros([0, 3, 5, 5]);
  using weight = sg.ones([3, 2, 2, 2], { requiresGrad: true });
  using bias = sg.ones([2], { requiresGrad: true });
  using y = apply(new ConvTranspose2d({ stride: 3 }), x, weight, bias);
  expect(y.shape).toEqual([0, 2, 14, 14]);
  using gradient = sg.zeros(y.shape);
  y.backward({ gradient });
  expectClose(await weight.grad!.data(), new Float32Array(24));
  expectClose(await bias.grad!.data(), new Float32Array(2));
});

test('a batch above the binding limit is worked on in parts', async () => {
  const run = async (): Promise<ArrayLike<number>[]> => {
    const inputs = [[5, 3, 6, 5], [3, 4, 3, 3], [4]].map((shape, i) =>
      sg.tensor(input(shape, i).data, { shape, requiresGrad: true }),
    );
    const y = apply(new ConvTranspose2d({ stride: 2 }), ...inputs).retain();
    const gradient = sg.tensor(input(y.shape, 9).data, { shape: y.shape });
    y.backward({ gradient });
    const results = [y, ...inputs.map(({ grad }) => grad!)];
    const values = await Promise.all(results.map((tensor) => tensor.data()));
    for (const tensor of [...inputs, y, gradient]) tensor.dispose();
    return values;
  };
  const whole = await run();
  const parts = await withBindingLimit(5000, run);
  for (const [i, values] of parts.entries()) expectClose(values, whole[i]!);
});

describe('convTranspose2d refuses', () => {
  const REFUSED: [
    what: string,
    x: number[],
    weight: number[],
    bias: number[] | null,
    ConvTranspose2dOptions,
    string,
  ][] = [
    [
      'rank 2',
      [8, 8],
      [3, 4, 3, 3],
      null,
      {},
      'convTranspose2d: expected input (N, C, H, W) or (C, H, W), got (8, 8)',
    ],
    [
      'other channels than the weight',
      [1, 4, 8, 8],
      [3, 4, 3, 3],
      null,
      {},
      'convTranspose2d: expected input (N, 3, H, W) for weight (3, 4, 3, 3), got (1, 4, 8, 8)',
    ],
    [
      'groups that do not divide',
      [1, 3, 8, 8],
      [3, 4, 3, 3],
      null,
      { groups: 2 },
      'convTranspose2d: expected groups that divide the 3 channels of the input, got 2',
    ],
    [
      'another length of the bias',
      [1, 4, 8, 8],
      [4, 3, 3, 3],
      [3],
      { groups: 2 },
      'convTranspose2d: expected bias (6,) for weight (4, 3, 3, 3), got (3,)',
    ],
    [
      'outputPadding of a stride',
      [1, 3, 8, 8],
      [3, 4, 3, 3],
      null,
      { stride: 2, outputPadding: 2 },
      'convTranspose2d: expected outputPadding below stride 2 or dilation 1, got 2',
    ],
    [
      'so much padding that nothing is left',
      [1, 3, 2, 8],
      [3, 4, 3, 3],
      null,
      { padding: 2 },
      'convTranspose2d: expected an input whose result has height 1 or more, got height 0 from an input of 2',
    ],
  ];
  test.each(REFUSED)('%s', (_, x, weight, bias, options, message) => {
    const inputs = [x, weight, ...(bias ? [bias] : [])].map((shape) => sg.zeros(shape));
    expect(() => apply(new ConvTranspose2d(options), ...inputs)).toThrow(message);
    for (const tensor of inputs) tensor.dispose();
  });

  test('integers', () => {
    using x = sg.zeros([1, 3, 8, 8], { dtype: 'i32' });
    using weight = sg.zeros([3, 4, 3, 3]);
    expect(() => apply(new ConvTranspose2d(), x, weight)).toThrow(
      'convTranspose2d: expected input of f32 or f16, got i32',
    );
  });
});

function input(
  shape: readonly number[],
  seed: number,
): { shape: readonly number[]; data: Float32Array } {
  return {
    shape,
    data: uniform(
      shape.reduce((a, b) => a * b, 1),
      seed,
    ),
  };
}
