import { describe, expect, test } from 'vitest';
import { DeviceError, ShaderError } from '../../src/errors.js';
import type { Device } from '../../src/gpu/device.js';
import { GpuArray } from '../../src/gpu/gpuArray.js';
import { launch } from '../../src/gpu/launch.js';
import { defineShader } from '../../src/gpu/shader.js';
import { withDevice } from '../support/device.js';

const HEAD = `@group(0) @binding(1) var<storage, read_write> x: array<u32>;
override ADDED: u32 = 1u;
`;

const good = defineShader({
  name: 'pipelineTest',
  source: `${HEAD}
@compute @workgroup_size(1) fn one() { x[0] += ADDED; }
@compute @workgroup_size(1) fn two() {
#if DOUBLE
  x[0] += 2u * ADDED;
#endif
#if TENFOLD
  x[0] *= 10u;
#endif
}`,
  params: {},
  flags: ['DOUBLE', 'TENFOLD'],
});

const MISTAKE = `/* a comment
   of two lines */
#if WRONG
fn helper() -> u32 {
  /* here: */ return nothing + 1u; // no such name
}
#endif`;

const broken = defineShader({
  name: 'brokenTest',
  source: `${HEAD}
@compute @workgroup_size(1) fn run() { x[0] = helper(); }`,
  params: {},
  flags: ['WRONG'],
  includes: { mistake: MISTAKE },
});
const MESSAGE =
  /^shaders\/mistake\.wgsl:5:22: .*nothing.*\n {2}\/\* here: \*\/ return nothing \+ 1u; \/\/ no such name\n {2}with WRONG$/;

const refused = defineShader({
  name: 'refusedTest',
  source: `${HEAD}override SIZE: u32;
@compute @workgroup_size(SIZE) fn run() { x[0] = 1u; }`,
  params: {},
});

type Run = (shader: typeof good, entry: string, constants?: Record<string, number>) => void;

function runner(x: GpuArray): Run {
  return (shader, entry, constants = {}) =>
    launch(shader, entry, {
      inputs: [],
      outputs: [x],
      params: {},
      workgroups: [1, 1, 1],
      constants,
    });
}

/** Calls of the device's own methods that compile, counted from here on. */
function countCompilations(device: Device): { sync: number; async: number; modules: number } {
  const counts = { sync: 0, async: 0, modules: 0 };
  const { gpu } = device;
  const sync = gpu.createComputePipeline.bind(gpu);
  const async = gpu.createComputePipelineAsync.bind(gpu);
  const modules = gpu.createShaderModule.bind(gpu);
  gpu.createComputePipeline = (options) => (counts.sync++, sync(options));
  gpu.createComputePipelineAsync = (options) => (counts.async++, async(options));
  gpu.createShaderModule = (options) => (counts.modules++, modules(options));
  return counts;
}

