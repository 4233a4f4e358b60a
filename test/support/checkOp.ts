import * as sg from 'shadegrad';
import { expect } from 'vitest';
import { numelOf } from '../../src/gpu/dtype.js';
import { expectClose, type Tolerance } from './compare.js';
import { uniform } from './random.js';

/** Values in float64 with a shape: what CPU references take and give. */
export interface Reference {
  shape: readonly number[];
  data: Float64Array;
}

export interface OpInput {
  shape: readonly number[];
  data: Float32Array | Int32Array | Uint32Array;
  /** Whether its gradient is checked. Default true for f32. */
  grad?: boolean;
}

export interface OpCheck {
  inputs: readonly OpInput[];
  /** The op under test. */
  op: (...inputs: sg.Tensor[]) => sg.Tensor;
  /** Plain loops in float64, sharing nothing with the kernels. */
  reference: (...inputs: Reference[]) => Reference;
  forward?: Tolerance;
  gradient?: Tolerance;
  /** Of the central differences, taken of the reference. Default 1e-4; exact where it is linear. */
  step?: number;
  /** Most elements of an input whose derivative is checked, spread evenly. Default 64. */
  samples?: number;
}

/**
 * Compares an op with its reference: shape and values forward, and for every differentiable input
 * the gradient of sum(dy * y), dy random, with central differences of the reference.
 * Fails if all checked gradients are zero, for then nothing was proven.
 */
export async function checkOp(check: OpCheck): Promise<void> {
  const wantsGrad = check.inputs.map(({ data, grad }) => grad ?? data instanceof Float32Array);
  const tensors = check.inputs.map(({ shape, data }, i) =>
    sg.tensor(data, { shape, requiresGrad: wantsGrad[i] }),
  );
  const references = check.inputs.map(({ shape, data }) => ({
    shape,
    data: Float64Array.from(data),
  }));

  const y = check.op(...tensors).retain();
  const expected = check.reference(...references);
  expect(y.shape, 'shape of the result').toEqual([...expected.shape]);
  expectClose(await y.data(), expected.data, check.forward, 'forward');

  if (wantsGrad.includes(true)) {
    const dy = uniform(numelOf(y.shape), 99, 0.5, 1.5);
    const gradient = sg.tensor(dy, { shape: y.shape });
    y.backward({ gradient });
    gradient.dispose();
    for (const [i, x] of tensors.entries()) {
      if (wantsGrad[i]) await checkGradient(check, x, references, i, dy);
    }
  }
  for (const tensor of [y, ...tensors]) tensor.dispose();
}

async function checkGradient(
  { reference, gradient, step = 1e-4, samples = 64 }: OpCheck,
  x: sg.Tensor,
  references: readonly Reference[],
  input: number,
  dy: Float32Array,
): Promise<void> {
  const weighted = (): number =>
    reference(...references).data.reduce((sum, value, i) => sum + value * dy[i]!, 0);
  const actual = await x.grad!.data();
  expect(x.grad!.shape, `shape of the gradient of input ${input}`).toEqual([...x.shape]);
  const { data } = references[input]!;
  const every = Math.max(1, Math.floor(data.length / samples));
  const got: number[] = [];
  const expected: number[] = [];
  for (let i = 0; i < data.length; i += every) {
    const value = data[i]!;
    data[i] = value + step;
    const above = weighted();
    data[i] = value - step;
    const below = weighted();
    data[i] = value;
    got.push(actual[i]!);
    expected.push((above - below) / (2 * step));
  }
  expect(
    expected.some((slope) => slope !== 0),
    `input ${input}: every gradient is zero`,
  ).toBe(true);
  expectClose(
    got,
    expected,
    { absolute: 1e-5, relative: 1e-4, ...gradient },
    `gradient of input ${input} (every ${every})`,
  );
}
