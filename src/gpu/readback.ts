import { DeviceError } from '../errors.js';
import { sizeClass, type PooledBuffer } from './bufferPool.js';
import type { CommandQueue } from './commandQueue.js';
import type { IdleWait } from './idleWait.js';

const USAGE = 0x1 /* MAP_READ */ | 0x8; /* COPY_DST */
const READ = 0x1;
const MOST_IDLE = 8;
const LARGEST_IDLE = 16 * 2 ** 20; // bytes

/** Throws if a command failed or the device is gone: what is known now, or once it is known. */
interface Failures {
  throwIfFailed(): void;
  settled(): Promise<void>;
}

/** Copies buffers back to the host through mappable ones; some, none large, are kept for the next time. */
export class Readback {
  private readonly idle: GPUBuffer[] = [];

  constructor(
    private readonly device: GPUDevice,
    private readonly queue: CommandQueue,
    private readonly wait: IdleWait,
    private readonly failures: Failures,
  ) {}

  /** `bytes` of `buffer` from `offset` on, once every command recorded before this call has run. */
  async read(buffer: PooledBuffer, offset: number, bytes: number): Promise<ArrayBuffer> {
    this.failures.throwIfFailed();
    const staging = this.take(bytes);
    this.queue.copy(buffer, offset, staging, 0, bytes);
    this.queue.flush();
    try {
      await this.queue.timer?.gate?.drain();
      await this.wait.for(staging.mapAsync(READ, 0, bytes));
    } catch (error) {
      staging.destroy();
      await this.failures.settled(); // the reason, where it is known, says more than "mapping failed"
      throw new DeviceError(`read: ${(error as Error).message}`, { cause: error });
    }
    const data = staging.getMappedRange(0, bytes).slice(0);
    staging.unmap();
    if (this.idle.length < MOST_IDLE && staging.size <= LARGEST_IDLE) this.idle.push(staging);
    else staging.destroy();
    await this.failures.settled();
    return data;
  }

  private take(bytes: number): GPUBuffer {
    const size = sizeClass(bytes);
    const index = this.idle.findIndex((buffer) => buffer.size >= bytes && buffer.size <= 4 * size);
    if (index >= 0) return this.idle.splice(index, 1)[0]!;
    return this.device.createBuffer({ label: 'readback', size, usage: USAGE });
  }
}
