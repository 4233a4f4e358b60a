import * as sg from 'shadegrad';
import { expect } from 'vitest';
import { isFloat } from '../../src/gpu/dtype.js';
import { expectClose } from '../support/compare.js';
import { readCases, type Case, type Values } from './cases.js';
import { FUNCTIONS } from './functions.js';

const FORWARD = { norm: 1e-5 };
const GRADIENT = { norm: 1e-4 };
const EXACT = { absolute: 0, relative: 0 };

const files = import.meta.glob<Uint8Array>('./ops_*.safetensors', {
  eager: true,
  import: 'default',
});

/** The cases of each ops_*.safetensors beside this file. */
export const families = Object.entries(files).map(([file, bytes]) => {
  return { file: file.slice('./'.length), ...readCases(bytes, file) };
});

/** Runs a case, and compares its outputs and gradients with PyTorch's. */
export async function check({ op, options, inputs, outputs, dys, gradients }: Case): Promise<void> {
  const tensors = Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, data }]) => [
      name,
      sg.tensor(data, { shape, requiresGrad: name in gradients }),
    ]),
  );
  const results = sg.tidy(() => [FUNCTIONS[op]!(tensors, options)].flat());
  expect(results.length, 'number of outputs').toBe(outputs.length);
  for (const [i, y] of results.entries()) await compare(y, outputs[i]!, FORWARD, `output ${i}`);

  if (dys.size > 0) {
    sg.tidy(() => {
      const losses = [...dys].map(([i, { shape, data }]) => {
        return results[i]!.mul(sg.tensor(data, { shape })).sum();
      });
      losses.reduce((sum, loss) => sum.add(loss)).backward();
    });
  }
  for (const [name, dx] of Object.entries(gradients)) {
    const { grad } = tensors[name]!;
    expect(grad, `gradient of ${name}`).not.toBeNull();
    await compare(grad!, dx, GRADIENT, `gradient of ${name}`);
  }
  for (const tensor of [...results, ...Object.values(tensors)]) tensor.dispose();
}

/** Integers exactly, floats by the norm, NaN and Inf where they are. */
async function compare(
  actual: sg.Tensor,
  { shape, data }: Values,
  tolerance: { norm: number },
  what: string,
): Promise<void> {
  expect(actual.shape, `shape of ${what}`).toEqual(shape);
  const float = data instanceof Float32Array;
  expect(isFloat(actual.dtype), `whether ${what} is of floats, it is ${actual.dtype}`).toBe(float);
  expectClose(await actual.data(), data, float ? tolerance : EXACT, what);
}
