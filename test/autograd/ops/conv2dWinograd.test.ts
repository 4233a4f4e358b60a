/** The kernels of minimal filtering, on filters of 3x3 and 5x5. */
import * as sg from 'shadegrad';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  CONVOLUTION_WEIGHT_GRADIENT,
  CONVOLVE,
  type ConvProblem,
} from '../../../src/autograd/kernels/convolution.js';
import type { Axis } from '../../../src/autograd/kernels/geometry.js';
import { Conv2d } from '../../../src/autograd/ops/conv2d.js';
import { ConvTranspose2d } from '../../../src/autograd/ops/convTranspose2d.js';
import { currentDevice } from '../../../src/gpu/device.js';
import { apply } from '../../../src/tensor/tensor.js';
import { conv2d } from '../../reference/conv2d.js';
import { expectClose } from '../../support/compare.js';
import {
  ACTIVATIONS,
  checkActivation,
  checkCase,
  random,
  type Case,
} from '../../support/convolutions.js';
import {
  checkOneGradient,
  forceConvolutions,
  GRADIENTS,
} from '../../support/convolutionVariants.js';
import { unlessAll } from '../../support/extent.js';
import { relativeError } from '../../support/results.js';

const VARIANTS = ['winograd2', 'winograd4'] as const;

afterEach(() => currentDevice().choices.forced.clear());

function caseOf(
  name: string,
  x: number[],
  weight: number[],
  padding: [number, number],
  { groups = 1, ...rest }: Pick<Case, 'bias' | 'high'> & { groups?: number } = {},
): Case {
  const options = { padding, groups };
  return { name, x, weight, options, same: options, ...rest };
}

const CASES: Case[] = [
  caseOf('AlexNet, layer 3, with fewer channels', [1, 8, 13, 13], [12, 8, 3, 3], [1, 1]),
  caseOf('AlexNet, layer 2, of a smaller image', [1, 4, 17, 17], [6, 4, 5, 5], [2, 2]),
  caseOf('odd channels, no bias', [2, 3, 5, 7], [5, 3, 3, 3], [0, 0], { bias: false }),
  caseOf('odd channels, 5x5', [1, 5, 17, 7], [3, 5, 5, 5], [1, 3]),
  caseOf('channels of more than one block', [2, 33, 4, 5], [16, 33, 3, 3], [1, 1]),
  caseOf('an image of one pixel', [3, 1, 1, 1], [1, 1, 3, 3], [1, 1]),
  caseOf('an image of one pixel, 5x5', [1, 3, 1, 1], [5, 3, 5, 5], [2, 2]),
  caseOf('padding as wide as the filter', [1, 2, 3, 4], [2, 2, 3, 3], [3, 2]),
  caseOf('padding wider than the filter', [1, 1, 2, 5], [2, 1, 5, 5], [4, 6]),
  caseOf('groups', [2, 6, 8, 5], [4, 3, 3, 3], [1, 0], { groups: 2 }),
  caseOf('depthwise', [1, 5, 6, 9], [5, 1, 5, 5], [2, 2], { groups: 5 }),
  caseOf('values to 1e4', [1, 1, 3, 3], [4, 1, 3, 3], [1, 1], { high: 1e4 }),
  {
    name: "padding 'same' of an input without it at the end",
    x: [1, 2, 4, 6],
    weight: [3, 2, 3, 3],
    options: { padding: 'same' },
    same: { padding: [1, 1] },
  },
];

describe.each(VARIANTS)('conv2d by %s', (variant) => {
  beforeEach(() => forceConvolutions(variant));
  test.each(CASES)('$name', checkCase);
  // Sums of 75 products of up to 1: the largest error was 1.2e-5.
  const forward = { absolute: 1e-5, relative: 3e-5 };
  const activations = ACTIVATIONS.map((activation) => ({ ...activation, forward }));
  const few = activations.filter(({ activation }) => activation === 'sigmoid');
  test.each(unlessAll(few, activations))('$activation', checkActivation);
});

/** Results and gradients of an op by a variant. */
async function resultsOf(
  variant: string,
  op: Conv2d | ConvTranspose2d,
  shapes: number[][],
): Promise<Float32Array[]> {
  forceConvolutions(variant);
  const inputs = shapes.map((shape, i) =>
    sg.tensor(random(shape, i + 1), { shape, requiresGrad: true }),
  );
  const y = apply(op, ...inputs).retain();
  const gradient = sg.tensor(random(y.shape, 9), { shape: y.shape });
  y.backward({ gradient });
  const results = [y, ...inputs.map(({ grad }) => grad!)];
  const values = await Promise.all(results.map((tensor) => tensor.data()));
  for (const tensor of [...inputs, y, gradient]) tensor.dispose();
  return values as Float32Array[];
}

