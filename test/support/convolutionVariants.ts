/** Running a family of convolution kernels whatever the table says. */
import * as sg from 'shadegrad';
import { expect } from 'vitest';
import { CONVOLUTION_WEIGHT_GRADIENT, CONVOLVE } from '../../src/autograd/kernels/convolution.js';
import { Conv2d } from '../../src/autograd/ops/conv2d.js';
import { currentDevice } from '../../src/gpu/device.js';
import { apply } from '../../src/tensor/tensor.js';
import { expectClose } from './compare.js';
import { random } from './convolutions.js';

/** Has a variant do all convolutions and gradients that it can do, until `forced.clear()`. */
export function forceConvolutions(variant: string): void {
  for (const { name } of [CONVOLVE, CONVOLUTION_WEIGHT_GRADIENT]) {
    currentDevice().choices.forced.set(name, variant);
  }
}

/** Inputs of a convolution, of which the gradient of one may be wanted alone. */
export const GRADIENTS = [
  ['the input', 0],
  ['the weight', 1],
  ['the bias', 2],
] as const;

/** The gradient of one input alone, against the direct kernels'. */
export async function checkOneGradient(only: 0 | 1 | 2, variant: string): Promise<void> {
  const shapes = [[3, 2, 5, 5], [3, 2, 3, 3], [3]];
  const run = async (by: string): Promise<number[]> => {
    forceConvolutions(by);
    const inputs = shapes.map((shape, i) =>
      sg.tensor(random(shape, i), { shape, requiresGrad: i === only }),
    );
    const y = apply(new Conv2d({ activation: 'sigmoid' }), ...inputs);
    using gradient = sg.ones(y.shape);
    y.backward({ gradient });
    const others = inputs.filter((_, i) => i !== only);
    expect(others.map(({ grad }) => grad)).toEqual([null, null]);
    const values = [...(await inputs[only]!.grad!.data())];
    for (const tensor of [...inputs, y]) tensor.dispose();
    return values;
  };
  const expected = await run('direct');
  expectClose(await run(variant), expected);
}
