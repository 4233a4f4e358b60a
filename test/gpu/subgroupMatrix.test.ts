import { expect, test } from 'vitest';
import { SUBGROUP_MATRIX, subgroupMatricesOf } from '../../src/gpu/subgroupMatrix.js';

/** What Dawn says of an Intel GPU. */
const config = { M: 8, N: 16, K: 32, componentType: 'f16', resultComponentType: 'f32' };

function found(features: string[], info: object): unknown {
  const gpu = { features: new Set(features) } as unknown as GPUDevice;
  return subgroupMatricesOf(gpu, info as GPUAdapterInfo);
}

test('subgroup matrices are those of the adapter', () => {
  expect(found([SUBGROUP_MATRIX], { subgroupMatrixConfigs: [config] })).toEqual([
    { m: 8, n: 16, k: 32, component: 'f16', result: 'f32' },
  ]);
});

test('there are none without the feature, or where the adapter does not say which', () => {
  expect(found(['subgroups'], { subgroupMatrixConfigs: [config] })).toEqual([]);
  expect(found([SUBGROUP_MATRIX], {})).toEqual([]);
});