describe.each(VARIANTS)('%s agrees with the direct kernels', (variant) => {
  test.each(unlessAll([3], [3, 5]))('on a transposed convolution, %i', async (kernel) => {
    const shapes = [[2, 6, 5, 7], [6, 4, kernel, kernel], [8]];
    const op = (): ConvTranspose2d => new ConvTranspose2d({ padding: [0, 1], groups: 2 });
    const expected = await resultsOf('direct', op(), shapes);
    const got = await resultsOf(variant, op(), shapes);
    got.forEach((values, i) => expectClose(values, expected[i]!));
  });

  test.each(GRADIENTS)('on the gradient of %s alone', (_, only) => checkOneGradient(only, variant));

  test('as to an empty batch: gradients are zero', async () => {
    const [, , dW, dB] = await resultsOf(variant, new Conv2d(), [[0, 2, 5, 5], [3, 2, 3, 3], [3]]);
    expectClose(dW!, new Float32Array(54));
    expectClose(dB!, new Float32Array(3));
  });

  test('and its bits are the same run after run', async () => {
    const shapes = [[2, 9, 9, 7], [7, 9, 3, 3], [7]];
    const first = await resultsOf(variant, new Conv2d({ padding: 1 }), shapes);
    expect(await resultsOf(variant, new Conv2d({ padding: 1 }), shapes)).toEqual(first);
  });

  // Measured: 3e-7 and 1.3e-6 (3x3), 9e-7 and 2.3e-6 (5x5); 1.0e-6 by the direct kernels.
  test.each([
    [3, [1, 192, 13, 13]],
    [5, [1, 64, 27, 27]],
  ])('on the channels of AlexNet, filters of %i, to some digits less', async (kernel, x) => {
    const weight = [4, x[1]!, kernel, kernel];
    const padding = (kernel - 1) / 2;
    const shapes = [x, weight, [4]];
    const [y] = await resultsOf(variant, new Conv2d({ padding }), shapes);
    const [input, w, b] = shapes.map((shape, i) => ({
      shape,
      data: Float64Array.from(random(shape, i + 1)),
    }));
    const expected = conv2d(input!, w!, b, { padding: [padding, padding] });
    expect(relativeError(y!, expected.data)).toBeLessThan(1e-5);
  });

  test('and Inf and NaN reach no tile that they are not in', async () => {
    forceConvolutions(variant);
    const size = 13;
    const data = random([1, 2, size, size], 1);
    data[0] = Infinity; // the corner of the first tile
    data[data.length - 1] = NaN; // and of the last one, of the other channel
    using x = sg.tensor(data, { shape: [1, 2, size, size] });
    using weight = sg.tensor(random([1, 2, 3, 3], 2), { shape: [1, 2, 3, 3] });
    using y = sg.noGrad(() => apply(new Conv2d({ padding: 1 }), x, weight));
    const values = await y.data();
    const at = (h: number, w: number): number => values[h * size + w]!;
    const spread = variant === 'winograd2' ? 2 : 4;
    for (let h = spread; h < size - spread; h++)
      for (let w = 0; w < size; w++) expect(Number.isFinite(at(h, w)), `${h}, ${w}`).toBe(true);
    expect(Number.isFinite(at(0, 0)) || Number.isFinite(at(size - 1, size - 1))).toBe(false);
  });
});

const axis = (change: Partial<Axis> = {}): Axis => ({
  ...{ input: 8, kernel: 3, stride: 1, dilation: 1, padding: 1, output: 8 },
  ...change,
});

function problemOf(h: Axis, w = h, channels = 64): ConvProblem {
  const geometry = { n: 4, inChannels: channels, outChannels: channels, groups: 1, h, w };
  return { geometry, dtype: 'f32', pass: 'forward' };
}

test('only filters of 3x3 and 5x5 without stride and dilation can be done so', () => {
  const can = (h: Axis, w?: Axis, channels?: number): boolean =>
    CONVOLVE.candidates(problemOf(h, w, channels), currentDevice()).includes('winograd4');
  expect(can(axis())).toBe(true);
  expect(can(axis({ kernel: 5 }))).toBe(true);
  expect(can(axis({ kernel: 4 }))).toBe(false);
  expect(can(axis({ kernel: 3 }), axis({ kernel: 5 }))).toBe(false);
  expect(can(axis(), axis({ stride: 2 }))).toBe(false);
  expect(can(axis({ dilation: 2 }))).toBe(false);
  // Filters as points would take 151 MB.
  expect(can(axis(), axis(), 1024)).toBe(false);
});

test.each(['software', 'lavapipe'] as const)('the table of %s takes them', (adapterClass) => {
  const device = currentDevice() as { adapterClass: string };
  const actual = device.adapterClass;
  device.adapterClass = adapterClass;
  try {
    const preferred = (pass: ConvProblem['pass'], channels: number, kernel = 3): string =>
      (pass === 'weight' ? CONVOLUTION_WEIGHT_GRADIENT : CONVOLVE).preferred(
        { ...problemOf(axis({ kernel }), axis({ kernel }), channels), pass },
        currentDevice(),
      );
    expect(preferred('forward', 64)).toBe('winograd4');
    expect(preferred('input', 64, 5)).toBe('winograd4');
    expect(preferred('weight', 64, 5)).toBe('winograd4');
    expect(preferred('weight', 64)).toBe('winograd2'); // few tiles
    expect(preferred('forward', 8)).toBe('direct'); // few channels
  } finally {
    device.adapterClass = actual;
  }
});

test('trials of every variant give the same', async () => {
  const device = currentDevice();
  const geometry = { n: 2, inChannels: 3, outChannels: 5, groups: 1, h: axis(), w: axis() };
  for (const pass of ['forward', 'input', 'weight'] as const) {
    const family = pass === 'weight' ? CONVOLUTION_WEIGHT_GRADIENT : CONVOLVE;
    const problem: ConvProblem = { geometry, dtype: 'f32', pass, activation: 'sigmoid' };
    const trial = family.trial(problem, device);
    const values = async (variant: string): Promise<ArrayLike<number>[]> => {
      const arrays = trial.run(variant);
      const read = await Promise.all(arrays.map((array) => array.read()));
      for (const array of arrays) array.release();
      return read;
    };
    const expected = await values('direct');
    for (const variant of VARIANTS)
      (await values(variant)).forEach((result, i) => expectClose(result, expected[i]!));
    trial.release();
  }
});
