import { expect } from 'vitest';
import type { Activation } from '../../src/autograd/kernels/activation.js';
import { matmul } from '../../src/autograd/kernels/matmul.js';
import { currentDevice } from '../../src/gpu/device.js';
import { numelOf, type Shape } from '../../src/gpu/dtype.js';
import { GpuArray } from '../../src/gpu/gpuArray.js';
import { sigmoid } from '../reference/activations.js';
import { matmul as reference, permute } from '../reference/matmul.js';
import type { Reference } from './checkOp.js';
import { expectClose } from './compare.js';
import { uniform } from './random.js';

const FUNCTIONS: Record<Activation, { f: (x: number) => number; slope: (y: number) => number }> = {
  relu: { f: (x) => Math.max(x, 0), slope: (y) => (y > 0 ? 1 : 0) },
  sigmoid: { f: sigmoid, slope: (y) => y * (1 - y) },
  tanh: { f: Math.tanh, slope: (y) => 1 - y * y },
};

/** A product by `matmul`, of random values. */
export interface MatmulCase {
  name: string;
  m: number;
  n: number;
  k: number;
  lead?: [Shape, Shape];
  transposeA?: boolean;
  transposeB?: boolean;
  bias?: boolean;
  activation?: Activation;
  /** What A comes through. */
  activated?: Activation;
  rowSums?: boolean;
}

const random = (shape: Shape, seed: number, low = -1): Reference => ({
  shape,
  data: Float64Array.from(uniform(numelOf(shape), seed, low)),
});

/** The last two dimensions in each other's place. */
function swapped(x: Reference): Reference {
  const lead = x.shape.slice(0, -2).map((_, d) => d);
  return permute(x, [...lead, lead.length + 1, lead.length]);
}

/** Compares what `matmul` gives with the float64 reference. */
export async function checkMatmul(
  options: MatmulCase,
  dtype: 'f32' | 'f16',
  device = currentDevice(),
): Promise<void> {
  const { m, n, k, lead = [[], []], transposeA = false, transposeB = false } = options;
  const upload = async (x: Reference): Promise<GpuArray> => {
    const array = GpuArray.from(Float32Array.from(x.data), x.shape, device, dtype);
    x.data.set(await array.read()); // in f16 rounded
    return array;
  };
  const stored = {
    a: random([...lead[0], ...(transposeA ? [k, m] : [m, k])], 1),
    b: random([...lead[1], ...(transposeB ? [n, k] : [k, n])], 2),
    // Not the largest, so that the slope of no activation is 0 everywhere.
    y: random([...lead[0], ...(transposeA ? [k, m] : [m, k])], 3, -0.5),
    bias: random([n], 4),
  };
  const [a, b, y, bias] = await Promise.all(Object.values(stored).map(upload));
  const rowSums = options.rowSums ? GpuArray.empty([m], dtype, device) : undefined;
  const incoming = options.activated
    ? { array: a!, activation: options.activated, activated: y! }
    : a!;
  const c = matmul(incoming, b!, {
    ...{ transposeA, transposeB, rowSums },
    bias: options.bias ? bias : undefined,
    activation: options.activation,
  });

  const left = { ...stored.a, data: stored.a.data.slice() };
  const { activated, activation } = options;
  if (activated) {
    const { slope } = FUNCTIONS[activated];
    left.data.forEach((value, i) => (left.data[i] = value * slope(stored.y.data[i]!)));
  }
  const op = transposeA ? swapped(left) : left;
  const product = reference(op, transposeB ? swapped(stored.b) : stored.b);
  const f = activation ? FUNCTIONS[activation].f : (x: number): number => x;
  const expected = product.data.map((value, i) =>
    f(value + (options.bias ? stored.bias.data[i % n]! : 0)),
  );
  const tolerance = dtype === 'f16' ? { norm: 5e-3 } : { absolute: 2e-5 };
  expect(c.shape).toEqual(product.shape);
  expectClose(await c.read(), expected, tolerance, dtype);
  if (rowSums) {
    const sums = Float64Array.from({ length: m }, (_, row) =>
      op.data.subarray(row * k, (row + 1) * k).reduce((sum, value) => sum + value, 0),
    );
    expectClose(await rowSums.read(), sums, tolerance, `${dtype} row sums`);
  }
  for (const array of [a, b, y, bias, rowSums, c]) array?.release();
}
