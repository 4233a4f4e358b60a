import { afterEach, describe, expect, test } from 'vitest';
import type { Activation } from '../../../src/autograd/kernels/activation.js';
import { choose } from '../../../src/autograd/kernels/choice.js';
import { MATMUL, matmul, type MatmulProblem } from '../../../src/autograd/kernels/matmul.js';
import { currentDevice } from '../../../src/gpu/device.js';
import { numelOf, type Shape } from '../../../src/gpu/dtype.js';
import { GpuArray } from '../../../src/gpu/gpuArray.js';
import { sigmoid } from '../../reference/activations.js';
import { matmul as reference, permute } from '../../reference/matmul.js';
import type { Reference } from '../../support/checkOp.js';
import { expectClose } from '../../support/compare.js';
import { withBindingLimit } from '../../support/limits.js';
import { uniform } from '../../support/random.js';

const VARIANTS = ['registers', 'subgroups', 'tiled64', 'tiled32'];

const FUNCTIONS: Record<Activation, { f: (x: number) => number; slope: (y: number) => number }> = {
  relu: { f: (x) => Math.max(x, 0), slope: (y) => (y > 0 ? 1 : 0) },
  sigmoid: { f: sigmoid, slope: (y) => y * (1 - y) },
  tanh: { f: Math.tanh, slope: (y) => 1 - y * y },
};

