import * as sg from 'shadegrad';
import { expect } from 'vitest';
import { currentDevice } from '../../src/gpu/device.js';
import { numelOf } from '../../src/gpu/dtype.js';
import { expectClose, type Tolerance } from './compare.js';
import { uniform } from './random.js';
import { optionNames, recordResult, relativeError } from './results.js';

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
  /** The options that this case uses, for the table of ops. */
  options?: Readonly<Record<string, unknown>>;
  /** The row of the table of ops. Default: the name of the op on the tape. */
  name?: string;
  forward?: Tolerance;
  gradient?: Tolerance;
  /** Of the central differences, taken of the reference. Default 1e-4; exact where it is linear. */
  step?: number;
  /** Most elements of an input whose derivative is checked, spread evenly. Default 64. */
  samples?: number;
  /** One of many random cases: it may have no slope, and is not in the table of ops. */
  random?: boolean;
  /**
   * Where the adapter has f16, the case runs once more with its f32 inputs as f16. False for an op
   * that has no f16, or for values beyond its range; or the largest relative error. Default 5e-3.
   */
  f16?: false | number;
}

/**
 * Compares an op with its reference: shape and values forward, and for every differentiable input
 * the gradient of sum(dy * y), dy random, with central differences of the reference.
 * Fails if all checked gradients are zero, for then nothing was proven.
 */
export async function checkOp(check: OpCheck): Promise<void> {
  await checkAs(check, 'f32');
  if (currentDevice().hasF16 && check.f16 !== false) await checkAs(check, 'f16');
}

async function checkAs(check: OpCheck, dtype: 'f32' | 'f16'): Promise<void> {
  const wantsGrad = check.inputs.map(({ data, grad }) => grad ?? data instanceof Float32Array);
  const tensors = check.inputs.map(({ shape, data }, i) =>
    sg.tensor(data, {
      shape,
      requiresGrad: wantsGrad[i],
      dtype: data instanceof Float32Array ? dtype : undefined,
    }),
  );
  const made = [...tensors];
  try {
    const y = check.op(...tensors).retain();
    made.push(y);
    await compare(check, tensors, y, dtype);
  } finally {
    for (const tensor of made) tensor.dispose();
  }
}

async function compare(
  check: OpCheck,
  tensors: readonly sg.Tensor[],
  y: sg.Tensor,
  dtype: 'f32' | 'f16',
): Promise<void> {
  const { options, f16 } = check;
  // What the GPU holds: in f16 the inputs are rounded.
  const references = await Promise.all(
    tensors.map(async (x) => ({ shape: x.shape, data: Float64Array.from(await x.data()) })),
  );
  const half = { norm: f16 || 5e-3 };
  const tolerances =
    dtype === 'f16'
      ? { forward: half, gradient: half }
      : {
          forward: check.forward,
          gradient: { absolute: 1e-5, relative: 1e-4, ...check.gradient },
        };

  const name = check.name ?? y.op?.name ?? '';
  const expected = check.reference(...references);
  expect(y.shape, 'shape of the result').toEqual([...expected.shape]);
  const values = await y.data();
  expectClose(values, expected.data, tolerances.forward, `${dtype} forward`);

  let gradientError: number | null = null;
  if (tensors.some((x) => x.requiresGrad)) {
    const gradient = sg.tensor(uniform(numelOf(y.shape), 99, 0.5, 1.5), {
      shape: y.shape,
      dtype: y.dtype,
    });
    const dy = await gradient.data();
    y.backward({ gradient });
    gradient.dispose();
    const errors: number[] = [];
    for (const [i, x] of tensors.entries()) {
      if (x.requiresGrad)
        errors.push(await checkGradient(check, x, references, i, dy, tolerances.gradient));
    }
    gradientError = Math.max(...errors);
  }
  if (check.random) return;
  recordResult({
    op: name,
    dtype,
    options: optionNames(options),
    forward: relativeError(values, expected.data),
    gradient: gradientError,
  });
}

/** @returns the relative error of the sampled gradient. */
async function checkGradient(
  { reference, step = 1e-4, samples = 64, random }: OpCheck,
  x: sg.Tensor,
  references: readonly Reference[],
  input: number,
  dy: ArrayLike<number>,
  tolerance: Tolerance,
): Promise<number> {
  const weighted = (): number =>
    reference(...references).data.reduce((sum, value, i) => sum + value * dy[i]!, 0);
  const actual = await x.grad!.data();
  expect(x.grad!.shape, `shape of the gradient of input ${input}`).toEqual([...x.shape]);
  expect(x.grad!.dtype, `dtype of the gradient of input ${input}`).toBe(x.dtype);
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
  const proven = random || expected.some((slope) => slope !== 0);
  expect(proven, `input ${input}: every gradient is zero`).toBe(true);
  expectClose(got, expected, tolerance, `${x.dtype} gradient of input ${input} (every ${every})`);
  return relativeError(got, expected);
}
