import { describe, expect, test } from 'vitest';
import { ACTIVATIONS } from '../../../src/autograd/kernels/activation.js';
import { MATMUL, matmul } from '../../../src/autograd/kernels/matmul.js';
import { currentDevice, type Device } from '../../../src/gpu/device.js';
import { GpuArray } from '../../../src/gpu/gpuArray.js';
import { importPackage } from '../../../src/gpu/nodePackages.js';
import type { PipelineSpec } from '../../../src/gpu/pipelineCache.js';
import { SUBGROUP_MATRIX, type SubgroupMatrix } from '../../../src/gpu/subgroupMatrix.js';
import { checkMatmul, type MatmulCase } from '../../support/checkMatmul.js';
import { expectClose } from '../../support/compare.js';
import { withDevice } from '../../support/device.js';
import { uniform } from '../../support/random.js';
import { setSubgroupMatrices } from '../../support/tuning.js';

const FLOATS = ['f32', 'f16'] as const;
type Float = (typeof FLOATS)[number];

const force = (device: Device): unknown => device.choices.forced.set(MATMUL.name, 'subgroupMatrix');

/** Made by Dawn's backend for tests, which compiles WGSL and runs nothing; reachable for good. */
let nullBackend: GPU | undefined;

async function nullAdapter(...flags: string[]): Promise<GPUAdapter | null> {
  const { create } = await importPackage<{ create(flags: string[]): GPU }>('webgpu');
  nullBackend = create(['backend=null', ...flags]);
  return nullBackend.requestAdapter();
}

/** Pipelines of products by these matrices, with all flags that they may have. */
function specsOf(device: Device, matrix: SubgroupMatrix): PipelineSpec[] {
  const dtype = matrix.component as Float;
  setSubgroupMatrices(device, [matrix]);
  const { m, n } = matrix;
  const product = (k: number, bits: number): void => {
    const [transposeA, transposeB, biased] = [1, 2, 4].map((bit) => (bits & bit) > 0);
    const a = GpuArray.empty(transposeA ? [k, 5 * m] : [5 * m, k], dtype, device);
    const b = GpuArray.empty(transposeB ? [3 * n, k] : [k, 3 * n], dtype, device);
    const bias = biased ? GpuArray.empty([3 * n], dtype, device) : undefined;
    const activation = ACTIVATIONS[bits >> 3];
    const c = matmul(a, b, { transposeA, transposeB, bias, activation });
    for (const array of [a, b, bias, c]) array?.release();
  };
  const specs = device.dryRun(() => {
    for (let bits = 0; bits < 32; bits++) product(matrix.k * 3, bits);
    for (let bits = 0; bits < 4; bits++) product(4096, bits); // in parts
  });
  return specs.filter(({ shader }) => shader.name === 'matmulSubgroupMatrix');
}

describe("Dawn's null backend compiles matmul by subgroup matrices", () => {
  // Those that GPUs have, and the largest.
  // prettier-ignore
  const SIZES = [[8, 8, 8], [16, 16, 16], [16, 8, 16], [16, 8, 8], [8, 16, 16], [32, 32, 32]];

  test.each(FLOATS)('of %s', async (component) => {
    const adapter = (await nullAdapter('enable-dawn-features=allow_unsafe_apis'))!;
    const requiredFeatures = [SUBGROUP_MATRIX, 'subgroups', 'shader-f16'] as GPUFeatureName[];
    const gpu = await adapter.requestDevice({ requiredFeatures });
    await withDevice(
      async (device) => {
        expect(device.hasSubgroupMatrices).toBe(true);
        force(device);
        for (const [m, n, k] of SIZES as [number, number, number][]) {
          const specs = specsOf(device, { m, n, k, component, result: 'f32' });
          expect(specs).toHaveLength(36);
          expect(specs.every(({ flags }) => flags['SUBGROUP_MATRICES'])).toBe(true);
          expect(specs.filter(({ flags }) => flags['SPLIT'])).toHaveLength(4);
          expect(await device.pipelines.warmUp(specs)).toBe(36);
        }
      },
      { device: gpu },
    );
  });

  test('but offers them only where asked for what is experimental', async () => {
    const adapter = (await nullAdapter())!;
    expect(adapter.features.has(SUBGROUP_MATRIX as GPUFeatureName)).toBe(false);
    expect(currentDevice().info.features).not.toContain(SUBGROUP_MATRIX);
  });
});

describe('on an adapter that multiplies subgroup matrices', () => {
  test.for(FLOATS)('%s', async (dtype, { skip }) => {
    await withDevice(
      async (device) => {
        const matrices = device.info.subgroupMatrices.filter(
          ({ component, result }) => component === dtype && result === 'f32',
        );
        const reason = `${device.info.description} multiplies no subgroup matrices of ${dtype} to f32`;
        if (matrices.length === 0) skip(reason);
        force(device);
        for (const matrix of matrices) await checkMatrices(device, matrix, dtype);
      },
      { experimental: true },
    );
  });
});

/** Products against the float64 reference, and against those without the extension. */
async function checkMatrices(device: Device, matrix: SubgroupMatrix, dtype: Float): Promise<void> {
  const { m, n, k } = matrix;
  setSubgroupMatrices(device, [matrix]);
  const name = JSON.stringify(matrix);
  // prettier-ignore
  const cases: MatmulCase[] = [
    { name, m, n, k },
    { name, m: 5 * m, n: 3 * n, k: 2 * k, bias: true, activation: 'relu' },
    { name, m: 6 * m, n: 5 * n, k: 3 * k, transposeA: true, activation: 'tanh' },
    { name, m: 3 * m, n: 9 * n, k: 5 * k, transposeB: true, bias: true },
    { name, m: 4 * m, n: 4 * n, k: 4 * k, transposeA: true, transposeB: true },
    { name, m: 2 * m, n: 5 * n, k: 3 * k, lead: [[2, 1], [1, 3]], bias: true, activation: 'sigmoid' },
    { name, m, n: 2 * n, k: 2048 + k, bias: true, activation: 'relu' },
    { name, m: 128, n: 160, k: 96, transposeB: true },
  ];
  for (const options of cases) await checkMatmul(options, dtype, device);

  const a = GpuArray.from(uniform(5 * m * 7 * k, 1), [5 * m, 7 * k], device, dtype);
  const b = GpuArray.from(uniform(7 * k * 5 * n, 2), [7 * k, 5 * n], device, dtype);
  const values: Float32Array[] = [];
  for (const maxSize of [undefined, undefined, 64]) {
    const restore = setSubgroupMatrices(device, [matrix], maxSize);
    const c = matmul(a, b);
    values.push((await c.read()) as Float32Array);
    c.release();
    restore();
  }
  expect(values[1], 'the same bits twice').toEqual(values[0]);
  expectClose(values[0]!, values[2]!, dtype === 'f16' ? { norm: 1e-3 } : { absolute: 1e-5 }, name);
  for (const array of [a, b]) array.release();
}
