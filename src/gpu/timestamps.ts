import { DeviceError } from '../errors.js';
import type { Cost } from './commandQueue.js';
import type { Device } from './device.js';
import type { KernelTime, KernelTimer } from './kernelTime.js';
import { WallTimer } from './wallTimes.js';

/**
 * Times each dispatch that `fn` enqueues, each in a pass of its own, so the sum is a little more than
 * the same work takes without timing. The times are of GPU timestamps where the adapter has
 * `timestamp-query`; elsewhere of the clock on the wall, around a submit for each dispatch.
 *
 * @param options.clock  What they are timed by. Default: as above.
 * @throws DeviceError while others are timed.
 */
export async function timeKernels(
  device: Device,
  fn: () => unknown,
  { clock = clockOf(device) }: { clock?: 'gpu' | 'wall' } = {},
): Promise<KernelTime[]> {
  const { queue } = device;
  if (queue.timer) {
    throw new DeviceError(
      'timeKernels: expected one at a time, got one within another. Await the first.',
    );
  }
  queue.flush();
  const timer: KernelTimer =
    clock === 'gpu' ? new TimestampTimer(device) : await WallTimer.for(device);
  queue.timer = timer;
  try {
    await fn();
    queue.flush();
    return await timer.read();
  } finally {
    queue.flush(); // what was recorded before `fn` threw writes to the queries
    await timer.gate?.drain();
    queue.timer = null;
    timer.dispose();
  }
}

/** What dispatches can be timed by. */
export function clockOf({ gpu }: Device): 'gpu' | 'wall' {
  return gpu.features.has('timestamp-query') ? 'gpu' : 'wall';
}

const DISPATCHES = 256; // of one set of queries: there are as many sets as it takes
const BYTES = 2 * DISPATCHES * 8;
const USAGE = { queryResolve: 0x200 | 0x4 /* COPY_SRC */, mapRead: 0x1 | 0x8 /* COPY_DST */ };
const MAP_READ = 0x1;

/** Two queries for each of some dispatches, and where they are resolved to. */
interface QueryChunk {
  queries: GPUQuerySet;
  resolved: GPUBuffer;
  readable: GPUBuffer;
  used: number;
  /** Of those, how many have been resolved. */
  done: number;
}

/** By GPU timestamps at the beginning and the end of a pass. */
class TimestampTimer implements KernelTimer {
  private readonly dispatches: { label: string; cost: Cost; enqueued: number }[] = [];
  private readonly chunks: QueryChunk[] = [];
  private firstSubmit = 0;

  constructor(private readonly device: Device) {}

  begin(label: string, cost: Cost): GPUComputePassTimestampWrites {
    this.dispatches.push({ label, cost, enqueued: performance.now() });
    const last = this.chunks.at(-1);
    const chunk = last && last.used < DISPATCHES ? last : this.addChunk();
    const index = 2 * chunk.used++;
    return {
      querySet: chunk.queries,
      beginningOfPassWriteIndex: index,
      endOfPassWriteIndex: index + 1,
    };
  }

  resolve(encoder: GPUCommandEncoder): void {
    this.firstSubmit ||= performance.now();
    for (const chunk of this.chunks) {
      if (chunk.done === chunk.used) continue;
      encoder.resolveQuerySet(chunk.queries, 0, 2 * chunk.used, chunk.resolved, 0);
      chunk.done = chunk.used;
    }
  }

  async read(): Promise<KernelTime[]> {
    const { gpu } = this.device;
    const encoder = gpu.createCommandEncoder();
    for (const { resolved, readable } of this.chunks)
      encoder.copyBufferToBuffer(resolved, 0, readable, 0, BYTES);
    gpu.queue.submit([encoder.finish()]);
    await Promise.all(this.chunks.map(({ readable }) => readable.mapAsync(MAP_READ)));
    const times = this.chunks.map(({ readable }) => new BigInt64Array(readable.getMappedRange()));
    const first = times[0]?.[0] ?? 0n;
    return this.dispatches.map(({ label, cost, enqueued }, i) => {
      const chunk = times[Math.floor(i / DISPATCHES)]!;
      const at = 2 * (i % DISPATCHES);
      return {
        label,
        nanoseconds: Number(chunk[at + 1]! - chunk[at]!),
        start: this.firstSubmit + Number(chunk[at]! - first) / 1e6,
        enqueued,
        ...cost,
      };
    });
  }

  dispose(): void {
    for (const { queries, resolved, readable } of this.chunks) {
      for (const resource of [queries, resolved, readable]) resource.destroy();
    }
  }

  private addChunk(): QueryChunk {
    const { gpu } = this.device;
    const chunk = {
      queries: gpu.createQuerySet({ type: 'timestamp', count: 2 * DISPATCHES }),
      resolved: gpu.createBuffer({ size: BYTES, usage: USAGE.queryResolve }),
      readable: gpu.createBuffer({ size: BYTES, usage: USAGE.mapRead }),
      used: 0,
      done: 0,
    };
    this.chunks.push(chunk);
    return chunk;
  }
}
