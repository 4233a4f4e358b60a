import { ArgumentError, DeviceError, OutOfMemoryError, type ShadegradError } from '../errors.js';
import { defaultGenerator } from '../random/generator.js';
import { adapterClassOf, type AdapterClass } from './adapterClass.js';
import { BindGroupCache } from './bindGroupCache.js';
import { BufferPool } from './bufferPool.js';
import { CommandQueue } from './commandQueue.js';
import { IdleWait } from './idleWait.js';
import { KernelChoices } from './kernelChoices.js';
import { PipelineCache, type PipelineSpec } from './pipelineCache.js';
import { Readback } from './readback.js';
import type { Recording } from './recording.js';
import { SUBGROUP_MATRIX, type SubgroupMatrix } from './subgroupMatrix.js';
import { UniformArena } from './uniformArena.js';

/** What is known of an adapter; `features` and `limits` are those the device was made with. */
export interface DeviceInfo {
  vendor: string;
  architecture: string;
  description: string;
  /** True if a CPU does the GPU's work: correct, and many times slower. */
  software: boolean;
  features: string[];
  limits: Record<string, number>;
  /** What its subgroups multiply, in the driver's order; see `InitOptions.experimental`. */
  subgroupMatrices: readonly SubgroupMatrix[];
}

export interface DeviceOptions {
  /** Checks every dispatch on its own, so that errors name the op; slow. Default false. */
  debug?: boolean;
}

/** Bytes on the GPU; see `memory()`. */
export interface MemoryInfo {
  /** Bytes of buffers that tensors hold, in size classes. */
  bytesInUse: number;
  /** Bytes of idle buffers, kept to be used again. */
  bytesPooled: number;
  /** Most bytes in use at once, since the device was opened or `resetPeakMemory()`. */
  bytesPeak: number;
  /** Arrays alive. */
  arrays: number;
}

/** A WebGPU device with all that shadegrad keeps for it. */
export class Device {
  readonly pool: BufferPool;
  readonly queue: CommandQueue;
  readonly pipelines: PipelineCache;
  readonly bindGroups: BindGroupCache;
  readonly readback: Readback;
  readonly debug: boolean;
  /** True if tensors of f16 work here. */
  readonly hasF16: boolean;
  /** True if kernels may use subgroup operations. */
  readonly hasSubgroups: boolean;
  /** Most invocations of a subgroup; 1 where there are none. */
  readonly subgroupMaxSize: number;
  /** True if kernels may use WGSL's extension for `info.subgroupMatrices`. */
  readonly hasSubgroupMatrices: boolean;
  /** What its kernels are chosen by. */
  readonly adapterClass: AdapterClass;
  /** Kernels chosen otherwise than by the table. */
  readonly choices = new KernelChoices();
  /** Most bytes of one binding; larger arrays are worked on in parts. Tests lower it. */
  bindingLimit: number;
  /** Settles when the device is lost or closed, and says why. */
  readonly lost: Promise<{ reason: string; message: string }>;
  liveArrays = 0;
  private readonly wait = new IdleWait();
  closed = false;
  /** While set, what is enqueued is recorded too; see `record`. */
  recording: Recording | null = null;
  /** Run once after the next wait for the GPU: what it throws, whoever waits gets. */
  inspection: (() => Promise<void>) | null = null;
  private failure: ShadegradError | null = null;
  /** An error that no check was made for: often only a consequence of `failure`, and it may come first. */
  private uncaptured: ShadegradError | null = null;
  /** Checks of the driver that have not come back yet. */
  private readonly checks = new Set<Promise<void>>();

  constructor(
    readonly gpu: GPUDevice,
    readonly info: DeviceInfo,
    options: DeviceOptions = {},
  ) {
    this.debug = options.debug ?? false;
    this.adapterClass = adapterClassOf(info);
    this.bindingLimit = info.limits['maxStorageBufferBindingSize'] ?? Infinity;
    this.hasF16 = info.features.includes('shader-f16');
    this.hasSubgroups = info.features.includes('subgroups');
    this.subgroupMaxSize = (this.hasSubgroups && gpu.adapterInfo.subgroupMaxSize) || 1;
    this.hasSubgroupMatrices = info.features.includes(SUBGROUP_MATRIX);
    this.queue = new CommandQueue(gpu, new UniformArena(gpu));
    this.bindGroups = new BindGroupCache(gpu, this.queue.uniforms.gpu);
    this.pool = new BufferPool(gpu, (buffer) => {
      // A destroyed buffer makes the whole submit invalid.
      if (buffer.lastUse === this.queue.serial) this.queue.flush();
      this.bindGroups.forget(buffer);
    });
    this.pipelines = new PipelineCache(gpu, this.wait, (check) => this.watch(check));
    this.readback = new Readback(gpu, this.queue, this.wait, this);
    this.lost = gpu.lost.then(({ reason, message }) => {
      this.failure ??= new DeviceError(
        `device: expected a live GPU device, got one lost (${reason}): ${message}. Call init() again.`,
      );
      return { reason, message };
    });
    gpu.addEventListener('uncapturederror', (event) => {
      event.preventDefault();
      const { error } = event as GPUUncapturedErrorEvent;
      this.uncaptured ??= describe(error);
    });
  }

