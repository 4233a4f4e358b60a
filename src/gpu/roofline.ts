import source from '../../shaders/roofline.wgsl';
import threads from '../../shaders/threads.wgsl';
import type { Device } from './device.js';
import { GpuArray } from './gpuArray.js';
import { launch } from './launch.js';
import { defineShader } from './shader.js';
import { timeKernels } from './timestamps.js';

/** What an adapter does at most, measured. */
export interface Roofline {
  /** Multiply-adds of f32, each counted as two operations, in 1e9 a second. */
  gflops: number;
  /** Read and written by a copy, in 1e9 bytes a second. */
  gbPerSecond: number;
  /** Microseconds of one more dispatch in a pass, recording included. */
  dispatchMicroseconds: number;
  /** Microseconds of a submit with one dispatch, until the host knows that it is done. */
  submitMicroseconds: number;
  /** Microseconds of reading one number back. */
  readbackMicroseconds: number;
}

const shader = defineShader({
  name: 'roofline',
  source,
  params: { count: 'u32', rounds: 'u32' },
  flags: ['COPY'],
  includes: { threads },
});

/** A GPU has to be filled, and copies must be larger than its caches; a CPU would take too long. */
const SIZES = {
  software: { threads: 4096, copied: 16 * 2 ** 20, milliseconds: 20, dispatches: 400 },
  hardware: { threads: 2 ** 19, copied: 256 * 2 ** 20, milliseconds: 5, dispatches: 1000 },
};

const QUAD = 16; // bytes of a vec4f
const CHAINS = 8; // of multiply-adds, of vec4f: as in the shader
const STEPS = 8; // of each chain, in a round
const RUNS = 5; // of which the fastest counts

const measured = new WeakMap<Device, Promise<Roofline>>();

/**
 * What the adapter of this device does at most; measured once, which takes about a second.
 * @param again  Measures once more; the better of both counts then, for a machine that was busy.
 */
export function measureRoofline(device: Device, again = false): Promise<Roofline> {
  const known = measured.get(device);
  if (known && !again) return known;
  const roofline = known
    ? Promise.all([known, measure(device)]).then(([a, b]) => better(a, b))
    : measure(device);
  measured.set(device, roofline);
  roofline.catch(() => measured.delete(device)); // the next call tries again
  return roofline;
}

function better(a: Roofline, b: Roofline): Roofline {
  return {
    gflops: Math.max(a.gflops, b.gflops),
    gbPerSecond: Math.max(a.gbPerSecond, b.gbPerSecond),
    dispatchMicroseconds: Math.min(a.dispatchMicroseconds, b.dispatchMicroseconds),
    submitMicroseconds: Math.min(a.submitMicroseconds, b.submitMicroseconds),
    readbackMicroseconds: Math.min(a.readbackMicroseconds, b.readbackMicroseconds),
  };
}

async function measure(device: Device): Promise<Roofline> {
  await device.sync();
  return {
    gflops: await multiplyAdds(device),
    gbPerSecond: await copies(device),
    ...(await overheads(device)),
  };
}

function sizesOf({ info }: Device): (typeof SIZES)['software'] {
  return SIZES[info.software ? 'software' : 'hardware'];
}

async function multiplyAdds(device: Device): Promise<number> {
  const { threads: count, milliseconds } = sizesOf(device);
  const y = GpuArray.empty([4 * count], 'f32', device);
  const run = (rounds: number): Promise<number> => fastest(device, () => multiplyAdd(y, rounds));
  try {
    let rounds = 8;
    let seconds = await run(rounds);
    // A few of them to know how many take long enough for the start not to count.
    for (let i = 0; i < 3 && seconds < milliseconds / 2000; i++) {
      rounds = Math.ceil(rounds * Math.min(16, milliseconds / 1000 / Math.max(seconds, 1e-6)));
      seconds = await run(rounds);
    }
    return (count * rounds * CHAINS * STEPS * 4 * 2) / seconds / 1e9;
  } finally {
    y.release();
  }
}

async function copies(device: Device): Promise<number> {
  const bytes = QUAD * Math.floor(Math.min(sizesOf(device).copied, device.bindingLimit) / QUAD);
  const x = GpuArray.empty([bytes / 4], 'f32', device);
  const y = GpuArray.empty([bytes / 4], 'f32', device);
  try {
    return (2 * bytes) / (await fastest(device, () => copy(x, y))) / 1e9;
  } finally {
    x.release();
    y.release();
  }
}

async function overheads(
  device: Device,
): Promise<Pick<Roofline, 'dispatchMicroseconds' | 'submitMicroseconds' | 'readbackMicroseconds'>> {
  const y = GpuArray.empty([4], 'f32', device);
  const microseconds = (dispatches: number): Promise<number> =>
    median(async () => {
      for (let i = 0; i < dispatches; i++) nothing(y);
      await device.sync();
    });
  try {
    await microseconds(1); // compiles
    const { dispatches } = sizesOf(device);
    const one = await microseconds(1);
    const many = await microseconds(1 + dispatches);
    return {
      dispatchMicroseconds: Math.max(0, many - one) / dispatches,
      submitMicroseconds: one,
      readbackMicroseconds: await median(() => y.read()),
    };
  } finally {
    y.release();
  }
}

/** `rounds` rounds of eight multiply-adds, by a thread for each four elements of `y`, which get the sums. */
export function multiplyAdd(y: GpuArray, rounds: number): void {
  const count = y.numel / 4;
  launch(shader, 'multiplyAdd', {
    inputs: [],
    outputs: [y],
    params: { count, rounds },
    threads: count,
  });
}

/** Copies x to y, whose sizes are a multiple of four. */
export function copy(x: GpuArray, y: GpuArray): void {
  const count = x.numel / 4;
  launch(shader, 'copy', {
    inputs: [x],
    outputs: [y],
    params: { count, rounds: 0 },
    flags: { COPY: true },
    threads: Math.ceil(count / 8),
  });
}

/** A dispatch of one thread that does nothing or, where `clears`, sets the first four elements to 0. */
export function nothing(y: GpuArray, clears = false): void {
  launch(shader, 'nothing', {
    inputs: [],
    outputs: [y],
    params: { count: 0, rounds: clears ? 1 : 0 },
    threads: 1,
    constants: { WORKGROUP: 1 },
  });
}

/** Seconds of the fastest run; one more comes first, which compiles. */
async function fastest(device: Device, dispatch: () => void): Promise<number> {
  dispatch();
  await device.sync();
  const times = await timeKernels(device, () => {
    for (let i = 0; i < RUNS; i++) dispatch();
  });
  // A clock may be too coarse for one of them.
  return Math.max(1, Math.min(...times.map(({ nanoseconds }) => nanoseconds))) / 1e9;
}

/** Microseconds of a run, the median of some. */
async function median(run: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 9; i++) {
    const start = performance.now();
    await run();
    times.push(1000 * (performance.now() - start));
  }
  return times.sort((a, b) => a - b)[4]!;
}
