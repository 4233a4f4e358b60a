import { init } from 'shadegrad';
import { afterEach, beforeEach } from 'vitest';
import { currentDevice, type Device } from '../../src/gpu/device.js';
import type { SubgroupMatrix } from '../../src/gpu/subgroupMatrix.js';

export const ADAPTERS = ['software', 'hardware'] as const;

/** Makes kernels launch as they would on the other kind of adapter, in each test of this block. */
export function tuneFor(adapter: (typeof ADAPTERS)[number]): void {
  let actual: boolean;
  beforeEach(async () => {
    const { info } = await init();
    actual = info.software;
    info.software = adapter === 'software';
  });
  afterEach(async () => {
    (await init()).info.software = actual;
  });
}

/** Makes kernels run without subgroups, also where the adapter has them, in each test of this block. */
export function withoutSubgroups(): void {
  let actual: boolean;
  const device = (): { hasSubgroups: boolean } => currentDevice();
  beforeEach(() => {
    actual = device().hasSubgroups;
    device().hasSubgroups = false;
  });
  afterEach(() => {
    device().hasSubgroups = actual;
  });
}

/**
 * Makes a device say that it has these subgroup matrices.
 *
 * @param maxSize  If given, of a subgroup of 64 invocations without WGSL's extension, by which kernels
 *   compute the same then. If not, they use the extension.
 * @returns what makes it say again what it said before.
 */
export function setSubgroupMatrices(
  device: Device,
  subgroupMatrices: readonly SubgroupMatrix[],
  maxSize?: number,
): () => void {
  const { hasSubgroupMatrices, subgroupMaxSize, info } = device;
  const before = info.subgroupMatrices;
  if (maxSize) Object.assign(device, { hasSubgroupMatrices: false, subgroupMaxSize: maxSize });
  info.subgroupMatrices = subgroupMatrices;
  return () => {
    Object.assign(device, { hasSubgroupMatrices, subgroupMaxSize });
    info.subgroupMatrices = before;
  };
}