  /** Fails with what `check` resolves to, if anything; `sync` and readbacks wait for it. */
  watch(check: Promise<ShadegradError | null>): void {
    const done = check
      .then(
        (error) => (this.failure ??= error),
        () => null, // the device went away, and `lost` says why
      )
      .then(() => void this.checks.delete(done));
    this.checks.add(done);
  }

  /** Waits for the checks of what was enqueued so far. @throws as `throwIfFailed` does. */
  async settled(): Promise<void> {
    if (this.checks.size > 0) await Promise.race([Promise.all(this.checks), this.lost]);
    this.throwIfFailed();
    const { inspection } = this;
    this.inspection = null; // it waits too
    await inspection?.();
  }

  get failed(): boolean {
    return (this.failure ?? this.uncaptured) !== null;
  }

  /** @throws the first failure, if there was one. */
  throwIfFailed(): void {
    if (this.closed) {
      throw new DeviceError(
        'device: expected an open device, got one that was closed. Call init() again.',
      );
    }
    const failure = this.failure ?? this.uncaptured;
    if (failure) throw failure;
  }

  /** Settles when the GPU has done what was submitted so far. */
  submittedWorkDone(): Promise<void> {
    return this.wait.for(this.gpu.queue.onSubmittedWorkDone());
  }

  /** Submits what was recorded and waits until the GPU has done it. */
  async sync(): Promise<void> {
    this.forbidInRecording('sync() in it', 'Call it after the captured step.');
    this.throwIfFailed();
    this.queue.flush();
    await this.queue.timer?.gate?.drain();
    await this.submittedWorkDone();
    await this.settled();
  }

  /**
   * Runs `fn` with this device as the current one and launches that dispatch nothing: shapes and
   * errors are those of a real run. Arrays that it makes are without memory, for good.
   *
   * @returns the pipelines that a real run needs.
   */
  dryRun(fn: () => void): PipelineSpec[] {
    const run: DryRun = { specs: [], undo: [] };
    const outer = { current, dryRun };
    const randomState = defaultGenerator.state;
    setCurrentDevice(this);
    dryRun = run;
    try {
      fn();
    } finally {
      ({ current, dryRun } = outer);
      for (const undo of run.undo) undo();
      defaultGenerator.state = randomState;
    }
    return run.specs;
  }

  /**
   * Compiles every pipeline that `fn` needs, many at once and without blocking.
   * @returns how many were compiled.
   */
  async compile(
    fn: () => void,
    onProgress?: (done: number, total: number) => void,
  ): Promise<number> {
    return this.pipelines.warmUp(this.dryRun(fn), onProgress);
  }

  /** Runs `fn`, and records all that it enqueues. What it makes the host wait for throws. */
  record<T>(recording: Recording, fn: () => T): T {
    this.recording = recording;
    this.pool.owner = recording;
    try {
      return fn();
    } finally {
      this.recording = null;
      this.pool.owner = null;
    }
  }

  /** @throws ArgumentError while a step is captured, for what a replay could not do again. */
  forbidInRecording(what: string, fix: string): void {
    if (!this.recording) return;
    const error = new ArgumentError('capture', 'a function that only enqueues work', what, fix);
    this.recording.violation = error; // who called may leave the promise alone
    throw error;
  }

  memory(): MemoryInfo {
    return { ...this.pool.account, arrays: this.liveArrays };
  }

  /** Frees everything on the GPU and lets Node exit. A second call does nothing. */
  close(): void {
    if (this.closed) return;
    this.queue.flush();
    this.closed = true;
    this.gpu.destroy();
  }
}

function describe(error: GPUError): ShadegradError {
  // By name: in Node a device of the user's own may come without the global class.
  if (error.constructor.name === 'GPUOutOfMemoryError') {
    return new OutOfMemoryError(
      `device: the GPU is out of memory: ${error.message}. Use a smaller batch or a smaller model.`,
    );
  }
  return new DeviceError(
    `device: ${error.message}\n  init({ debug: true }) names the op that failed.`,
  );
}

let current: Device | null = null;

interface DryRun {
  /** What its launches would need. */
  readonly specs: PipelineSpec[];
  /** Called at its end. */
  readonly undo: (() => void)[];
}

/** The innermost dry run that goes on. */
let dryRun: DryRun | null = null;

/**
 * The dry run that goes on, on whichever device, or null. Within one nothing is dispatched, written
 * or allocated.
 */
export function currentDryRun(): Readonly<DryRun> | null {
  return dryRun;
}

export function isDryRun(): boolean {
  return dryRun !== null;
}

export function setCurrentDevice(device: Device | null): void {
  current = device;
}

/** The device of the last `init()`. @throws DeviceError before `init()` and after `close()`. */
export function currentDevice(): Device {
  if (!current || current.closed) {
    throw new DeviceError('expected a device, got none. Call `await init()` first.');
  }
  return current;
}

/** The device of the last `init()`, or null. */
export function openDevice(): Device | null {
  return current && !current.closed ? current : null;
}
