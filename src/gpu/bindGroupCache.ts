import type { PooledBuffer } from './bufferPool.js';
import type { Pipeline } from './pipelineCache.js';
import { UNIFORM_SLOT } from './shader.js';

const MOST = 8192;

/** One binding: a range of a buffer, in bytes. */
export interface BufferRange {
  buffer: PooledBuffer;
  offset: number;
  size: number;
}

/** Bind groups by layout and buffers: a training step meets the same ones at every step. */
export class BindGroupCache {
  private readonly groups = new Map<
    string,
    { group: GPUBindGroup; ranges: readonly BufferRange[] }
  >();
  private readonly keysOf = new Map<number, Set<string>>();
  private readonly layoutIds = new Map<GPUBindGroupLayout, number>();

  constructor(
    private readonly device: GPUDevice,
    private readonly uniforms: GPUBuffer,
  ) {}

  get(pipeline: Pipeline, hasParams: boolean, ranges: readonly BufferRange[]): GPUBindGroup {
    let layoutId = this.layoutIds.get(pipeline.layout);
    if (layoutId === undefined) {
      layoutId = this.layoutIds.size;
      this.layoutIds.set(pipeline.layout, layoutId);
    }
    let key = String(layoutId);
    for (const { buffer, offset, size } of ranges) key += `|${buffer.id},${offset},${size}`;
    const known = this.groups.get(key);
    if (known) return known.group;

    if (this.groups.size >= MOST) this.clear();
    const group = this.device.createBindGroup({
      layout: pipeline.layout,
      entries: [
        ...(hasParams
          ? [{ binding: 0, resource: { buffer: this.uniforms, size: UNIFORM_SLOT } }]
          : []),
        ...ranges.map(({ buffer, offset, size }, i) => ({
          binding: 1 + i,
          resource: { buffer: buffer.gpu, offset, size },
        })),
      ],
    });
    this.groups.set(key, { group, ranges });
    for (const { buffer } of ranges) {
      const keys = this.keysOf.get(buffer.id);
      if (keys) keys.add(key);
      else this.keysOf.set(buffer.id, new Set([key]));
    }
    return group;
  }

  /** Drops every group that a destroyed buffer is part of. */
  forget(buffer: PooledBuffer): void {
    for (const key of this.keysOf.get(buffer.id) ?? []) {
      for (const range of this.groups.get(key)!.ranges)
        this.keysOf.get(range.buffer.id)!.delete(key);
      this.groups.delete(key);
    }
    this.keysOf.delete(buffer.id);
  }

  private clear(): void {
    this.groups.clear();
    this.keysOf.clear();
  }
}
