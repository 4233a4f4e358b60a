import { describe, expect, test } from 'vitest';
import { OutOfMemoryError } from '../../src/errors.js';
import { BufferPool, sizeClass, type PooledBuffer } from '../../src/gpu/bufferPool.js';
import { GpuArray } from '../../src/gpu/gpuArray.js';
import { fill } from '../../src/autograd/kernels/fill.js';
import { withDevice } from '../support/device.js';

const KIB = 1024;
const MIB = 1024 * KIB;

test('size classes hold what was asked for and waste little', () => {
  expect([1, 256, 257, 512, 513, 1024, 1025, 1280, 1281].map(sizeClass)).toEqual([
    256, 256, 512, 512, 768, 1024, 1280, 1280, 1536,
  ]);
  for (let bytes = KIB; bytes < 200 * MIB; bytes = Math.ceil(bytes * 1.037)) {
    const size = sizeClass(bytes);
    expect(size).toBeGreaterThanOrEqual(bytes);
    expect(size % 4).toBe(0);
    expect((size - bytes) / size).toBeLessThanOrEqual(0.2);
    expect(sizeClass(size), 'a class is its own').toBe(size);
  }
});

describe('the pool of a device', () => {
  test('takes a buffer at the first use and hands it out again', () =>
    withDevice(async (device) => {
      const created = countBuffers(device.gpu);
      const x = GpuArray.empty([1000], 'f32', device);
      expect(device.memory()).toEqual({ bytesInUse: 0, bytesPooled: 0, bytesPeak: 0, arrays: 1 });
      fill(x, 1);
      expect(device.memory()).toMatchObject({ bytesInUse: 4096, bytesPooled: 0, bytesPeak: 4096 });
      x.release();
      expect(device.memory()).toEqual({
        bytesInUse: 0,
        bytesPooled: 4096,
        bytesPeak: 4096,
        arrays: 0,
      });

      // As many bytes by class, another shape and dtype.
      const y = fill(GpuArray.empty([30, 30], 'i32', device), -2);
      const z = fill(GpuArray.empty([1000], 'f32', device), 3);
      expect(device.memory()).toEqual({
        bytesInUse: 2 * 4096,
        bytesPooled: 0,
        bytesPeak: 2 * 4096,
        arrays: 2,
      });
      expect(created()).toBe(2);
      expect((await y.read()).every((value) => value === -2)).toBe(true);
      expect((await z.read()).every((value) => value === 3)).toBe(true);
      y.release();
      z.release();
      z.release();
      expect(device.memory()).toMatchObject({ bytesInUse: 0, bytesPooled: 2 * 4096, arrays: 0 });
    }));

  test('reuses a buffer that recorded commands still use, in their order', () =>
    withDevice(async (device) => {
      const created = countBuffers(device.gpu);
      const kept = GpuArray.empty([100], 'f32', device);
      for (let i = 0; i < 5; i++) {
        const scratch = fill(GpuArray.empty([100], 'f32', device), i);
        if (i === 2) kept.copyFrom(scratch);
        scratch.release();
      }
      expect((await kept.read())[0]).toBe(2);
      expect(created(), 'kept, one scratch, the readback').toBe(3);
    }));

  test('is trimmed while recorded commands still use its buffers', () =>
    withDevice(async (device) => {
      const kept = GpuArray.empty([100], 'f32', device);
      const scratch = fill(GpuArray.empty([100], 'f32', device), 7);
      kept.copyFrom(scratch);
      scratch.release();
      device.pool.trim();
      expect(device.memory().bytesPooled).toBe(0);
      const next = fill(GpuArray.empty([100], 'f32', device), 8);
      expect((await kept.read())[0]).toBe(7);
      expect((await next.read())[0]).toBe(8);
    }));

  test('refuses a tensor over the limits of the adapter, with the fix', () =>
    withDevice(async (device) => {
      const most = device.gpu.limits.maxBufferSize;
      const huge = GpuArray.empty([Math.floor(most / 4) + 1], 'f32', device);
      const message = `fill: expected at most ${most} bytes in one tensor (this adapter's limit), got ${huge.bytes}. Use a smaller batch`;
      expect(() => fill(huge, 1)).toThrow(OutOfMemoryError);
      expect(() => fill(huge, 1)).toThrow(message);
      huge.release();
      expect(device.memory()).toEqual({ bytesInUse: 0, bytesPooled: 0, bytesPeak: 0, arrays: 0 });
      await device.sync();
    }));
});

describe('a cap on idle bytes', () => {
  test('destroys the buffers idle for longest, whatever their size', () =>
    withDevice(({ gpu }) => {
      const destroyed: number[] = [];
      const pool = new BufferPool(gpu, (buffer) => destroyed.push(buffer.id), 10 * KIB);
      const [a, b, c, d, e]: PooledBuffer[] = [4, 1, 4, 2, 4].map((size) =>
        pool.acquire(size * KIB, 'test'),
      );
      for (const buffer of [a!, b!, c!]) pool.release(buffer); // 9 KiB idle
      expect(destroyed).toEqual([]);
      expect(pool.acquire(4 * KIB, 'test'), 'the one released last').toBe(c);
      pool.release(c!);
      pool.release(d!); // 11 KiB: down to at most 5
      expect(destroyed).toEqual([a!.id, b!.id, c!.id]);
      expect(pool.account).toMatchObject({ bytesInUse: 4 * KIB, bytesPooled: 2 * KIB });
      pool.release(e!);
      expect(pool.acquire(4 * KIB, 'test')).toBe(e);
      expect(pool.acquire(2 * KIB, 'test')).toBe(d);
      expect(pool.account).toEqual({
        bytesInUse: 6 * KIB,
        bytesPooled: 0,
        bytesPeak: 15 * KIB,
      });
    }));
});

/** How many buffers are made from now on. */
function countBuffers(gpu: GPUDevice): () => number {
  const create = gpu.createBuffer.bind(gpu);
  let count = 0;
  gpu.createBuffer = (options) => (count++, create(options));
  return () => count;
}
