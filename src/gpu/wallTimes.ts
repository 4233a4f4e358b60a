import type { Cost, Gate, PassTimer } from './commandQueue.js';
import type { Device } from './device.js';
import type { KernelTime } from './kernelTime.js';

/** Commands that wait behind the gate: for the GPU's queue, with the dispatch among them. */
interface Waiting {
  run(queue: GPUQueue): void;
  /** Index of the dispatch, null for what is not timed. */
  dispatch: number | null;
}

const ROUNDS = 9; // to measure what a submit takes that does nothing

/**
 * Times dispatches by the clock on the wall, for adapters without timestamps. Commands are kept back
 * while they are enqueued, since nothing can be awaited there, and then run one dispatch at a time,
 * in their order. What an empty submit takes is subtracted.
 */
export class WallTimer implements PassTimer {
  private readonly dispatches: Omit<KernelTime, 'nanoseconds' | 'start'>[] = [];
  private readonly measured: { nanoseconds: number; start: number }[] = [];
  /** The dispatch whose submit comes next. */
  private open: number | null = null;
  private readonly waiting: Waiting[] = [];
  private draining: Promise<void> = Promise.resolve();
  private readonly cap: number;

  readonly gate: Gate = {
    submit: (buffers: Iterable<GPUCommandBuffer>) => {
      const kept = [...buffers];
      this.keep((queue) => queue.submit(kept), this.open);
      this.open = null;
    },
    writeBuffer: (buffer, bufferOffset, data, dataOffset = 0, size?) => {
      const bytes = copyOf(data, dataOffset, size);
      this.keep((queue) => queue.writeBuffer(buffer, bufferOffset, bytes), null);
    },
    // One after the other: a second call waits for what the first one runs.
    drain: () => (this.draining = this.draining.then(() => this.run())),
  };

  private constructor(
    private readonly device: Device,
    /** Milliseconds. */
    private readonly emptySubmit: number,
  ) {
    // A buffer that waiting commands use must not be destroyed.
    this.cap = device.pool.cap;
    device.pool.cap = Infinity;
  }

  static async for(device: Device): Promise<WallTimer> {
    await device.sync();
    const times: number[] = [];
    for (let i = 0; i < ROUNDS; i++) {
      const start = performance.now();
      const encoder = device.gpu.createCommandEncoder();
      encoder.beginComputePass().end();
      device.gpu.queue.submit([encoder.finish()]);
      await device.gpu.queue.onSubmittedWorkDone();
      times.push(performance.now() - start);
    }
    return new WallTimer(device, times.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)]!);
  }

  begin(label: string, { flops, bytes }: Cost): undefined {
    this.open = this.dispatches.length;
    this.dispatches.push({ label, flops, bytes, enqueued: performance.now() });
  }

  resolve(): void {
    // Nothing to resolve: the times are taken around the submits.
  }

  async read(): Promise<KernelTime[]> {
    await this.gate.drain();
    return this.dispatches.map((dispatch, i) => ({ ...dispatch, ...this.measured[i]! }));
  }

  dispose(): void {
    const { pool } = this.device;
    pool.cap = this.cap;
    if (pool.account.bytesPooled > pool.cap) pool.trim(pool.cap);
  }

  private keep(run: Waiting['run'], dispatch: number | null): void {
    this.waiting.push({ run, dispatch });
  }

  private async run(): Promise<void> {
    const { queue } = this.device.gpu;
    let idle = false; // nothing of it is left for the GPU to do
    for (let item = this.waiting.shift(); item; item = this.waiting.shift()) {
      if (item.dispatch === null) {
        item.run(queue);
        idle = false;
        continue;
      }
      if (!idle) await queue.onSubmittedWorkDone();
      idle = true;
      const start = performance.now();
      item.run(queue);
      await queue.onSubmittedWorkDone();
      const milliseconds = performance.now() - start - this.emptySubmit;
      this.measured[item.dispatch] = { start, nanoseconds: Math.max(0, milliseconds) * 1e6 };
    }
  }
}

function copyOf(
  data: AllowSharedBufferSource,
  offset: number,
  size: number | undefined,
): Uint8Array<ArrayBuffer> {
  // Offsets and sizes of a typed array are in elements, else in bytes.
  const unit = 'BYTES_PER_ELEMENT' in data ? (data.BYTES_PER_ELEMENT as number) : 1;
  const [buffer, from] = ArrayBuffer.isView(data) ? [data.buffer, data.byteOffset] : [data, 0];
  const start = from + offset * unit;
  const bytes = size === undefined ? data.byteLength - offset * unit : size * unit;
  return new Uint8Array(buffer.slice(start, start + bytes) as ArrayBuffer);
}
