import { describe, expect, test } from 'vitest';
import { DeviceError, OutOfMemoryError } from '../../src/errors.js';
import type { Device } from '../../src/gpu/device.js';
import { GpuArray } from '../../src/gpu/gpuArray.js';
import { launch } from '../../src/gpu/launch.js';
import { defineShader } from '../../src/gpu/shader.js';
import { defaultGenerator } from '../../src/random/generator.js';
import { withDevice } from '../support/device.js';

const shader = defineShader({
  name: 'deviceTest',
  source: `@group(0) @binding(1) var<storage, read_write> x: array<u32>;
@compute @workgroup_size(1) fn increment() { x[0]++; }`,
  params: {},
});

function increment(x: GpuArray, groups = 1): void {
  launch(shader, 'increment', {
    inputs: [],
    outputs: [x],
    params: {},
    workgroups: [groups, 1, 1],
  });
}

const counter = (device: Device) => GpuArray.from(new Uint32Array([0]), [1], device);

describe('an error that WebGPU reports', () => {
  const TOO_MANY = 70_000; // workgroups in one dimension

  test.each(['sync', 'read'] as const)('is thrown by the next %s, and from then on', (next) =>
    withDevice(async (device) => {
      const x = counter(device);
      increment(x, TOO_MANY);
      const wait = () => (next === 'sync' ? device.sync() : x.read());
      const error = await wait().catch((e: unknown) => e);
      expect(error).toBeInstanceOf(DeviceError);
      expect((error as Error).message).toMatch(/workgroup.*\n {2}init\(\{ debug: true \}\)/is);
      await expect(wait()).rejects.toBe(error);
      expect(() => increment(x)).toThrow(error as Error);
      expect(device.failed).toBe(true);
    }),
  );

  test.each(['sync', 'read'] as const)('names the op in debug mode at the next %s', (next) =>
    withDevice(
      async (device) => {
        const x = counter(device);
        increment(x);
        expect([...(await x.read())]).toEqual([1]);
        increment(x, TOO_MANY);
        const wait = next === 'sync' ? device.sync() : x.read();
        await expect(wait).rejects.toThrow(
          /^deviceTest\.increment: validation error: .*workgroup/is,
        );
      },
      { debug: true },
    ),
  );

  test('leaves the next op its own in debug mode', () =>
    withDevice(
      async (device) => {
        const x = counter(device);
        const most = device.gpu.limits.maxBufferSize;
        const huge = GpuArray.empty([most / 2], 'u32', device);
        expect(() => increment(huge)).toThrow('deviceTest: expected at most');
        // The error scopes of the launch that threw are gone: this error is seen.
        device.gpu.createBuffer({ size: 4, usage: 0x3 }); // MAP_READ with MAP_WRITE
        await expect(device.sync()).rejects.toThrow(DeviceError);
        x.release();
      },
      { debug: true },
    ));

  test('surfaces at the next sync when it is of no launch', () =>
    withDevice(async (device) => {
      device.gpu.createBuffer({ size: 4, usage: 0x3 });
      await expect(device.sync()).rejects.toThrow(/^device: /);
    }));
});

test('memory that the GPU does not have is an OutOfMemoryError', () =>
  withDevice(async (device) => {
    const error = new GPUOutOfMemoryError('of the driver');
    device.gpu.dispatchEvent(new GPUUncapturedErrorEvent('uncapturederror', { error }));
    await expect(device.sync()).rejects.toThrow(OutOfMemoryError);
    await expect(device.sync()).rejects.toThrow('of the driver. Use a smaller batch');
  }));

describe('a device that is lost', () => {
  test('says so at every use', () =>
    withDevice(async (device) => {
      const x = counter(device);
      increment(x);
      device.gpu.destroy(); // as near to a lost device as a test can come
      expect((await device.lost).reason).toBe('destroyed');
      const message = /expected a live GPU device, got one lost \(destroyed\).*Call init\(\) again/;
      await expect(device.sync()).rejects.toThrow(message);
      await expect(x.read()).rejects.toThrow(message);
      expect(() => increment(x)).toThrow(message);
      expect(device.failed).toBe(true);
    }));

  test.each(['sync', 'read'] as const)('rejects a %s that was under way', (pending) =>
    withDevice(async (device) => {
      const x = counter(device);
      for (let i = 0; i < 100; i++) increment(x);
      const wait = pending === 'sync' ? device.sync() : x.read();
      device.gpu.destroy();
      // It may have been done already.
      await wait.catch((error: unknown) => expect(error).toBeInstanceOf(DeviceError));
    }),
  );
});

describe('a device that is closed', () => {
  test('refuses every use, and frees arrays without complaint', () =>
    withDevice(async (device) => {
      const x = counter(device);
      const y = counter(device);
      increment(x);
      device.close();
      device.close();
      const message = 'expected an open device, got one that was closed. Call init() again.';
      await expect(device.sync()).rejects.toThrow(message);
      await expect(x.read()).rejects.toThrow(message);
      expect(() => increment(x)).toThrow(message);
      expect(() => x.write(new Uint32Array([1]))).toThrow(message);
      expect(() => x.copyFrom(y)).toThrow(message);
      expect(() => GpuArray.from(new Uint32Array([1]), [1], device)).toThrow(message);
      x.release();
      y.release();
      expect((await device.lost).reason).toBe('destroyed');
    }));

  test.each(['sync', 'read'] as const)('rejects a %s that was under way', (pending) =>
    withDevice(async (device) => {
      const x = counter(device);
      for (let i = 0; i < 100; i++) increment(x);
      const wait = pending === 'sync' ? device.sync() : x.read();
      device.close();
      await wait.catch((error: unknown) => expect(error).toBeInstanceOf(DeviceError));
    }),
  );
});

describe('dryRun', () => {
  test('dispatches nothing, takes no memory and puts the random numbers back', () =>
    withDevice(async (device) => {
      const x = counter(device);
      const { dispatches } = device.queue;
      const before = device.memory();
      const random = defaultGenerator.state;
      const specs = device.dryRun(() => {
        increment(x);
        const scratch = GpuArray.empty([1 << 20], 'u32', device);
        increment(scratch);
        scratch.release();
        defaultGenerator.next();
      });
      expect(specs.map(({ shader: { name }, entry }) => `${name}.${entry}`)).toEqual([
        'deviceTest.increment',
        'deviceTest.increment',
      ]);
      expect(device.memory()).toEqual(before);
      expect(device.queue.dispatches).toBe(dispatches);
      expect(defaultGenerator.state).toEqual(random);
      expect([...(await x.read())]).toEqual([0]);
    }));

  test('may stand within another one', () =>
    withDevice(async (device) => {
      const x = counter(device);
      const specs = device.dryRun(() => {
        expect(device.dryRun(() => increment(x))).toHaveLength(1);
        increment(x);
      });
      expect(specs).toHaveLength(1);
      expect([...(await x.read())]).toEqual([0]);
    }));

  test('ends when its function throws', () =>
    withDevice(async (device) => {
      const x = counter(device);
      expect(() =>
        device.dryRun(() => {
          throw new Error('within');
        }),
      ).toThrow('within');
      increment(x);
      expect([...(await x.read())]).toEqual([1]);
    }));
});
