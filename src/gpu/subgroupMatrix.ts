/** The feature, which Dawn holds for experimental; elsewhere there is none. */
export const SUBGROUP_MATRIX = 'chromium-experimental-subgroup-matrix';

/**
 * Matrices that the invocations of a subgroup multiply together: C (M, N) gains A (M, K) times B (K, N).
 *
 * Source: https://dawn.googlesource.com/dawn/+/main/docs/dawn/features/subgroup_matrix.md
 */
export interface SubgroupMatrix {
  m: number;
  n: number;
  k: number;
  /** Type of the elements of A and B. */
  component: 'f32' | 'f16' | 'u32' | 'i32' | 'u8' | 'i8';
  /** Type of the elements of C. */
  result: SubgroupMatrix['component'];
}

/** As Dawn has it; TypeScript's library does not know it. */
interface Config {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly componentType: SubgroupMatrix['component'];
  readonly resultComponentType: SubgroupMatrix['component'];
}

/**
 * Those that a device multiplies; none if it was made without the feature.
 *
 * @param info  Of its adapter: a device's own has none in Node.
 */
export function subgroupMatricesOf(gpu: GPUDevice, info: GPUAdapterInfo): SubgroupMatrix[] {
  if (!(gpu.features as ReadonlySet<string>).has(SUBGROUP_MATRIX)) return [];
  const { subgroupMatrixConfigs = [] } = info as { subgroupMatrixConfigs?: Iterable<Config> };
  return Array.from(subgroupMatrixConfigs, ({ M, N, K, componentType, resultComponentType }) => ({
    ...{ m: M, n: N, k: K },
    ...{ component: componentType, result: resultComponentType },
  }));
}
