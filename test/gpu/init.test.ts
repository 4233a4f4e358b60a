import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DeviceError } from '../../src/errors.js';
import { currentDevice } from '../../src/gpu/device.js';
import { close, init, memory, resetPeakMemory, sync } from '../../src/gpu/init.js';
import { requestNodeAdapter } from '../../src/gpu/nodeAdapter.js';
import { fill } from '../../src/autograd/kernels/fill.js';
import { GpuArray } from '../../src/gpu/gpuArray.js';
import { withDevice } from '../support/device.js';

const quiet = { onNote: () => undefined };

beforeEach(() => {
  // Where notes go by default.
  vi.spyOn(console, 'warn').mockReturnValue(undefined);
});

afterEach(() => {
  vi.restoreAllMocks();
});

describe('init', () => {
  test('called again without options gives the open device', async () => {
    const device = await init();
    expect(await init()).toBe(device);
    expect(currentDevice()).toBe(device);
  });

  test('called several times at once opens one device', async () => {
    close();
    const [a, b] = await Promise.all([init(), init()]);
    expect(a).toBe(b);
    expect(currentDevice()).toBe(a);
  });

  test('with options opens another device, and arrays of the first one stay valid', async () => {
    const first = await init();
    const x = fill(GpuArray.empty([3]), 5);
    const second = await init(quiet);
    expect(second).not.toBe(first);
    expect(currentDevice()).toBe(second);
    const y = fill(GpuArray.empty([3]), 7);
    expect([...(await x.read()), ...(await y.read())]).toEqual([5, 5, 5, 7, 7, 7]);
    expect(memory()).toEqual(second.memory());
    first.close();
    expect(memory().arrays).toBe(1);
    y.release();
  });

  test('opens a new device once the last one was lost', async () => {
    const lost = await init(quiet);
    lost.gpu.destroy();
    await lost.lost;
    const device = await init();
    expect(device).not.toBe(lost);
    const x = fill(GpuArray.empty([1]), 2);
    expect([...(await x.read())]).toEqual([2]);
    x.release();
  });

  test('takes a GPUDevice of the user, with the limits that it has', async () => {
    const inNode = typeof process !== 'undefined' && Boolean(process.versions?.node);
    const adapter = inNode
      ? (await requestNodeAdapter({ software: 'auto' })).adapter
      : (await navigator.gpu.requestAdapter())!;
    const own = await adapter.requestDevice();
    await withDevice(
      async (device) => {
        expect(device.gpu).toBe(own);
        expect(device.info.limits.maxBufferSize).toBe(own.limits.maxBufferSize);
        expect(device.info.features).toEqual([...own.features].sort());
        expect(device.info.vendor).toBe(adapter.info.vendor);
        const x = fill(GpuArray.empty([2], 'i32', device), -3);
        expect([...(await x.read())]).toEqual([-3, -3]);
      },
      { device: own },
    );
    expect((await own.lost).reason, 'closed with it').toBe('destroyed');
  });

  test('says in one line that a software adapter is used and what would help, if it is', async () => {
    const notes: string[] = [];
    const { info } = await withDevice((device) => device, { onNote: (note) => notes.push(note) });
    expect(notes).toHaveLength(info.software ? 1 : 0);
    for (const note of notes) {
      expect(note).toMatch(/^shadegrad: no hardware GPU[^\n]*(install|Enable|update)[^\n]*$/);
    }
  });

  test("software: 'always' gives a software adapter without a note", async () => {
    const notes: string[] = [];
    const { info } = await withDevice((device) => device, {
      software: 'always',
      onNote: (note) => notes.push(note),
    });
    expect(info.software).toBe(true);
    expect(notes).toEqual([]);
  });

  test("software: 'never' gives hardware, or an error that says what would help", async () => {
    const before = currentDevice();
    const result = await withDevice(({ info }) => info, { software: 'never' }).catch(
      (error: unknown) => error,
    );
    if (result instanceof Error) {
      expect(result).toBeInstanceOf(DeviceError);
      expect(result.message).toMatch(/^init: expected a (hardware adapter|GPU)/);
      expect(result.message).toMatch(/software: 'never'/);
      expect(result.message).toMatch(/install|update|Enable/);
    } else {
      expect(result).toMatchObject({ software: false });
    }
    expect(currentDevice(), 'the device of before').toBe(before);
  });
});

describe('resetPeakMemory', () => {
  test('has the peak count from what is in use', async () => {
    await init(quiet);
    const kept = fill(GpuArray.empty([1000]), 1);
    const gone = fill(GpuArray.empty([2000]), 1);
    gone.release();
    expect(memory().bytesPeak).toBeGreaterThanOrEqual(4096 + 8192);
    resetPeakMemory();
    const { bytesInUse } = memory();
    expect(memory().bytesPeak).toBe(bytesInUse);
    fill(GpuArray.empty([1000]), 2).release();
    expect(memory()).toMatchObject({ bytesInUse, bytesPeak: bytesInUse + 4096 });
    kept.release();
    expect(memory().bytesPeak).toBe(bytesInUse + 4096);
  });

  test('does nothing without a device', () => {
    close();
    resetPeakMemory();
    expect(memory().bytesPeak).toBe(0);
  });
});

describe('close', () => {
  test('frees everything; a second call does nothing, and init() opens anew', async () => {
    const device = await init(quiet);
    const x = fill(GpuArray.empty([1000]), 1);
    expect(memory()).toMatchObject({ bytesInUse: 4096, arrays: 1 });
    close();
    close();
    expect(device.closed).toBe(true);
    expect(memory()).toEqual({ bytesInUse: 0, bytesPooled: 0, bytesPeak: 0, arrays: 0 });
    await sync();
    const message = 'expected a device, got none. Call `await init()` first.';
    expect(() => currentDevice()).toThrow(message);
    expect(() => GpuArray.empty([1])).toThrow(message);
    await expect(x.read()).rejects.toThrow('closed');
    x.release();
    expect(await init(quiet)).not.toBe(device);
  });
});
