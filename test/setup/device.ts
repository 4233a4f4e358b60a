/**
 * Opens the device before the tests of a file, unless a file before has: files share a process or a
 * page, and so the device with its pipelines. A test fails on a WebGPU error that it did not catch,
 * on GPU memory that it took and left, and on a device that it left in another state.
 */
import { close, init, manualSeed, memory, sync } from 'shadegrad';
import { openDevice, type Device } from '../../src/gpu/device.js';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { disposeKept } from '../support/keep.js';

let before: { device: Device; state: object; bytes: number };

/** The open device, or a new one where there was none before, or the last test has closed it. */
async function usualDevice(): Promise<Device> {
  const open = openDevice();
  if (open) return open;
  const device = await init({ onNote: () => undefined });
  device.choices.tuned.clear(); // what this machine's user has tuned is no matter here
  return device;
}

/** What a test may change of a device, and must put back. */
function stateOf({ adapterClass, bindingLimit, choices, hasF16, hasSubgroups, info }: Device) {
  const { software, subgroupMatrices } = info;
  const [forced, tuned] = [[...choices.forced], [...choices.tuned]];
  return {
    adapterClass,
    bindingLimit,
    hasF16,
    hasSubgroups,
    software,
    subgroupMatrices,
    forced,
    tuned,
  };
}

beforeAll(async () => {
  const { info } = await usualDevice();
  // Where a driver was asked for, the adapter that npm installs is no substitute.
  const driver = typeof process !== 'undefined' && process.env['SHADEGRAD_TEST_DRIVER'];
  if (driver) expect(info.description, 'adapter').not.toMatch(/swiftshader/i);
});

afterAll(() => {
  // What hooks left on the device is no matter of the next file, which gets a new one then.
  if (memory().bytesInUse > 0) close();
});

beforeEach(async () => {
  const device = await usualDevice();
  // The same numbers whatever ran before.
  manualSeed(0);
  before = { device, state: stateOf(device), bytes: memory().bytesInUse };
});

afterEach(async () => {
  disposeKept();
  await sync();
  expect(memory().bytesInUse, 'bytes of GPU memory after the test').toBe(before.bytes);
  if (openDevice() === before.device)
    expect(stateOf(before.device), 'the device after the test').toEqual(before.state);
});
