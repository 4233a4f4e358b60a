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

/** Those that a device multiplies, in the order of its driver; none if it lacks the feature. */
export function subgroupMatricesOf(gpu: GPUDevice): SubgroupMatrix[] {
  if (!(gpu.features as ReadonlySet<string>).has(SUBGROUP_MATRIX)) return [];
  const { subgroupMatrixConfigs: configs = [] } = gpu.adapterInfo as {
    subgroupMatrixConfigs?: Iterable<Config>;
  };
  return Array.from(configs, ({ M, N, K, componentType, resultComponentType }) => ({
    ...{ m: M, n: N, k: K },
    ...{ component: componentType, result: resultComponentType },
  }));
}