describe('pipelines', () => {
  test('are compiled once by entry point, flags and constants', () =>
    withDevice(async (device) => {
      const counts = countCompilations(device);
      const x = GpuArray.from(new Uint32Array([0]), [1], device);
      const run = runner(x);
      const outputs = { inputs: [], outputs: [x], params: {}, workgroups: [1, 1, 1] } as const;
      for (let i = 0; i < 3; i++) {
        run(good, 'one'); // + 1
        run(good, 'one', { ADDED: 5 }); // + 5
        launch(good, 'two', { ...outputs, flags: { DOUBLE: true } }); // + 2
        launch(good, 'two', { ...outputs, flags: { DOUBLE: true, TENFOLD: false } }); // + 2
      }
      launch(good, 'two', { ...outputs, flags: { DOUBLE: true, TENFOLD: true } }); // (+ 2) * 10
      launch(good, 'two', { ...outputs, flags: { TENFOLD: true, DOUBLE: true } }); // (+ 2) * 10
      expect([...(await x.read())]).toEqual([(320 + 2) * 10]);
      expect(counts).toEqual({ sync: 4, async: 0, modules: 3 });
    }));

  test('are warmed up at once, each once, with progress, and then are there', () =>
    withDevice(async (device) => {
      const counts = countCompilations(device);
      const x = GpuArray.from(new Uint32Array([7]), [1], device);
      const run = runner(x);
      const many = () => {
        for (let added = 0; added < 20; added++) run(good, 'one', { ADDED: added });
        for (let added = 0; added < 20; added++) run(good, 'one', { ADDED: added });
      };
      const progress: number[][] = [];
      expect(await device.compile(many, (...numbers) => progress.push(numbers))).toBe(20);
      expect(progress).toEqual(Array.from({ length: 20 }, (_, i) => [i + 1, 20]));
      expect([...(await x.read())], 'a dry run computes nothing').toEqual([7]);

      expect(await device.compile(many)).toBe(0);
      many();
      expect([...(await x.read())]).toEqual([7 + 2 * 190]);
      expect(counts).toEqual({ sync: 0, async: 20, modules: 1 });
    }));
});

describe('a shader that does not compile', () => {
  const launchBroken = (x: GpuArray) =>
    launch(broken, 'run', {
      inputs: [],
      outputs: [x],
      params: {},
      flags: { WRONG: true },
      workgroups: [1, 1, 1],
    });

  test('rejects a warm-up with file, line, column, message and source line', () =>
    withDevice(async (device) => {
      const x = GpuArray.from(new Uint32Array([3]), [1], device);
      const warmUp = device.compile(() => launchBroken(x));
      const error = await warmUp.catch((e: unknown) => e);
      expect(error).toBeInstanceOf(ShaderError);
      expect((error as Error).message).toMatch(MESSAGE);
      const again = device.compile(() => launchBroken(x));
      await expect(again, 'a second time too').rejects.toThrow(MESSAGE);

      // Nothing was dispatched, so the device goes on.
      await device.sync();
      runner(x)(good, 'one');
      expect([...(await x.read())]).toEqual([4]);
    }));

  test.each(['sync', 'read'] as const)('fails the %s after a launch with the same', (next) =>
    withDevice(async (device) => {
      const x = GpuArray.empty([1], 'u32', device);
      launchBroken(x);
      const error = await (next === 'sync' ? device.sync() : x.read()).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(ShaderError);
      expect((error as Error).message).toMatch(MESSAGE);
      await expect(device.sync()).rejects.toThrow(MESSAGE);
      expect(() => runner(x)(good, 'one')).toThrow(MESSAGE);
    }),
  );
});

describe('a pipeline that the adapter refuses', () => {
  const SIZE = 1 << 20; // threads of a workgroup

  test('rejects a warm-up with the name of the kernel', () =>
    withDevice(async (device) => {
      const x = GpuArray.empty([1], 'u32', device);
      const warmUp = device.compile(() => runner(x)(refused as never, 'run', { SIZE }));
      const error = await warmUp.catch((e: unknown) => e);
      expect(error).toBeInstanceOf(DeviceError);
      expect((error as Error).message).toMatch(/^refusedTest\.run: /);
    }));

  test('fails the next sync with the name of the kernel', () =>
    withDevice(async (device) => {
      const x = GpuArray.empty([1], 'u32', device);
      runner(x)(refused as never, 'run', { SIZE });
      await expect(device.sync()).rejects.toThrow(/^refusedTest\.run: /);
    }));
});

test('closing the device during a warm-up settles it', () =>
  withDevice(async (device) => {
    const x = GpuArray.empty([1], 'u32', device);
    const warmUp = device.compile(() => {
      for (let ADDED = 0; ADDED < 50; ADDED++) runner(x)(good, 'one', { ADDED });
    });
    device.close();
    await warmUp.catch((error: unknown) => expect(error).toBeInstanceOf(DeviceError));
  }));
