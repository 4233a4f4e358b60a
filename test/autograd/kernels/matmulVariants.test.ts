import { afterEach, describe, expect, test } from 'vitest';
import { choose } from '../../../src/autograd/kernels/choice.js';
import { MATMUL, matmul, type MatmulProblem } from '../../../src/autograd/kernels/matmul.js';
import { currentDevice } from '../../../src/gpu/device.js';
import { GpuArray } from '../../../src/gpu/gpuArray.js';
import { checkMatmul, type MatmulCase } from '../../support/checkMatmul.js';
import { expectClose } from '../../support/compare.js';
import { ALL, casesOf, unlessAll } from '../../support/extent.js';
import { withBindingLimit } from '../../support/limits.js';
import { uniform } from '../../support/random.js';

const VARIANTS = ['registers', 'subgroups', 'tiled64', 'tiled32'];

// prettier-ignore
const CASES: MatmulCase[] = [
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
const SHALLOW: MatmulCase[] = [
  { name: 'K 1, odd', m: 37, n: 259, k: 1, bias: true, activation: 'tanh' },
  { name: 'K 4, in quads', m: 40, n: 264, k: 4, transposeB: true, bias: true, activation: 'relu' },
  { name: 'K 3, gradients of weight and bias', m: 70, n: 12, k: 3, transposeA: true, activated: 'relu', rowSums: true },
  { name: 'K 8, the same in quads', m: 32, n: 520, k: 8, transposeA: true, activated: 'sigmoid', rowSums: true },
  { name: 'K 7, odd', m: 9, n: 261, k: 7, transposeA: true, transposeB: true, rowSums: true },
  { name: 'K 5, a batch', m: 33, n: 8, k: 5, lead: [[2, 1], [1, 3]], activation: 'tanh' },
];

// prettier-ignore
const WIDE: MatmulCase[] = [
  { name: 'three bands, in quads', m: 72, n: 100, k: 12, bias: true, activation: 'relu' },
  { name: 'odd rows and columns', m: 33, n: 65, k: 20, transposeB: true, bias: true, activation: 'sigmoid' },
  { name: 'gradients of weight and bias through tanh', m: 35, n: 63, k: 16, transposeA: true, activated: 'tanh', rowSums: true },
  { name: 'a batch, both transposed, one column more', m: 34, n: 33, k: 8, lead: [[2, 1], [1, 3]], transposeA: true, transposeB: true, activated: 'relu' },
  { name: 'a long sum in parts', m: 33, n: 36, k: 2052, transposeA: true, rowSums: true },
];

// prettier-ignore
const ROWS: MatmulCase[] = [
  { name: 'one row, bias and relu', m: 1, n: 20, k: 24, transposeB: true, bias: true, activation: 'relu' },
  { name: 'one row of a weight gradient', m: 1, n: 9, k: 11, transposeA: true, activated: 'tanh', rowSums: true },
];

/** What `registers` is compared with. */
const OTHER = unlessAll('subgroups', 'tiled32');

const force = (variant: string): unknown =>
  currentDevice().choices.forced.set(MATMUL.name, variant);

afterEach(() => currentDevice().choices.forced.clear());

async function checkBy(variant: string, options: MatmulCase): Promise<void> {
  force(variant);
  await checkMatmul(options, 'f32');
  if (currentDevice().hasF16) await checkMatmul(options, 'f16');
}

/** The two tiled ones differ in a size alone, as those of wide blocks, and take long to compile. */
function casesBy(variant: string): MatmulCase[] {
  switch (variant) {
    case 'tiled64':
      return casesOf(CASES, 'gradients of weight and bias through relu');
    case 'tiled32':
      return casesOf(CASES.slice(0, 5), 'rows in quads, bias and relu');
    case 'subgroups16':
      return casesOf(WIDE.slice(0, 2), 'odd rows and columns');
    case 'subgroups32':
      return WIDE;
    default:
      return CASES;
  }
}

describe.each(VARIANTS)('matmul by %s', (variant) => {
  test.each(casesBy(variant))('$name', (options) => checkBy(variant, options));

  const repeated = ALL || !variant.startsWith('tiled') ? [variant] : [];
  test.each(repeated)('gives the same bits twice', async () => {
    force(variant);
    const [a, b] = [uniform(3 * 2052, 1), uniform(2052 * 8, 2)];
    const arrays = [GpuArray.from(a, [3, 2052]), GpuArray.from(b, [2052, 8])] as const;
    const [first, second] = [matmul(...arrays), matmul(...arrays)];
    expect(await first.read()).toEqual(await second.read());
    for (const array of [...arrays, first, second]) array.release();
  });
});

describe.each(['subgroups16', 'subgroups32'])('matmul by %s', (variant) => {
  test.each(casesBy(variant))('$name', (options) => checkBy(variant, options));
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
  test.each<MatmulCase>([
    { name: 'C and B', m: 7, n: 150, k: 20, transposeB: true, bias: true, activation: 'relu' },
    { name: 'B along K', m: 3, n: 40, k: 50, bias: true, activation: 'sigmoid' },
    { name: 'A, through tanh', m: 90, n: 3, k: 20, activated: 'tanh', rowSums: true },
    { name: 'A along K', m: 9, n: 3, k: 120, transposeA: true, activated: 'relu', rowSums: true },
    { name: 'C and A', m: 40, n: 30, k: 9, transposeA: true, activated: 'tanh', rowSums: true },
  ])('$name', (options) => withBindingLimit(1024, () => checkMatmul(options, 'f32')));
});

test('row sums are written where there are no columns', async () => {
  const a = GpuArray.from(uniform(12, 1), [4, 3]);
  const b = GpuArray.empty([4, 0]);
  const rowSums = GpuArray.empty([3]);
  for (const variant of ['registers', OTHER]) {
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
    const [c, otherSums] = trial.run(OTHER);
    const values = await wanted!.read();
    expect(Math.max(...values)).toBeGreaterThan(0);
    expectClose(await c!.read(), values, { absolute: 1e-5 });
    expectClose(await otherSums!.read(), await sums!.read(), { absolute: 1e-5 });
    for (const array of [wanted, sums, c, otherSums]) array!.release();
    trial.release();
  });
});
