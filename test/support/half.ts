import { test } from 'vitest';
import { currentDevice } from '../../src/gpu/device.js';

/** A test that needs f16: skipped, and counted as such, where the adapter has none. */
export function testHalf(name: string, run: () => void | Promise<void>): void {
  test(name, async ({ skip }) => {
    skip(!currentDevice().hasF16, 'the adapter has no f16');
    await run();
  });
}
