import type { PooledBuffer } from './bufferPool.js';
import type { Pipeline } from './pipelineCache.js';
import type { UniformArena } from './uniformArena.js';

/** Dispatches after which commands are submitted, so that the GPU starts while more are recorded. */
const FLUSH_AFTER = 128;

const NO_OFFSETS: number[] = [];

export type WorkgroupCount = readonly [x: number, y: number, z: number];

/** What a dispatch costs at least: operations, and bytes of all that is bound. */
export interface Cost {
  flops: number;
  bytes: number;
}

/** Times each dispatch; see timestamps.ts and wallTimes.ts. */
export interface PassTimer {
  begin(label: string, cost: Cost): GPUComputePassTimestampWrites | undefined;
  resolve(encoder: GPUCommandEncoder): void;
  /** If there: takes what would go to the GPU, each dispatch in a submit of its own. */
  readonly gate?: Gate;
}

/** Keeps commands back, and hands them on in order. */
export interface Gate extends Pick<GPUQueue, 'submit' | 'writeBuffer'> {
  /** Hands on all that it keeps, and waits for it. */
  drain(): Promise<void>;
}

/** A dispatch as it is enqueued again. */
export interface RecordedDispatch {
  kind: 'dispatch';
  pipeline: Pipeline;
  group: GPUBindGroup;
  /** Where its uniforms are in the block of its segment; null where it has none. */
  uniformOffset: number | null;
  groups: WorkgroupCount;
  cost: Cost;
}

/** A copy from buffer to buffer as it is enqueued again. */
export interface RecordedCopy {
  kind: 'copy';
  from: PooledBuffer;
  fromOffset: number;
  to: PooledBuffer;
  toOffset: number;
  bytes: number;
}

/** A piece of a recording whose uniforms fit the arena. */
export interface Segment {
  commands: (RecordedDispatch | RecordedCopy)[];
  /** The uniforms of its dispatches, one slot each. */
  block: Uint8Array;
  slots: number;
}

/** The GPU's queue: one open command encoder with one open compute pass. */
export class CommandQueue {
  /** Counts encoders; a buffer whose `lastUse` equals it is used by commands not yet submitted. */
  serial = 0;
  /** Dispatches since the device was made. */
  dispatches = 0;
  timer: PassTimer | null = null;
  private encoder: GPUCommandEncoder | null = null;
  private pass: GPUComputePassEncoder | null = null;
  private pending = 0;
  /** The one that the open pass has set. */
  private pipeline: Pipeline | null = null;
  private readonly offsets = [0];

  constructor(
    private readonly device: GPUDevice,
    readonly uniforms: UniformArena,
  ) {}

  /** Makes room for the uniforms of the next dispatch; call it before `uniforms.push`. */
  reserve(): void {
    if (this.uniforms.room === 0 || this.pending >= FLUSH_AFTER) this.flush();
  }

  dispatch(
    pipeline: Pipeline,
    group: GPUBindGroup,
    uniformOffset: number | null,
    [x, y, z]: WorkgroupCount,
    cost: Cost,
  ): void {
    if (this.timer) this.endPass();
    const pass = (this.pass ??= this.open().beginComputePass({
      timestampWrites: this.timer?.begin(pipeline.label, cost),
    }));
    if (this.pipeline !== pipeline) pass.setPipeline(pipeline.gpu);
    this.pipeline = pipeline;
    // A plain array: Dawn's binding for Node takes longer to read a typed one.
    this.offsets[0] = uniformOffset ?? 0;
    pass.setBindGroup(0, group, uniformOffset === null ? NO_OFFSETS : this.offsets);
    pass.dispatchWorkgroups(x, y, z);
    this.pending++;
    this.dispatches++;
    if (this.timer?.gate) this.flush();
  }

  copy(
    from: PooledBuffer,
    fromOffset: number,
    to: GPUBuffer,
    toOffset: number,
    bytes: number,
  ): void {
    this.endPass();
    this.open().copyBufferToBuffer(from.gpu, fromOffset, to, toOffset, bytes);
    from.lastUse = this.serial;
    this.pending++;
  }

  /** Writes host data; commands that were recorded before and use the buffer go first. */
  write(buffer: PooledBuffer, offset: number, data: ArrayBufferView<ArrayBuffer>): void {
    if (buffer.lastUse === this.serial) this.flush();
    this.target.writeBuffer(buffer.gpu, offset, data.buffer, data.byteOffset, data.byteLength);
  }

  /** Enqueues all commands of a recording, in order. @param buffers  That they use. */
  replay(segments: readonly Segment[], buffers: readonly PooledBuffer[]): void {
    for (const segment of segments) {
      if (this.uniforms.room < segment.slots || this.pending >= FLUSH_AFTER) this.flush();
      this.replaySegment(segment);
      for (const buffer of buffers) buffer.lastUse = this.serial;
    }
  }

  private replaySegment({ commands, block, slots }: Segment): void {
    const base = this.uniforms.pushBlock(block, slots);
    for (const command of commands) {
      if (command.kind === 'copy') {
        const { from, fromOffset, to, toOffset, bytes } = command;
        this.copy(from, fromOffset, to.gpu, toOffset, bytes);
      } else {
        const { pipeline, group, uniformOffset, groups, cost } = command;
        const offset = uniformOffset === null ? null : base + uniformOffset;
        this.dispatch(pipeline, group, offset, groups, cost);
      }
    }
  }

  /** Submits what was recorded. */
  flush(): void {
    if (!this.encoder) return;
    this.endPass();
    this.timer?.resolve(this.encoder);
    this.uniforms.flush(this.target);
    this.target.submit([this.encoder.finish()]);
    this.encoder = null;
    this.pending = 0;
    this.serial++;
  }

  private get target(): Pick<GPUQueue, 'submit' | 'writeBuffer'> {
    return this.timer?.gate ?? this.device.queue;
  }

  private open(): GPUCommandEncoder {
    return (this.encoder ??= this.device.createCommandEncoder());
  }

  private endPass(): void {
    this.pass?.end();
    this.pass = null;
    this.pipeline = null;
  }
}
