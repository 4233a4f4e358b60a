import { describe, expect, test } from 'vitest';
import { fill } from '../../src/autograd/kernels/fill.js';
import { DeviceError, DisposedError, ShapeError } from '../../src/errors.js';
import { GpuArray } from '../../src/gpu/gpuArray.js';
import { memory } from '../../src/gpu/init.js';
import { withDevice } from '../support/device.js';

describe('references', () => {
  test('share one memory, which goes with the last of them', async () => {
    const before = memory();
    const x = fill(GpuArray.empty([2, 3]), 4);
    const y = x.share([6]);
    const z = y.share([3, 2]);
    expect(memory()).toMatchObject({
      bytesInUse: before.bytesInUse + 256,
      arrays: before.arrays + 1,
    });
    expect(x.storage.shared).toBe(true);
    x.release();
    x.release(); // once is once
    z.release();
    expect(y.storage.shared).toBe(false);
    expect([...(await y.read())]).toEqual([4, 4, 4, 4, 4, 4]);
    y.release();
    expect(memory()).toMatchObject({ bytesInUse: before.bytesInUse, arrays: before.arrays });
  });

  test('that were released refuse to be used', async () => {
    const x = fill(GpuArray.empty([1]), 1);
    const y = x.share();
    x.release();
    expect(() => x.share()).toThrow(DisposedError);
    await expect(x.read()).rejects.toThrow(DisposedError);
    expect(() => x.write(new Float32Array(1))).toThrow(DisposedError);
    expect(() => y.copyFrom(x)).toThrow(DisposedError);
    expect(() => x.copyFrom(y)).toThrow(DisposedError);
    y.release();
  });

  test('keep a memory that another one frees while a read is under way', async () => {
    const x = fill(GpuArray.empty([64]), 3);
    const read = x.read();
    x.release();
    const y = fill(GpuArray.empty([64]), 5); // the same buffer
    expect([...new Set(await read)]).toEqual([3]);
    y.release();
  });
});

describe('contents', () => {
  test.each([
    ['f32', new Float32Array([1.5, -0, Infinity, NaN, 3.4e38])],
    ['i32', new Int32Array([-1, 0, 2 ** 31 - 1, -(2 ** 31)])],
    ['u32', new Uint32Array([0, 1, 2 ** 32 - 1])],
  ] as const)('of %s come back as they went', async (dtype, data) => {
    const x = GpuArray.from(data, [data.length]);
    expect(x.dtype).toBe(dtype);
    const back = await x.read();
    expect(back.constructor).toBe(data.constructor);
    expect([...back].every((value, i) => Object.is(value, data[i]))).toBe(true);
    x.release();
  });

  test('are those of a view within a larger buffer', async () => {
    const all = Float32Array.from({ length: 10 }, (_, i) => i);
    const x = GpuArray.from(all.subarray(3, 6), [3]);
    expect([...(await x.read())]).toEqual([3, 4, 5]);
    x.release();
  });

  test('copyFrom takes another shape of as many elements, of one dtype and device', async () => {
    const x = GpuArray.from(new Float32Array([1, 2, 3, 4]), [4]);
    const y = GpuArray.empty([2, 2]);
    y.copyFrom(x);
    y.copyFrom(y);
    expect([...(await y.read())]).toEqual([1, 2, 3, 4]);
    const integers = GpuArray.empty([4], 'i32');
    const longer = GpuArray.empty([5]);
    expect(() => y.copyFrom(integers)).toThrow('expected 4 elements of f32, got 4 of i32');
    expect(() => y.copyFrom(longer)).toThrow(ShapeError);
    expect(() => y.write(new Float32Array(5))).toThrow(
      'write: expected 4 elements, got 5 elements',
    );
    await withDevice((device) => {
      const other = GpuArray.empty([4], 'f32', device);
      expect(() => y.copyFrom(other)).toThrow(DeviceError);
    });
    for (const array of [x, y, integers, longer]) array.release();
  });

  test('of several arrays are read at once', async () => {
    const arrays = Array.from({ length: 20 }, (_, i) => fill(GpuArray.empty([10 ** (i % 5)]), i));
    const all = await Promise.all(arrays.map((array) => array.read()));
    for (const [i, data] of all.entries()) {
      expect(data.length).toBe(10 ** (i % 5));
      expect([...new Set(data)]).toEqual([i]);
    }
    for (const array of arrays) array.release();
  });

  test('that are large keep no staging memory for the next read', () =>
    withDevice(async (device) => {
      const create = device.gpu.createBuffer.bind(device.gpu);
      let staging = 0;
      device.gpu.createBuffer = (options) => {
        if (options.label === 'readback') staging++;
        return create(options);
      };
      const made = async (array: GpuArray) => {
        staging = 0;
        for (let i = 0; i < 3; i++) await array.read();
        return staging;
      };
      expect(await made(fill(GpuArray.empty([1000], 'f32', device), 1))).toBe(1);
      expect(await made(fill(GpuArray.empty([5_000_000], 'f32', device), 1))).toBe(3);
    }));

  test('every write in place counts as a version', () => {
    const x = fill(GpuArray.empty([2]), 1);
    const y = fill(GpuArray.empty([2]), 1);
    const before = x.storage.version;
    fill(x, 2);
    x.write(new Float32Array(2));
    const z = x.share([1, 2]);
    z.copyFrom(y);
    expect(x.storage.version).toBe(before + 3);
    for (const array of [x, y, z]) array.release();
  });
});
