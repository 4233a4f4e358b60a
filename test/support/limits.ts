import { currentDevice } from '../../src/gpu/device.js';

/** Runs `fn` as on an adapter whose bindings hold no more than `bytes`. */
export async function withBindingLimit<T>(bytes: number, fn: () => Promise<T> | T): Promise<T> {
  const device = currentDevice();
  const limit = device.bindingLimit;
  device.bindingLimit = bytes;
  try {
    return await fn();
  } finally {
    device.bindingLimit = limit;
  }
}
