import { DeviceError, DisposedError, DTypeError, ShapeError } from '../errors.js';
import type { PooledBuffer } from './bufferPool.js';
import { currentDevice, isDryRun, type Device } from './device.js';
import {
  BYTES_PER_ELEMENT,
  decode,
  dtypeOf,
  encode,
  numelOf,
  typedArray,
  type DType,
  type Shape,
  type TypedArray,
} from './dtype.js';

/**
 * The memory of one or more arrays. The buffer is taken from the pool at the first use, and goes
 * back when the last array lets go.
 */
export class Storage {
  private buffer: PooledBuffer | null = null;
  private refs = 1;
  private divided = false;
  /** True if it was made in a dry run: it never has a buffer. */
  readonly isMeta = isDryRun();
  /** Counts writes in place: what was saved for backward must not have changed since. */
  version = 0;

  constructor(
    readonly device: Device,
    readonly bytes: number,
    /** The storage that it is a piece of, with a count and a version of its own. */
    private readonly parent: Storage | null = null,
  ) {
    if (!this.isMeta) device.liveArrays++;
    parent?.divide();
  }

  get shared(): boolean {
    return this.refs > 1;
  }

  /** @throws DeviceError if it was made in a dry run. */
  pooled(label: string): PooledBuffer {
    if (this.isMeta) throw metaError(label);
    return (this.buffer ??= this.parent
      ? this.parent.pooled(label)
      : this.device.pool.acquire(Math.max(this.bytes, WORD), label));
  }

  /** Its buffer, for the host to write to. */
  forHost(): PooledBuffer {
    const { device } = this;
    const { recording } = device;
    if (!recording) return this.pooled('write');
    if (this.buffer || this.parent)
      device.forbidInRecording(
        'a write from the host to a tensor that was there before',
        'Write before the captured step; it reads the new values.',
      );
    this.buffer = device.pool.acquire(Math.max(this.bytes, WORD), 'write', true);
    recording.keepConstant(this.buffer);
    return this.buffer;
  }

  addRef(): void {
    this.refs++;
  }

  /** A piece of it was made: from now on it counts by its pieces. */
  private divide(): void {
    this.addRef();
    if (!this.divided && !this.isMeta) this.device.liveArrays--;
    this.divided = true;
  }

  /** What it is a piece of, or itself. */
  get whole(): Storage {
    return this.parent ?? this;
  }

  dropRef(): void {
    if (--this.refs > 0) return;
    if (!this.divided && !this.isMeta) this.device.liveArrays--;
    if (this.parent) this.parent.dropRef();
    else if (this.buffer && !this.device.closed) this.device.pool.release(this.buffer);
    this.buffer = null;
  }
}

/** What is thrown for a tensor without memory. */
export function metaError(op: string): DeviceError {
  return new DeviceError(
    `${op}: expected a tensor with memory, got one that was made within meta(), which has a shape and no values. ` +
      'Use it within meta() alone, or make it outside.',
  );
}

/** Bytes: what WebGPU guarantees that bindings may start at. */
export const BINDING_ALIGNMENT = 256;

const WORD = 4; // bytes; copies and bindings come in whole words

function bytesOf(shape: Shape, dtype: DType): number {
  return WORD * Math.ceil((numelOf(shape) * BYTES_PER_ELEMENT[dtype]) / WORD);
}

/**
 * A contiguous array on the GPU: a shape and a dtype over a counted piece of memory.
 *
 * Each GpuArray is one reference to its storage, given back by `release()`. It knows nothing of
 * gradients; ops take and return it, users hold Tensors.
 */
export class GpuArray {
  private released = false;

  private constructor(
    readonly storage: Storage,
    readonly shape: Shape,
    readonly dtype: DType,
    /** Where it starts in the storage, in bytes; a multiple of BINDING_ALIGNMENT. */
    readonly byteOffset = 0,
  ) {}

  /**
   * An array with undefined contents, which the kernel that gets it as output must all write.
   * @throws DTypeError for f16 on an adapter without `shader-f16`.
   */
  static empty(shape: Shape, dtype: DType = 'f32', device: Device = currentDevice()): GpuArray {
    if (dtype === 'f16' && !device.hasF16) {
      throw new DTypeError(
        'f16',
        'an adapter with the feature shader-f16',
        'one without',
        'Use f32 here.',
      );
    }
    return new GpuArray(new Storage(device, bytesOf(shape, dtype)), [...shape], dtype);
  }

  /** A copy of `data` on the GPU. @throws ShapeError if its length is not that of `shape`. */
  static from(
    data: TypedArray,
    shape: Shape,
    device: Device = currentDevice(),
    dtype: DType = dtypeOf(data),
  ): GpuArray {
    const array = GpuArray.empty(shape, dtype, device);
    array.write(data);
    return array;
  }

  get device(): Device {
    return this.storage.device;
  }

  get isReleased(): boolean {
    return this.released;
  }

  get numel(): number {
    return numelOf(this.shape);
  }

  /** Bytes on the GPU, in whole words. */
  get bytes(): number {
    return bytesOf(this.shape, this.dtype);
  }

  /** Another reference to the same memory, by default with the same shape. */
  share(shape: Shape = this.shape): GpuArray {
    this.checkAlive('share');
    if (this.staysOut) return GpuArray.empty(shape, this.dtype, this.device);
    this.storage.addRef();
    return new GpuArray(this.storage, [...shape], this.dtype, this.byteOffset);
  }

