import { DeviceError } from '../errors.js';
import type { PassTimer } from './commandQueue.js';
import type { Device } from './device.js';

/** Time that the GPU spent in one dispatch. */
export interface KernelTime {
  /** `conv2d.forward` */
  label: string;
  nanoseconds: number;
}

const MOST = 2048; // dispatches: the largest query set that WebGPU allows has 4096 entries
const USAGE = { queryResolve: 0x200 | 0x4 /* COPY_SRC */, mapRead: 0x1 | 0x8 /* COPY_DST */ };

/**
 * Times each dispatch that `fn` enqueues, by a GPU timestamp before and after it. Each gets a pass
 * of its own, so the sum is a little more than the same work takes without timing.
 *
 * @throws DeviceError where the adapter lacks `timestamp-query`, for over 2,048 dispatches, or
 *   while others are timed.
 */
export async function timeKernels(
  device: Device,
  fn: () => void | Promise<void>,
): Promise<KernelTime[]> {
  const { gpu, queue } = device;
  if (!gpu.features.has('timestamp-query')) {
    throw new DeviceError(
      'timeKernels: expected an adapter with the feature timestamp-query, got one without. Measure wall time around sync() instead.',
    );
  }
  if (queue.timer) {
    throw new DeviceError(
      'timeKernels: expected one at a time, got one within another. Await the first.',
    );
  }
  const querySet = gpu.createQuerySet({ type: 'timestamp', count: 2 * MOST });
  const size = 2 * MOST * 8;
  const resolved = gpu.createBuffer({ size, usage: USAGE.queryResolve });
  const readable = gpu.createBuffer({ size, usage: USAGE.mapRead });
  const labels: string[] = [];
  const timer: PassTimer = {
    begin(label) {
      if (labels.length === MOST) {
        throw new DeviceError(
          `timeKernels: expected at most ${MOST} dispatches, got more. Time a shorter piece.`,
        );
      }
      const index = 2 * labels.length;
      labels.push(label);
      return { querySet, beginningOfPassWriteIndex: index, endOfPassWriteIndex: index + 1 };
    },
    resolve(encoder) {
      if (labels.length > 0) encoder.resolveQuerySet(querySet, 0, 2 * labels.length, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, readable, 0, size);
    },
  };
  queue.flush();
  queue.timer = timer;
  try {
    await fn();
    queue.flush();
    await readable.mapAsync(0x1 /* GPUMapMode.READ */);
    const times = new BigInt64Array(readable.getMappedRange());
    return labels.map((label, i) => ({
      label,
      nanoseconds: Number(times[2 * i + 1]! - times[2 * i]!),
    }));
  } finally {
    queue.flush(); // what was recorded before `fn` threw writes to the queries
    queue.timer = null;
    querySet.destroy();
    resolved.destroy();
    readable.destroy();
  }
}
