/**
 * Opens the device before the tests of a file and closes it after them. A test fails on a WebGPU
 * error that it did not catch, and on GPU memory that it took and left.
 */
import { close, init, memory, sync } from 'shadegrad';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';

let bytesBefore = 0;

beforeAll(async () => {
  await init({ software: 'auto', onNote: () => undefined });
});

beforeEach(async () => {
  // Does nothing unless the test before closed the device.
  await init();
  bytesBefore = memory().bytesInUse;
});

afterEach(async () => {
  await sync();
  expect(memory().bytesInUse, 'bytes of GPU memory after the test').toBe(bytesBefore);
});

afterAll(() => {
  close();
});
