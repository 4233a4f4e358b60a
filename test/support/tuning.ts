import { init } from 'shadegrad';
import { afterEach, beforeEach } from 'vitest';

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
