/** Timing of one piece of work, within a limit. */
import * as sg from 'shadegrad';
import type { Device, Roofline } from 'shadegrad';
import type { KernelCase } from './cases.js';
import type { KernelResult } from './results.js';

/** How long a cell may take, in milliseconds. */
export interface Limits {
  /** After which no run is started any more. */
  enough: number;
  /** After which the bench goes on without its result. */
  most: number;
}

/** Checks a kernel, then times it on the GPU. What goes wrong is in the result. */
export async function measureKernel(
  device: Device,
  kernel: KernelCase,
  limits: Limits,
): Promise<KernelResult> {
  const { name, flops, bytes } = kernel;
  const none = { ms: null, fastestMs: null, gflops: null, gbPerSecond: null, share: null };
  try {
    const { times, dispatches } = await withinLimit(limits.most, () =>
      sg.tidy(() => timed(device, kernel, limits)),
    );
    const [ms, fastestMs] = [median(times), Math.min(...times)];
    const rate = (amount: number, over: number): number => amount / Math.max(over, 1e-6) / 1e6;
    return {
      ...{ name, flops, bytes, ms, fastestMs, dispatches },
      gflops: flops > 0 ? rate(flops, ms) : null,
      gbPerSecond: rate(bytes, ms),
      share: null,
    };
  } catch (error) {
    return { ...{ name, flops, bytes, dispatches: 0 }, ...none, problem: (error as Error).message };
  }
}

/** Fills in the shares, for a roofline that is known only now. */
export function withShares(
  results: readonly KernelResult[],
  { gflops, gbPerSecond }: Roofline,
): KernelResult[] {
  return results.map((result) => {
    const { flops, bytes, fastestMs } = result;
    if (fastestMs === null) return result;
    const leastMs = Math.max(flops / gflops, bytes / gbPerSecond) / 1e6;
    return { ...result, share: leastMs / Math.max(fastestMs, 1e-6) };
  });
}

const LEAST_RUNS = 3;
const MOST_RUNS = 25;

/** Milliseconds of each run. */
async function timed(
  device: Device,
  kernel: KernelCase,
  { enough }: Limits,
): Promise<{ times: number[]; dispatches: number }> {
  sg.manualSeed(7);
  const work = kernel.make();
  try {
    await work.check();
    return await timeRuns(device, () => work.run(), enough);
  } finally {
    work.dispose?.();
  }
}

async function timeRuns(
  device: Device,
  run: () => void,
  enough: number,
): Promise<{ times: number[]; dispatches: number }> {
  const start = performance.now();
  const times: number[] = [];
  let dispatches = 0;
  while (
    times.length < MOST_RUNS &&
    (times.length < LEAST_RUNS || performance.now() - start < enough)
  ) {
    if (times.length > 0 && performance.now() - start > 4 * enough) break;
    const kernels = await sg.timeKernels(device, run);
    times.push(kernels.reduce((sum, { nanoseconds }) => sum + nanoseconds, 0) / 1e6);
    dispatches = kernels.length;
  }
  return { times, dispatches };
}

/** @throws Error where `fn` takes longer than `milliseconds`; it then goes on unheeded. */
export async function withinLimit<T>(milliseconds: number, fn: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const seconds = milliseconds / 1000;
    timer = setTimeout(() => reject(new Error(`not done within ${seconds} seconds`)), milliseconds);
  });
  try {
    return await Promise.race([fn(), late]);
  } finally {
    clearTimeout(timer);
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
