import { describe, expect, test } from 'vitest';
import { accumulate } from '../../src/autograd/kernels/accumulate.js';
import { fill } from '../../src/autograd/kernels/fill.js';
import { DeviceError } from '../../src/errors.js';
import { currentDevice, type Device } from '../../src/gpu/device.js';
import { GpuArray } from '../../src/gpu/gpuArray.js';
import { timeKernels } from '../../src/gpu/timestamps.js';
import { withDevice } from '../support/device.js';

/** Does nothing where the adapter cannot measure. */
async function timed(fn: (device: Device) => Promise<void>): Promise<void> {
  await withDevice(async (device) => {
    if (device.gpu.features.has('timestamp-query')) await fn(device);
    else await expect(timeKernels(device, () => undefined)).rejects.toThrow('timestamp-query');
  });
}

describe('timeKernels', () => {
  test('gives each dispatch in order, its label and time', () =>
    timed(async (device) => {
      const x = fill(GpuArray.empty([1000], 'f32', device), 1);
      const times = await timeKernels(device, () => {
        const y = fill(GpuArray.empty([1000], 'f32', device), 2);
        accumulate(x, y);
      });
      expect(times.map(({ label }) => label)).toEqual(['fill.fill', 'accumulate.addTo']);
      for (const { nanoseconds } of times) expect(nanoseconds).toBeGreaterThanOrEqual(0);
      expect((await x.read())[0]).toBe(3);
    }));

  test('goes across readbacks and hundreds of dispatches', () =>
    timed(async (device) => {
      const x = GpuArray.empty([1 << 16], 'f32', device);
      const times = await timeKernels(device, async () => {
        for (let i = 0; i < 300; i++) fill(x, i);
        await x.read();
        fill(x, -1);
      });
      expect(times).toHaveLength(301);
      expect(times.reduce((sum, { nanoseconds }) => sum + nanoseconds, 0)).toBeGreaterThan(0);
      expect((await x.read())[0]).toBe(-1);
    }));

  test('of nothing gives nothing', () =>
    timed(async (device) => expect(await timeKernels(device, () => undefined)).toEqual([])));

  test('leaves the device usable when its function throws', () =>
    timed(async (device) => {
      const x = GpuArray.empty([10], 'f32', device);
      const run = timeKernels(device, () => {
        fill(x, 4);
        throw new Error('within');
      });
      await expect(run).rejects.toThrow('within');
      expect((await x.read())[0]).toBe(4);
    }));

  test('refuses more dispatches than it has queries for', () =>
    timed(async (device) => {
      const x = GpuArray.empty([1], 'f32', device);
      const run = timeKernels(device, () => {
        for (let i = 0; i < 2049; i++) fill(x, i);
      });
      await expect(run).rejects.toThrow('expected at most 2048 dispatches');
      expect((await x.read())[0]).toBe(2047);
    }));

  test('refuses to time within itself', () =>
    timed(async (device) => {
      const run = timeKernels(device, async () => {
        await timeKernels(device, () => undefined);
      });
      await expect(run).rejects.toThrow(DeviceError);
      expect(device.queue.timer).toBeNull();
    }));
});

test('an adapter without timestamp-query is refused with what to do instead', async () => {
  const device = currentDevice();
  const without = { gpu: { features: new Set() }, queue: device.queue } as unknown as Device;
  await expect(timeKernels(without, () => undefined)).rejects.toThrow(
    'expected an adapter with the feature timestamp-query, got one without. Measure wall time',
  );
});
