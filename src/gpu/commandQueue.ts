import type { PooledBuffer } from './bufferPool.js';
import type { Pipeline } from './pipelineCache.js';
import type { UniformArena } from './uniformArena.js';

/** Dispatches after which commands are submitted, so that the GPU starts while more are recorded. */
const FLUSH_AFTER = 128;

export type WorkgroupCount = readonly [x: number, y: number, z: number];

/** What a dispatch costs at least: operations, and bytes of all that is bound. */
export interface Cost {
  flops: number;
  bytes: number;
}

/** Hands out the timestamp writes of a pass; see timestamps.ts. */
export interface PassTimer {
  begin(label: string, cost: Cost): GPUComputePassTimestampWrites | undefined;
  resolve(encoder: GPUCommandEncoder): void;
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

  constructor(
    private readonly device: GPUDevice,
    readonly uniforms: UniformArena,
  ) {}

  /** Makes room for the uniforms of the next dispatch; call it before `uniforms.push`. */
  reserve(): void {
    if (this.uniforms.full || this.pending >= FLUSH_AFTER) this.flush();
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
    pass.setPipeline(pipeline.gpu);
    pass.setBindGroup(0, group, uniformOffset === null ? [] : [uniformOffset]);
    pass.dispatchWorkgroups(x, y, z);
    this.pending++;
    this.dispatches++;
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
    this.device.queue.writeBuffer(
      buffer.gpu,
      offset,
      data.buffer,
      data.byteOffset,
      data.byteLength,
    );
  }

  /** Submits what was recorded. */
  flush(): void {
    if (!this.encoder) return;
    this.endPass();
    this.timer?.resolve(this.encoder);
    this.uniforms.flush();
    this.device.queue.submit([this.encoder.finish()]);
    this.encoder = null;
    this.pending = 0;
    this.serial++;
  }

  private open(): GPUCommandEncoder {
    return (this.encoder ??= this.device.createCommandEncoder());
  }

  private endPass(): void {
    this.pass?.end();
    this.pass = null;
  }
}
