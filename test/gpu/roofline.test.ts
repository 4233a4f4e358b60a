import { expect, test } from 'vitest';
import { fill } from '../../src/autograd/kernels/fill.js';
import { currentDevice } from '../../src/gpu/device.js';
import { GpuArray } from '../../src/gpu/gpuArray.js';
import { copy, measureRoofline, multiplyAdd, nothing } from '../../src/gpu/roofline.js';
import { expectClose } from '../support/compare.js';
import { uniform } from '../support/random.js';

test('an adapter has figures, and they are measured once', async () => {
  const device = currentDevice();
  const first = measureRoofline(device);
  expect(measureRoofline(device)).toBe(first);
  const roofline = await first;
  for (const [name, value] of Object.entries(roofline)) {
    expect(value, name).toBeGreaterThanOrEqual(0);
    expect(Number.isFinite(value), name).toBe(true);
  }
  expect(roofline.gflops).toBeGreaterThan(0.01);
  expect(roofline.gbPerSecond).toBeGreaterThan(0.001);
  const second = await measureRoofline(device, true);
  expect(second.gflops).toBeGreaterThanOrEqual(roofline.gflops);
  expect(second.submitMicroseconds).toBeLessThanOrEqual(roofline.submitMicroseconds);
  expect(await measureRoofline(device)).toBe(second);
});

test('multiply-adds are done, all of them', async () => {
  const [threads, rounds] = [37, 1];
  const y = fill(GpuArray.empty([4 * threads]), -1);
  multiplyAdd(y, rounds);
  const factors = [0.5, 0.25, 0.75, 0.125];
  const expected = Float64Array.from({ length: 4 * threads }, (_, at) => {
    const start = 1 + (Math.floor(at / 4) % 16);
    let sum = 0;
    for (let chain = 0; chain < 8; chain++) {
      let value = start + chain;
      for (let step = 0; step < 8 * rounds; step++) value = value * factors[at % 4]! + start;
      sum += value;
    }
    return sum;
  });
  expectClose(await y.read(), expected);
  y.release();
});

test('a copy is a copy, of everything', async () => {
  const values = uniform(4 * 1025, 3);
  const x = GpuArray.from(values, [values.length]);
  const y = fill(GpuArray.empty([values.length]), 0);
  copy(x, y);
  expect(await y.read()).toEqual(values);
  for (const array of [x, y]) array.release();
});

test('nothing does nothing, but could', async () => {
  const y = fill(GpuArray.empty([8]), 3);
  nothing(y);
  expect([...(await y.read())]).toEqual([3, 3, 3, 3, 3, 3, 3, 3]);
  nothing(y, true);
  expect([...(await y.read())]).toEqual([0, 0, 0, 0, 3, 3, 3, 3]);
  y.release();
});
