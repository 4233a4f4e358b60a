import { OutOfMemoryError } from '../errors.js';

/** A GPU buffer with what the pool and the command queue need to know of it. */
export interface PooledBuffer {
  readonly gpu: GPUBuffer;
  /** Unique for the life of the device: bind groups are cached by it. */
  readonly id: number;
  /** Bytes: the size class, not what was asked for. */
  readonly size: number;
  /** The command encoder that last used it: a host write must not overtake those commands. */
  lastUse: number;
  /** Whose it is for good, in use or idle; null for the pool's. */
  owner: BufferOwner | null;
  /** While above 0 the pool does not use it again, though nobody holds it. */
  pins: number;
  /** True if it came back while it was pinned. */
  waiting: boolean;
}

/** Keeps the buffers that are taken while it is the pool's owner; see recording.ts. */
export interface BufferOwner {
  take(size: number): PooledBuffer | undefined;
  adopt(buffer: PooledBuffer): void;
  giveBack(buffer: PooledBuffer): void;
}

export interface PoolAccount {
  bytesInUse: number;
  bytesPooled: number;
  bytesPeak: number;
}

const USAGE = 0x80 /* STORAGE */ | 0x4 /* COPY_SRC */ | 0x8; /* COPY_DST */
const SMALLEST = 256;
const DEFAULT_CAP = 512 * 2 ** 20;

/** Rounds up to 4 classes an octave: above 1 KiB at most a fifth of a buffer is idle. */
export function sizeClass(bytes: number): number {
  if (bytes <= SMALLEST) return SMALLEST;
  const octave = 2 ** Math.floor(Math.log2(bytes - 1));
  const step = Math.max(octave / 4, SMALLEST);
  return Math.ceil(bytes / step) * step;
}

/**
 * Storage buffers, handed out again as soon as they are released.
 *
 * Reuse is safe without waiting for the GPU: commands run in the order in which they were
 * enqueued. Above `cap` bytes of idle buffers the ones idle for longest are destroyed.
 */
export class BufferPool {
  readonly account: PoolAccount = { bytesInUse: 0, bytesPooled: 0, bytesPeak: 0 };
  /** By size class, the one idle for longest first. */
  private readonly idle = new Map<number, PooledBuffer[]>();
  /** All of them, the one idle for longest first. */
  private readonly byAge = new Set<PooledBuffer>();
  private nextId = 1;
  /** Gets every buffer that is taken, while set. */
  owner: BufferOwner | null = null;

  /**
   * @param onDestroy  Told each buffer just before it goes for good, to submit the commands that
   *                   use it and drop what was cached for it.
   * @param cap        Most bytes kept idle.
   */
  constructor(
    private readonly device: GPUDevice,
    private readonly onDestroy: (buffer: PooledBuffer) => void,
    public cap = DEFAULT_CAP,
  ) {}

  /**
   * @param fresh  True for one that the owner has not used before.
   * @throws OutOfMemoryError when one buffer of this size is over the device's limits.
   */
  acquire(bytes: number, label: string, fresh = false): PooledBuffer {
    // It may be more than one binding can hold: kernels then work in parts.
    const most = this.device.limits.maxBufferSize;
    if (bytes > most) {
      throw new OutOfMemoryError(
        `${label}: expected at most ${most} bytes in one tensor (this adapter's limit), got ${bytes}. ` +
          'Use a smaller batch or a smaller layer.',
      );
    }
    const size = Math.min(sizeClass(bytes), most);
    const owned = fresh ? undefined : this.owner?.take(size);
    if (owned) return owned;
    const idle = this.idle.get(size)?.pop();
    if (idle) {
      this.account.bytesPooled -= size;
      this.byAge.delete(idle);
    }
    const buffer = idle ?? this.create(size);
    this.owner?.adopt(buffer);
    this.account.bytesInUse += size;
    this.account.bytesPeak = Math.max(this.account.bytesPeak, this.account.bytesInUse);
    return buffer;
  }

  release(buffer: PooledBuffer): void {
    if (buffer.owner) {
      buffer.owner.giveBack(buffer);
      return;
    }
    if (buffer.pins > 0) {
      buffer.waiting = true;
      return;
    }
    this.account.bytesInUse -= buffer.size;
    this.account.bytesPooled += buffer.size;
    const list = this.idle.get(buffer.size);
    if (list) list.push(buffer);
    else this.idle.set(buffer.size, [buffer]);
    this.byAge.add(buffer);
    if (this.account.bytesPooled > this.cap) this.trim(this.cap / 2);
  }

  /** Undoes one pin; the buffer is idle then if nobody holds it. */
  unpin(buffer: PooledBuffer): void {
    if (--buffer.pins > 0 || !buffer.waiting) return;
    buffer.waiting = false;
    this.release(buffer);
  }

  /** Has the peak count from now on. */
  resetPeak(): void {
    this.account.bytesPeak = this.account.bytesInUse;
  }

  /** Destroys idle buffers, the one idle for longest first, until at most `bytes` are left. */
  trim(bytes = 0): void {
    for (const buffer of this.byAge) {
      if (this.account.bytesPooled <= bytes) break;
      this.byAge.delete(buffer);
      this.idle.get(buffer.size)!.shift();
      this.account.bytesPooled -= buffer.size;
      this.onDestroy(buffer);
      buffer.gpu.destroy();
    }
    // Dawn gives memory back at the next submit, and not before.
    this.device.queue.submit([]);
  }

  private create(size: number): PooledBuffer {
    return {
      gpu: this.device.createBuffer({ size, usage: USAGE }),
      id: this.nextId++,
      size,
      lastUse: -1,
      owner: null,
      pins: 0,
      waiting: false,
    };
  }
}
