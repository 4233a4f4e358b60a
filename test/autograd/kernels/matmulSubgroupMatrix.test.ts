import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MATMUL, matmul, type MatmulProblem } from '../../../src/autograd/kernels/matmul.js';
import { currentDevice } from '../../../src/gpu/device.js';
import { GpuArray } from '../../../src/gpu/gpuArray.js';
import type { SubgroupMatrix } from '../../../src/gpu/subgroupMatrix.js';
import { checkMatmul, type MatmulCase } from '../../support/checkMatmul.js';
import { withBindingLimit } from '../../support/limits.js';
import { uniform } from '../../support/random.js';
import { setSubgroupMatrices, tuneFor } from '../../support/tuning.js';

/** M, N and K of the matrices. */
type Sizes = [m: number, n: number, k: number];

const of = (component: 'f32' | 'f16', [m, n, k]: Sizes): SubgroupMatrix => ({
  ...{ m, n, k, component, result: 'f32' },
});

// prettier-ignore
const CASES: (MatmulCase & { sizes: Sizes; maxSize?: number })[] = [
  { name: 'blocks with rests, bias and relu', sizes: [8, 8, 8], m: 40, n: 72, k: 24, bias: true, activation: 'relu' },
  { name: 'both transposed, with subgroups that idle', maxSize: 128, sizes: [8, 8, 8], m: 72, n: 40, k: 16, transposeA: true, transposeB: true },
  { name: 'matrices of 16, tanh', sizes: [16, 16, 16], m: 48, n: 80, k: 32, transposeB: true, activation: 'tanh' },
  { name: 'wide ones, a batch', sizes: [8, 16, 16], m: 24, n: 48, k: 48, lead: [[2, 1], [1, 3]], transposeA: true },
  { name: 'the widest ones', sizes: [8, 32, 8], m: 40, n: 96, k: 24 },
];

let restore: () => void;
beforeEach(() => {
  restore = setSubgroupMatrices(currentDevice(), [], 64);
  currentDevice().choices.forced.set(MATMUL.name, 'subgroupMatrix');
});
afterEach(() => {
  restore();
  currentDevice().choices.forced.clear();
});

/** The kernels of a product. */
function kernelsOf({ m, n, k, transposeA, transposeB }: MatmulCase): string[] {
  const a = GpuArray.empty(transposeA ? [k, m] : [m, k]);
  const b = GpuArray.empty(transposeB ? [n, k] : [k, n]);
  const specs = currentDevice().dryRun(() => matmul(a, b, { transposeA, transposeB }).release());
  for (const array of [a, b]) array.release();
  return specs.map(({ shader }) => shader.name);
}

describe('matmul by subgroup matrices, without the extension', () => {
  test.each(CASES)('$name', async ({ sizes, maxSize = 64, ...options }) => {
    const device = currentDevice();
    setSubgroupMatrices(device, [of('f32', sizes), of('f16', sizes)], maxSize);
    expect(kernelsOf(options)[0]).toBe('matmulSubgroupMatrix');
    await checkMatmul(options, 'f32');
    if (device.hasF16) await checkMatmul(options, 'f16');
  });

  test('gives the same bits twice', async () => {
    setSubgroupMatrices(currentDevice(), [of('f32', [8, 8, 8])], 64);
    const a = GpuArray.from(uniform(8 * 2048, 1), [8, 2048]);
    const b = GpuArray.from(uniform(2048 * 8, 2), [2048, 8]);
    const [first, second] = [matmul(a, b), matmul(a, b)];
    expect(await first.read()).toEqual(await second.read());
    for (const array of [a, b, first, second]) array.release();
  });

  test('leaves parts of large arrays that do not fit to another kernel', async () => {
    setSubgroupMatrices(currentDevice(), [of('f32', [8, 8, 8])], 64);
    const options: MatmulCase = { name: '', m: 24, n: 16, k: 40, bias: true, activation: 'relu' };
    await withBindingLimit(1024, () => checkMatmul(options, 'f32'));
  });
});

describe('long sums by subgroup matrices', () => {
  tuneFor('hardware');

  test('are computed in parts', async () => {
    setSubgroupMatrices(currentDevice(), [of('f32', [32, 8, 32])], 64);
    const options: MatmulCase = {
      name: '',
      m: 64,
      n: 8,
      k: 2080,
      bias: true,
      activation: 'sigmoid',
    };
    expect(kernelsOf(options)).toEqual(['matmulSubgroupMatrix', 'matmulSum']);
    await checkMatmul(options, 'f32');
  });
});

describe('subgroup matrices are offered', () => {
  const problem: MatmulProblem = {
    ...{ m: 40, n: 48, k: 32, batch: 1, dtype: 'f32' },
    ...{ transposeA: false, transposeB: true, bias: true, activation: 'relu', rowSums: false },
  };
  const offered = (change: Partial<MatmulProblem>, ...matrices: SubgroupMatrix[]): boolean => {
    setSubgroupMatrices(currentDevice(), matrices, 64);
    return MATMUL.candidates({ ...problem, ...change }, currentDevice()).includes('subgroupMatrix');
  };
  const [small, large, half] = [
    of('f32', [8, 8, 8]),
    of('f32', [16, 16, 16]),
    of('f16', [8, 8, 8]),
  ];

  test('for sizes that they divide', () => {
    expect(offered({}, small)).toBe(true);
    expect(offered({ transposeA: true, batch: 3 }, small)).toBe(true);
    for (const size of [{ m: 44 }, { n: 52 }, { k: 36 }, { m: 0 }]) {
      expect(offered(size, small), JSON.stringify(size)).toBe(false);
    }
    expect(offered({}, large), 'rows').toBe(false);
    expect(offered({}, large, small), 'by another size').toBe(true);
  });

  test('for their own type, with sums of f32', () => {
    expect(offered({}, half)).toBe(false);
    expect(offered({ dtype: 'f16' }, small)).toBe(false);
    expect(offered({ dtype: 'f16' }, half)).toBe(true);
    expect(offered({ dtype: 'f16' }, { ...half, result: 'f16' })).toBe(false);
  });

  test('for sizes that the kernel knows, and products without what it lacks', () => {
    expect(offered({ m: 80, n: 80, k: 80 }, of('f32', [20, 20, 20]))).toBe(false);
    expect(offered({ rowSums: true }, small)).toBe(false);
    expect(offered({ activated: 'relu' }, small)).toBe(false);
    expect(offered({})).toBe(false);
  });

  test('and never preferred', () => {
    expect(offered({ m: 1024, n: 1024, k: 1024 }, small)).toBe(true);
    const large = { ...problem, m: 1024, n: 1024, k: 1024 };
    expect(MATMUL.preferred(large, currentDevice())).not.toBe('subgroupMatrix');
  });
});
