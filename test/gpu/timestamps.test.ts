import { describe, expect, test } from 'vitest';
import { accumulate } from '../../src/autograd/kernels/accumulate.js';
import { fill } from '../../src/autograd/kernels/fill.js';
import { DeviceError } from '../../src/errors.js';
import type { Device } from '../../src/gpu/device.js';
import { GpuArray } from '../../src/gpu/gpuArray.js';
import { clockOf, timeKernels } from '../../src/gpu/timestamps.js';
import { withDevice } from '../support/device.js';

/** `gpu` does nothing where the adapter cannot measure. */
describe.each(['gpu', 'wall'] as const)('timeKernels, by the clock: %s', (clock) => {
  async function timed(fn: (device: Device) => Promise<void>): Promise<void> {
    await withDevice(async (device) => {
      if (clock === 'wall' || clockOf(device) === 'gpu') await fn(device);
    });
  }

  test('gives each dispatch in order, its label, time and cost', () =>
    timed(async (device) => {
      const x = fill(GpuArray.empty([1000], 'f32', device), 1);
      const before = performance.now();
      const run = (): void => {
        const y = fill(GpuArray.empty([1000], 'f32', device), 2);
        accumulate(x, y);
      };
      const times = await timeKernels(device, run, { clock });
      expect(times.map(({ label }) => label)).toEqual(['fill.fill', 'accumulate.addTo']);
      expect(times.map(({ bytes }) => bytes)).toEqual([4000, 8000]);
      for (const { nanoseconds, start, enqueued } of times) {
        expect(nanoseconds).toBeGreaterThanOrEqual(0);
        expect(enqueued).toBeGreaterThanOrEqual(before);
        expect(start).toBeGreaterThanOrEqual(times[0]!.enqueued);
      }
      expect((await x.read())[0]).toBe(3);
    }));

  test('goes across readbacks, writes and hundreds of dispatches', () =>
    timed(async (device) => {
      const x = GpuArray.empty([1 << 12], 'f32', device);
      const y = fill(GpuArray.empty([1 << 12], 'f32', device), 0);
      let read: ArrayLike<number> = [];
      const run = async (): Promise<void> => {
        for (let i = 0; i < 300; i++) fill(x, i);
        read = await x.read();
        x.write(new Float32Array(1 << 12).fill(7));
        accumulate(y, x.share());
        fill(x, -1);
        await device.sync();
      };
      const times = await timeKernels(device, run, { clock });
      expect(read[0]).toBe(299);
      expect(times).toHaveLength(302);
      expect(times.reduce((sum, { nanoseconds }) => sum + nanoseconds, 0)).toBeGreaterThan(0);
      expect((await x.read())[0]).toBe(-1);
      expect((await y.read())[5]).toBe(7);
    }));

  test('of nothing gives nothing', () =>
    timed(async (device) => {
      expect(await timeKernels(device, () => undefined, { clock })).toEqual([]);
    }));

  test('leaves the device usable when its function throws', () =>
    timed(async (device) => {
      const x = GpuArray.empty([10], 'f32', device);
      const { cap } = device.pool;
      const run = (): never => {
        fill(x, 4);
        throw new Error('within');
      };
      await expect(timeKernels(device, run, { clock })).rejects.toThrow('within');
      expect((await x.read())[0]).toBe(4);
      expect(device.pool.cap).toBe(cap);
    }));

  test('refuses to time within itself', () =>
    timed(async (device) => {
      const run = () => timeKernels(device, () => undefined, { clock });
      await expect(timeKernels(device, run, { clock })).rejects.toThrow(DeviceError);
      expect(device.queue.timer).toBeNull();
    }));

  test('changes no result, where memory is used again and written to in between', () =>
    timed(async (device) => {
      const sum = fill(GpuArray.empty([64], 'f32', device), 0);
      const run = (): void => {
        for (let i = 1; i <= 20; i++) {
          const x = GpuArray.from(new Float32Array(64).fill(i), [64], device);
          accumulate(sum, x);
          x.release();
        }
      };
      await timeKernels(device, run, { clock });
      expect((await sum.read())[63]).toBe(210);
    }));
});
