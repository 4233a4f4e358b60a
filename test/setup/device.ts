/**
 * Opens the device before the tests of a file and closes it after them. A test fails on a WebGPU
 * error that it did not catch, and on GPU memory that it took and left.
 */
import { close, init, memory, sync } from 'shadegrad';
import { openDevice } from '../../src/gpu/device.js';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';

const QUIET = { onNote: () => undefined };
let bytesBefore = 0;

beforeAll(async () => {
  const { info, choices } = await init(QUIET);
  choices.tuned.clear(); // what this machine's user has tuned is no matter here
  // Where a driver was asked for, the adapter that npm installs is no substitute.
  const driver = typeof process !== 'undefined' && process.env['SHADEGRAD_TEST_DRIVER'];
  if (driver) expect(info.description, 'adapter').not.toMatch(/swiftshader/i);
});

beforeEach(async () => {
  // The test before may have closed the device.
  if (!openDevice()) await init(QUIET);
  bytesBefore = memory().bytesInUse;
});

afterEach(async () => {
  await sync();
  expect(memory().bytesInUse, 'bytes of GPU memory after the test').toBe(bytesBefore);
});

afterAll(() => {
  close();
});