interface Case {
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

// prettier-ignore
const CASES: Case[] = [
  { name: 'odd sizes, bias and tanh', m: 17, n: 31, k: 33, bias: true, activation: 'tanh' },
  { name: 'rows in quads, bias and relu', m: 68, n: 36, k: 40, transposeB: true, bias: true, activation: 'relu' },
  { name: 'several tiles, a gradient through sigmoid', m: 33, n: 132, k: 65, activated: 'sigmoid' },
  { name: 'both transposed, in quads, through tanh', m: 72, n: 12, k: 36, transposeA: true, transposeB: true, activated: 'tanh' },
  { name: 'gradients of weight and bias through relu', m: 65, n: 70, k: 18, transposeA: true, activated: 'relu', rowSums: true },
  { name: 'the same in quads', m: 132, n: 68, k: 32, transposeA: true, activated: 'relu', rowSums: true },
  { name: 'a long sum in parts, bias and sigmoid', m: 5, n: 8, k: 2052, bias: true, activation: 'sigmoid' },
  { name: 'a long sum in parts, odd, with row sums', m: 6, n: 3, k: 2051, transposeA: true, rowSums: true },
  { name: 'a batch', m: 9, n: 8, k: 7, lead: [[2, 1], [1, 3]], activation: 'tanh' },
];

// prettier-ignore
const SHALLOW: Case[] = [
  { name: 'K 1, odd', m: 37, n: 259, k: 1, bias: true, activation: 'tanh' },
  { name: 'K 4, in quads', m: 40, n: 264, k: 4, transposeB: true, bias: true, activation: 'relu' },
  { name: 'K 3, gradients of weight and bias', m: 70, n: 12, k: 3, transposeA: true, activated: 'relu', rowSums: true },
  { name: 'K 8, the same in quads', m: 32, n: 520, k: 8, transposeA: true, activated: 'sigmoid', rowSums: true },
  { name: 'K 7, odd', m: 9, n: 261, k: 7, transposeA: true, transposeB: true, rowSums: true },
  { name: 'K 5, a batch', m: 33, n: 8, k: 5, lead: [[2, 1], [1, 3]], activation: 'tanh' },
];

// prettier-ignore
const WIDE: Case[] = [
  { name: 'three bands, in quads', m: 72, n: 100, k: 12, bias: true, activation: 'relu' },
  { name: 'odd rows and columns', m: 33, n: 65, k: 20, transposeB: true, bias: true, activation: 'sigmoid' },
  { name: 'gradients of weight and bias through tanh', m: 35, n: 63, k: 16, transposeA: true, activated: 'tanh', rowSums: true },
  { name: 'a batch, both transposed, one column more', m: 34, n: 33, k: 8, lead: [[2, 1], [1, 3]], transposeA: true, transposeB: true, activated: 'relu' },
  { name: 'a long sum in parts', m: 33, n: 36, k: 2052, transposeA: true, rowSums: true },
];

// prettier-ignore
const ROWS: Case[] = [
  { name: 'one row, bias and relu', m: 1, n: 20, k: 24, transposeB: true, bias: true, activation: 'relu' },
  { name: 'one row of a weight gradient', m: 1, n: 9, k: 11, transposeA: true, activated: 'tanh', rowSums: true },
];

const force = (variant: string): unknown =>
  currentDevice().choices.forced.set(MATMUL.name, variant);

afterEach(() => currentDevice().choices.forced.clear());

const random = (shape: Shape, seed: number, low = -1): Reference => ({
  shape,
  data: Float64Array.from(uniform(numelOf(shape), seed, low)),
});

/** The last two dimensions in each other's place. */
function swapped(x: Reference): Reference {
  const lead = x.shape.slice(0, -2).map((_, d) => d);
  return permute(x, [...lead, lead.length + 1, lead.length]);
}

async function check(options: Case, dtype: 'f32' | 'f16'): Promise<void> {
  const { m, n, k, lead = [[], []], transposeA = false, transposeB = false } = options;
  const upload = async (x: Reference): Promise<GpuArray> => {
    const array = GpuArray.from(Float32Array.from(x.data), x.shape, currentDevice(), dtype);
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
  const rowSums = options.rowSums ? GpuArray.empty([m], dtype) : undefined;
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

async function checkBy(variant: string, options: Case): Promise<void> {
  force(variant);
  await check(options, 'f32');
  if (currentDevice().hasF16) await check(options, 'f16');
}

describe.each(VARIANTS)('matmul by %s', (variant) => {
  // The two tiled ones differ in a size alone, and take long to compile.
  const cases = variant === 'tiled32' ? CASES.slice(0, 5) : CASES;
  test.each(cases)('$name', (options) => checkBy(variant, options));

  test('gives the same bits twice', async () => {
    force(variant);
    const [a, b] = [uniform(3 * 2052, 1), uniform(2052 * 8, 2)];
    const arrays = [GpuArray.from(a, [3, 2052]), GpuArray.from(b, [2052, 8])] as const;
    const [first, second] = [matmul(...arrays), matmul(...arrays)];
    expect(await first.read()).toEqual(await second.read());
    for (const array of [...arrays, first, second]) array.release();
  });
});

describe.each(['subgroups16', 'subgroups32'])('matmul by %s', (variant) => {
  // They differ in a size alone, and take long to compile.
  const cases = variant === 'subgroups16' ? WIDE.slice(0, 2) : WIDE;
  test.each(cases)('$name', (options) => checkBy(variant, options));
});

describe('matmul by shallow', () => {
  test.each(SHALLOW)('$name', (options) => checkBy('shallow', options));

  test('takes nothing from the next product of a batch', async () => {
    force('shallow');
    const values = new Float32Array(2 * 3 * 32).fill(2).fill(Infinity, 3 * 32);
    const a = GpuArray.from(values, [2, 3, 32]);
    const b = GpuArray.from(values, [2, 3, 32]);
    const c = matmul(a, b, { transposeA: true });
    expectClose((await c.read()).subarray(0, 32 * 32), Array<number>(32 * 32).fill(12));
    for (const array of [a, b, c]) array.release();
  });
});

describe('matmul of one row, which `registers` reads as one piece', () => {
  test.each(ROWS)('$name', (options) => checkBy('registers', options));
});

describe('what belongs to the end of a product, of arrays over the binding limit', () => {
  test.each<Case>([
    { name: 'C and B', m: 7, n: 150, k: 20, transposeB: true, bias: true, activation: 'relu' },
    { name: 'B along K', m: 3, n: 40, k: 50, bias: true, activation: 'sigmoid' },
    { name: 'A, through tanh', m: 90, n: 3, k: 20, activated: 'tanh', rowSums: true },
    { name: 'A along K', m: 9, n: 3, k: 120, transposeA: true, activated: 'relu', rowSums: true },
    { name: 'C and A', m: 40, n: 30, k: 9, transposeA: true, activated: 'tanh', rowSums: true },
  ])('$name', (options) => withBindingLimit(1024, () => check(options, 'f32')));
});

test('row sums are written where there are no columns', async () => {
  const a = GpuArray.from(uniform(12, 1), [4, 3]);
  const b = GpuArray.empty([4, 0]);
  const rowSums = GpuArray.empty([3]);
  for (const variant of ['registers', 'tiled32']) {
    force(variant);
    const c = matmul(a, b, { transposeA: true, rowSums });
    const values = await a.read();
    const expected = [0, 1, 2].map((j) => [0, 3, 6, 9].reduce((sum, i) => sum + values[i + j]!, 0));
    expectClose(await rowSums.read(), expected);
    c.release();
  }
  for (const array of [a, b, rowSums]) array.release();
});

describe('the choice', () => {
  const problem: MatmulProblem = {
    ...{ m: 20, n: 12, k: 8, batch: 1, dtype: 'f32' },
    ...{ transposeA: true, transposeB: false, bias: false, activated: 'relu', rowSums: true },
  };

  test('has a key of all that matters', () => {
    expect(MATMUL.key(problem)).toBe('m20 n12 k8 x1 f32 a^T through relu rowSums');
    const other = { ...problem, transposeA: false, transposeB: true, rowSums: false };
    expect(MATMUL.key({ ...other, activated: undefined, bias: true, activation: 'tanh' })).toBe(
      'm20 n12 k8 x1 f32 b^T bias tanh',
    );
  });

  test('prefers what can be done here', () => {
    const device = currentDevice();
    expect(MATMUL.candidates(problem, device)).toContain(choose(MATMUL, problem, device));
  });

  test('has trials whose results agree', async () => {
    const trial = MATMUL.trial(problem, currentDevice());
    const [wanted, sums] = trial.run('registers');
    const [c, otherSums] = trial.run('tiled32');
    const values = await wanted!.read();
    expect(Math.max(...values)).toBeGreaterThan(0);
    expectClose(await c!.read(), values, { absolute: 1e-5 });
    expectClose(await otherSums!.read(), await sums!.read(), { absolute: 1e-5 });
    for (const array of [wanted, sums, c, otherSums]) array!.release();
    trial.release();
  });
});
