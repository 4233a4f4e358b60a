import { openDevice, setCurrentDevice, type Device } from '../../src/gpu/device.js';
import { init, type InitOptions } from '../../src/gpu/init.js';

/**
 * Runs `fn` with a device of its own, closed after it, so that a failure provoked there reaches no
 * other test. The device of the tests stays the current one: hand `device` to what makes arrays.
 */
export async function withDevice<T>(
  fn: (device: Device) => Promise<T> | T,
  options: InitOptions = {},
): Promise<T> {
  const before = openDevice();
  const device = await init({ onNote: () => undefined, ...options });
  setCurrentDevice(before);
  try {
    return await fn(device);
  } finally {
    device.close();
  }
}