  /**
   * The elements from `first` on as an array of their own: a reference to the same memory where
   * that can be bound, else a copy. What is written to it reaches this array by `setPart`.
   */
  part(first: number, shape: Shape): GpuArray {
    this.checkAlive('part');
    if (this.staysOut) return GpuArray.empty(shape, this.dtype, this.device);
    const byteOffset = this.byteOffset + first * BYTES_PER_ELEMENT[this.dtype];
    if (byteOffset % BINDING_ALIGNMENT === 0) {
      this.storage.addRef();
      return new GpuArray(this.storage, [...shape], this.dtype, byteOffset);
    }
    const copy = GpuArray.empty(shape, this.dtype, this.device);
    this.transfer(copy, byteOffset, 0, copy);
    return copy;
  }

  /**
   * The elements from `first` on as an array with a memory of its own within this one: writes to
   * either are seen in the other, but each counts its own. @param first  A multiple of 256 bytes.
   */
  piece(first: number, shape: Shape): GpuArray {
    this.checkAlive('piece');
    const storage = new Storage(this.device, bytesOf(shape, this.dtype), this.storage);
    const byteOffset = this.byteOffset + first * BYTES_PER_ELEMENT[this.dtype];
    return new GpuArray(storage, [...shape], this.dtype, byteOffset);
  }

  /**
   * The memory from here to the end of `last`, another piece of the same array, in one array; with
   * what lies behind it, up to where the next piece may start.
   */
  upTo(last: GpuArray): GpuArray {
    this.checkAlive('upTo');
    const bytes = last.byteOffset - this.byteOffset;
    const { whole } = this.storage;
    whole.addRef();
    const aligned = BINDING_ALIGNMENT * Math.ceil((bytes + last.bytes) / BINDING_ALIGNMENT);
    const numel = aligned / BYTES_PER_ELEMENT[this.dtype];
    return new GpuArray(whole, [numel], this.dtype, this.byteOffset);
  }

  /** Writes what `part(first, ...)` gave back, where it was a copy; and releases it. */
  setPart(first: number, part: GpuArray): void {
    if (part.storage !== this.storage) {
      part.transfer(this, 0, this.byteOffset + first * BYTES_PER_ELEMENT[this.dtype], part);
    }
    part.release();
  }

  /** Gives this reference back; a second call does nothing. */
  release(): void {
    if (this.released) return;
    this.released = true;
    this.storage.dropRef();
  }

  /**
   * Replaces the contents, in order with the commands before and after.
   * @throws ShapeError for another number of elements, DeviceError if the device failed.
   */
  write(data: TypedArray): void {
    this.checkAlive('write');
    if (data.length !== this.numel) {
      throw new ShapeError('write', `${this.numel} elements`, `${data.length} elements`);
    }
    if (isDryRun()) return;
    this.device.throwIfFailed();
    if (data.length === 0) return;
    this.device.queue.write(this.storage.forHost(), this.byteOffset, encode(this.dtype, data));
    this.storage.version++;
  }

  /** Replaces the contents by those of an array with as many elements, of the same dtype. */
  copyFrom(source: GpuArray): void {
    this.checkAlive('copyFrom');
    source.checkAlive('copyFrom');
    if (source.device !== this.device && !isDryRun()) {
      throw new DeviceError(
        'copyFrom: expected arrays of one device, got two. Use write(await source.read()).',
      );
    }
    if (source.numel !== this.numel || source.dtype !== this.dtype) {
      throw new ShapeError(
        'copyFrom',
        `${this.numel} elements of ${this.dtype}`,
        `${source.numel} of ${source.dtype}`,
      );
    }
    if (source.storage === this.storage && source.byteOffset === this.byteOffset) return;
    source.transfer(this, source.byteOffset, this.byteOffset, this);
  }

  /** Copies as many bytes as `extent` has; both offsets count from the start of the storage. */
  private transfer(target: GpuArray, from: number, to: number, extent: GpuArray): void {
    if (isDryRun()) return;
    this.device.throwIfFailed();
    if (extent.numel === 0) return;
    target.storage.version++;
    const { bytes } = extent;
    const source = this.storage.pooled('copy');
    const buffer = target.storage.pooled('copy');
    buffer.lastUse = this.device.queue.serial;
    this.device.queue.copy(source, from, buffer.gpu, to, bytes);
    const copy = { from: source, fromOffset: from, to: buffer, toOffset: to, bytes };
    this.device.recording?.addCopy(copy, this.storage, target.storage);
  }

  /** The same contents in memory of its own. */
  copy(): GpuArray {
    const copy = GpuArray.empty(this.shape, this.dtype, this.device);
    copy.copyFrom(this);
    return copy;
  }

  /** The contents, once every command before this call has run. */
  async read(): Promise<TypedArray> {
    this.checkAlive('read');
    this.device.forbidInRecording(
      'data(), item() or another readback in it',
      'Return the tensor, and read it after the captured step.',
    );
    if (this.numel === 0) return typedArray(this.dtype, 0);
    const { storage, byteOffset } = this;
    const bytes = await this.device.readback.read(storage.pooled('read'), byteOffset, this.bytes);
    return decode(this.dtype, bytes, this.numel);
  }

  /** True for an array with memory in a dry run, which holds no memory and has no values. */
  private get staysOut(): boolean {
    return isDryRun() && !this.storage.isMeta;
  }

  private checkAlive(method: string): void {
    if (this.released) throw new DisposedError(`${method}: this array was released`);
  }
}
