import { test, type TestFunction } from 'vitest';
import { currentDevice } from '../../src/gpu/device.js';

/** A test that needs f16: skipped, and counted as such, where the adapter has none. */
export function testHalf(name: string, run: TestFunction): void {
  test(name, (context) => {
    context.skip(!currentDevice().hasF16, 'the adapter has no f16');
    return run(context);
  });
}
