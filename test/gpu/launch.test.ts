import { describe, expect, test } from 'vitest';
import { DeviceError, DisposedError } from '../../src/errors.js';
import { currentDevice } from '../../src/gpu/device.js';
import { GpuArray } from '../../src/gpu/gpuArray.js';
import { launch } from '../../src/gpu/launch.js';
import { defineShader } from '../../src/gpu/shader.js';
import threads from '../../shaders/threads.wgsl';
import { withDevice } from '../support/device.js';

const shader = defineShader({
  name: 'launchTest',
  source: `struct Params { count: u32, step: i32, scale: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(WORKGROUP)
fn add(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = threadIndex(id, groups);
  if (i < params.count) {
    x[i] += f32(i) * params.scale + f32(params.step);
  }
}`,
  params: { count: 'u32', step: 'i32', scale: 'f32' },
  includes: { threads },
});

interface Added {
  step?: number;
  scale?: number;
  constants?: Record<string, number>;
}

function add(x: GpuArray, { step = 0, scale = 0, constants }: Added): void {
  const params = { count: x.numel, step, scale };
  launch(shader, 'add', { inputs: [], outputs: [x], params, constants, threads: x.numel });
}

const zeros = (length: number) => GpuArray.from(new Float32Array(length), [length]);

describe('threads', () => {
  test.each([1, 63, 64, 65, 1000])('%i elements are each reached once', async (length) => {
    const x = zeros(length);
    add(x, { scale: 1, step: -1 });
    expect([...(await x.read())]).toEqual(Array.from({ length }, (_, i) => i - 1));
    x.release();
  });

  test.each([65_535, 65_536, 150_001])('%i workgroups fold right', async (length) => {
    const x = zeros(length);
    add(x, { scale: 1, step: 1, constants: { WORKGROUP: 1 } });
    const wrong = (await x.read()).findIndex((value, i) => value !== i + 1);
    expect(wrong, 'the first element that is wrong').toBe(-1);
    x.release();
  });

  test('an empty array is no work', async () => {
    const { dispatches } = currentDevice().queue;
    const x = zeros(0);
    add(x, { scale: 1 });
    expect(currentDevice().queue.dispatches).toBe(dispatches);
    expect(await x.read()).toEqual(new Float32Array(0));
    x.release();
  });
});

describe('uniforms', () => {
  test('reach the kernel with their types', async () => {
    const x = zeros(3);
    add(x, { step: -7, scale: 0.375 });
    expect([...(await x.read())]).toEqual([-7, -6.625, -6.25]);
    x.release();
  });

  test('of 1,000 dispatches in a row are each their own', async () => {
    const x = zeros(2);
    let sum = 0;
    for (let i = 0; i < 1000; i++) {
      add(x, { step: i, scale: -i });
      sum += i;
    }
    expect([...(await x.read())]).toEqual([sum, 0]);
    x.release();
  });

  test('of dispatches between submits are each their own', async () => {
    const x = zeros(1);
    const reads: Promise<ArrayLike<number>>[] = [];
    for (let i = 1; i <= 300; i++) {
      add(x, { step: i });
      if (i % 100 === 0) reads.push(x.read());
    }
    const totals = (await Promise.all(reads)).map((data) => data[0]);
    expect(totals).toEqual([5050, 20_100, 45_150]);
    x.release();
  });
});

describe('host writes', () => {
  test('neither overtake the commands before them nor fall behind those after them', async () => {
    const x = zeros(1);
    const seen = [zeros(1), zeros(1), zeros(1)];
    for (const [i, copy] of seen.entries()) {
      x.write(new Float32Array([100 * i]));
      add(x, { step: 1 });
      add(x, { step: 1 });
      copy.copyFrom(x);
    }
    const values = await Promise.all(seen.map((copy) => copy.read()));
    expect(values.map(([value]) => value)).toEqual([2, 102, 202]);
    for (const array of [x, ...seen]) array.release();
  });

  test('to the memory of an array released meanwhile wait for its commands', async () => {
    const sum = zeros(1);
    for (let i = 1; i <= 3; i++) {
      const x = GpuArray.from(new Float32Array([i]), [1]); // the same buffer each time
      add(x, { step: 10 });
      sum.copyFrom(x);
      x.release();
    }
    expect([...(await sum.read())]).toEqual([13]);
    sum.release();
  });

  test('do not touch what was read before them', async () => {
    const x = zeros(1);
    add(x, { step: 5 });
    const before = x.read();
    x.write(new Float32Array([9]));
    const after = x.read();
    expect([...(await before), ...(await after)]).toEqual([5, 9]);
    x.release();
  });
});

describe('refuses', () => {
  test('an array that was released', () => {
    const x = zeros(1);
    x.release();
    expect(() => add(x, {})).toThrow(DisposedError);
    expect(() => add(x, {})).toThrow('launchTest.add: an array was released before its use');
  });

  test('arrays of two devices', () =>
    withDevice((device) => {
      const [x, y] = [zeros(1), GpuArray.empty([1], 'f32', device)];
      const params = { count: 1, step: 0, scale: 0 };
      const run = () => launch(shader, 'add', { inputs: [x], outputs: [y], params, threads: 1 });
      expect(run).toThrow(DeviceError);
      expect(run).toThrow('launchTest: expected tensors of one device, got two');
      x.release();
    }));
});
