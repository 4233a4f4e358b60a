import { expect, test } from 'vitest';
import type { Device } from '../../src/gpu/device.js';
import { GpuArray } from '../../src/gpu/gpuArray.js';
import { launch } from '../../src/gpu/launch.js';
import { defineShader } from '../../src/gpu/shader.js';
import { withDevice } from '../support/device.js';

const shader = defineShader({
  name: 'bindGroupTest',
  source: `struct Params { added: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;
@compute @workgroup_size(1) fn addTo() { y[0] += x[0] + params.added; }
@compute @workgroup_size(1) fn sizes() { y[0] = 1000u * arrayLength(&x) + arrayLength(&y); }`,
  params: { added: 'u32' },
});

function run(entry: string, x: GpuArray, y: GpuArray, added = 0): void {
  launch(shader, entry, { inputs: [x], outputs: [y], params: { added }, workgroups: [1, 1, 1] });
}

function countGroups({ gpu }: Device): () => number {
  const create = gpu.createBindGroup.bind(gpu);
  let count = 0;
  gpu.createBindGroup = (options) => (count++, create(options));
  return () => count;
}

const array = (device: Device, ...values: number[]) =>
  GpuArray.from(new Uint32Array(values), [values.length], device);

test('a bind group is made once for the same buffers, whatever the entry and the uniforms', () =>
  withDevice(async (device) => {
    const count = countGroups(device);
    const [x, y, z] = [array(device, 1), array(device, 0), array(device, 0)];
    for (let i = 0; i < 10; i++) run('addTo', x, y, 10);
    run('sizes', x, z);
    run('addTo', x, z, 0);
    run('addTo', y, z, 0);
    expect(count()).toBe(3);
    expect([...(await y.read()), ...(await z.read())]).toEqual([110, 1001 + 1 + 110]);
  }));

test('a buffer that serves arrays of other sizes is bound with the size of each', () =>
  withDevice(async (device) => {
    const y = array(device, 0);
    const lengths: number[] = [];
    for (const length of [5, 40, 1, 40]) {
      const x = GpuArray.empty([length], 'u32', device); // all of one size class
      run('sizes', x, y);
      lengths.push((await y.read())[0]!);
      x.release();
    }
    expect(lengths).toEqual([5001, 40_001, 1001, 40_001]);
  }));

test('thousands of pairs of buffers are fine', () =>
  withDevice(async (device) => {
    const arrays = Array.from({ length: 95 }, (_, i) => array(device, i));
    const sum = array(device, 0);
    for (const x of arrays) for (const y of arrays) if (x !== y) run('sizes', x, y); // 8,930 groups
    for (const x of arrays) run('addTo', x, sum);
    expect([...(await sum.read())]).toEqual([95 * 1001]);
  }));
