import { test, type TestContext } from 'vitest';
import { currentDevice } from '../../src/gpu/device.js';

/** Skips the test under way, which is then counted as such, where the adapter has no f16. */
export function skipWithoutHalf({ skip }: Pick<TestContext, 'skip'>): void {
  skip(!currentDevice().hasF16, 'the adapter has no f16');
}

/** A test that needs f16. */
export function testHalf(name: string, run: () => void | Promise<void>): void {
  test(name, async (context) => {
    skipWithoutHalf(context);
    await run();
  });
}
