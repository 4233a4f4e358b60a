/** The kernels with tiles in workgroup memory, on what the direct ones are tested with. */
import * as sg from 'shadegrad';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  CONVOLUTION_WEIGHT_GRADIENT,
  CONVOLVE,
} from '../../../src/autograd/kernels/convolution.js';
import { Conv2d } from '../../../src/autograd/ops/conv2d.js';
import { ConvTranspose2d } from '../../../src/autograd/ops/convTranspose2d.js';
import { currentDevice } from '../../../src/gpu/device.js';
import { apply } from '../../../src/tensor/tensor.js';
import { expectClose } from '../../support/compare.js';
import {
  ACTIVATIONS,
  CASES,
  checkActivation,
  checkCase,
  random,
  SMALL,
} from '../../support/convolutions.js';
import {
  checkOneGradient,
  forceConvolutions,
  GRADIENTS,
} from '../../support/convolutionVariants.js';
import { unlessAll } from '../../support/extent.js';
import { tuneFor } from '../../support/tuning.js';

afterEach(() => currentDevice().choices.forced.clear());

describe.each(['gemm64', 'gemm32'])('conv2d by %s', (variant) => {
  beforeEach(() => forceConvolutions(variant));
  // Where there is no bias, there is a kernel of its own.
  const cases = unlessAll(
    SMALL.filter(({ bias = true }) => bias || variant === 'gemm32'),
    CASES,
  );
  test.each(cases)('$name', checkCase);
});

describe('conv2d by gemm32, tuned for hardware', () => {
  tuneFor('hardware');
  beforeEach(() => forceConvolutions('gemm32'));
  test.each(unlessAll(SMALL.slice(1, 3), CASES.slice(0, 6)))('$name', checkCase);
});

describe('conv2d by gemm32 with an activation', () => {
  beforeEach(() => forceConvolutions('gemm32'));
  const few = ACTIVATIONS.filter(({ activation }) => activation === 'sigmoid');
  test.each(unlessAll(few, [...ACTIVATIONS]))('$activation', checkActivation);
});

test('each family agrees with the other on a transposed convolution', async () => {
  const shapes = [[2, 6, 5, 7], [6, 4, 3, 2], [8]];
  const run = async (variant: string): Promise<Float32Array[]> => {
    forceConvolutions(variant);
    const inputs = shapes.map((shape, i) =>
      sg.tensor(random(shape, i + 1), { shape, requiresGrad: true }),
    );
    const options = { stride: [2, 3], padding: 1, outputPadding: [1, 0], groups: 2 } as const;
    const y = apply(new ConvTranspose2d(options), ...inputs).retain();
    const gradient = sg.tensor(random(y.shape, 9), { shape: y.shape });
    y.backward({ gradient });
    const results = [y, ...inputs.map(({ grad }) => grad!)];
    const values = await Promise.all(results.map((tensor) => tensor.data()));
    for (const tensor of [...inputs, y, gradient]) tensor.dispose();
    return values as Float32Array[];
  };
  const expected = await run('direct');
  for (const [i, values] of (await run('gemm32')).entries()) expectClose(values, expected[i]!);
});

test.each(GRADIENTS)('the gradient of %s alone', (_, only) => checkOneGradient(only, 'gemm32'));

test('an empty batch has gradients of zero', async () => {
  forceConvolutions('gemm32');
  using x = sg.zeros([0, 2, 5, 5]);
  using weight = sg.tensor(random([3, 2, 3, 3], 1), { shape: [3, 2, 3, 3], requiresGrad: true });
  using bias = sg.ones([3], { requiresGrad: true });
  using y = apply(new Conv2d(), x, weight, bias);
  using gradient = sg.zeros(y.shape);
  y.backward({ gradient });
  expectClose(await weight.grad!.data(), new Float32Array(54));
  expectClose(await bias.grad!.data(), new Float32Array(3));
});

test('trials of every variant give the same', async () => {
  const axis = { input: 7, kernel: 3, stride: 2, dilation: 1, padding: 1, output: 4 };
  const geometry = { n: 2, inChannels: 3, outChannels: 5, groups: 1, h: axis, w: axis };
  const device = currentDevice();
  for (const pass of ['forward', 'input', 'weight'] as const) {
    const family = pass === 'weight' ? CONVOLUTION_WEIGHT_GRADIENT : CONVOLVE;
    const problem = { geometry, dtype: 'f32', pass, activation: 'sigmoid' } as const;
    expect(family.key(problem)).toBe(
      `${pass} n2 c3 k5 g1 7x7 kernel 3x3 stride 2x2 dilation 1x1 padding 1x1 to 4x4 f32 sigmoid`,
    );
    const trial = family.trial(problem, device);
    const values = async (variant: string): Promise<ArrayLike<number>[]> => {
      const arrays = trial.run(variant);
      const read = await Promise.all(arrays.map((array) => array.read()));
      for (const array of arrays) array.release();
      return read;
    };
    const [first, ...others] = family.candidates(problem, device);
    const expected = await values(first!);
    for (const variant of unlessAll(others.slice(-1), others)) {
      for (const [i, result] of (await values(variant)).entries())
        expectClose(result, expected[i]!);
    }
    trial.release();
  }
});
