import { ArgumentError } from '../errors.js';
import { Device, openDevice } from './device.js';

/**
 * Runs `fn` with tensors that have a shape and a dtype, and neither memory nor values. A network of
 * any size is built, called and counted in milliseconds, without initialisation, and without a GPU:
 * before `init()` too. Shapes and errors are those of a real run. Tensors that were there before may
 * take part and stay as they are, and so does the stream of random numbers.
 *
 * What is made within has no values afterwards either: read, or computed with outside of `meta()`, it
 * throws a DeviceError.
 *
 * Source: torch's meta device, https://docs.pytorch.org/docs/stable/meta.html
 *
 * @param fn  Not async: the mode ends when it returns.
 * @returns what `fn` returns.
 * @throws ArgumentError for anything but a function, and for one that returns a promise.
 *
 * @example
 * const model = sg.meta(() => new sg.models.AlexNet());
 * console.log(String(model.summary([1, 3, 224, 224]))); // 61,100,840 parameters, in no memory
 */
export function meta<T>(fn: () => T): T {
  if (typeof fn !== 'function') {
    const fix = 'Pass what makes the network: meta(() => new LeNet5()).';
    throw new ArgumentError('meta', 'a function', fn === null ? 'null' : typeof fn, fix);
  }
  let result: { value: T } | undefined;
  (openDevice() ?? deviceWithoutGpu()).dryRun(() => {
    result = { value: fn() };
  });
  const { value } = result!;
  if (value instanceof Promise) {
    value.catch(() => undefined); // what comes after its first await runs outside, and nobody waits
    const fix = 'Await outside, and use what came within.';
    throw new ArgumentError('meta', 'a function that is not async', 'a promise', fix);
  }
  return value;
}

/** What tensors of `meta()` are on where no device is open. Nothing reaches its GPU, which is none. */
function deviceWithoutGpu(): Device {
  const gpu: Pick<GPUDevice, 'addEventListener' | 'createBuffer' | 'lost'> = {
    addEventListener: () => undefined,
    createBuffer: () => ({}) as GPUBuffer,
    lost: new Promise(() => undefined),
  };
  return new Device(gpu as GPUDevice, {
    ...{ vendor: '', architecture: '', description: 'meta', software: false },
    ...{ features: ['shader-f16'], limits: {}, subgroupMatrices: [] },
  });
}
