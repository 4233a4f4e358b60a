import { init } from 'shadegrad';
import { afterEach, beforeEach } from 'vitest';
import { currentDevice } from '../../src/gpu/device.js';

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
