import { ArgumentError } from '../errors.js';
import { currentDevice, type Device, type DeviceInfo } from './device.js';
import { measureRoofline, type Roofline } from './roofline.js';
import { alignColumns } from '../textTable.js';
import type { KernelTime } from './kernelTime.js';
import { clockOf, timeKernels } from './timestamps.js';

export interface ProfileOptions {
  /** Runs that are measured. Default 1. */
  repeat?: number;
  /** Runs before those, which compile pipelines and fill caches. Default 1. */
  warmUp?: number;
  /** What kernels are timed by. Default: timestamps of the GPU where the adapter has them. */
  clock?: 'gpu' | 'wall';
  /** Default: that of the last `init()`. */
  device?: Device;
}

/** All dispatches of one kernel, in one run. */
export interface KernelProfile {
  /** `conv2d.forward` */
  label: string;
  /** Dispatches. */
  calls: number;
  totalMs: number;
  /** Of one dispatch. */
  meanMs: number;
  /** Of the time of all kernels, from 0 to 1. */
  share: number;
  /** 0 where the kernel's operations are not counted. */
  gflops: number;
  /** Counting each array that it was given once. */
  gbPerSecond: number;
  /**
   * Of what the adapter reaches at most, in operations or in bytes, whichever share is larger. Over 1
   * where not all of the arrays were read, or the adapter's caches held them.
   */
  shareOfPeak: number;
}

/** Figures of one run, means over those that were measured. */
interface Figures {
  device: DeviceInfo;
  roofline: Roofline;
  clock: 'gpu' | 'wall';
  repeat: number;
  kernels: readonly KernelProfile[];
  gpuMs: number;
  wallMs: number;
  javascriptMs: number;
  dispatches: number;
  bytesPeak: number;
}

/** One run on the clock of `performance.now()`, while its kernels were timed. */
interface TimedRun {
  start: number;
  end: number;
  times: readonly KernelTime[];
}

/** Where the time of a function goes, kernel by kernel; figures are of one run of it. */
export class Profile {
  readonly device: DeviceInfo;
  /** What the adapter does at most. */
  readonly roofline: Roofline;
  /** How the kernels were timed: by the GPU's timestamps or the clock on the wall. */
  readonly clock: 'gpu' | 'wall';
  /** Runs that were measured; figures are means over them. */
  readonly repeat: number;
  /** The one that took longest first. */
  readonly kernels: readonly KernelProfile[];
  /** Of all kernels, in milliseconds. */
  readonly gpuMs: number;
  /** From the call until the GPU had done it all, without timing of kernels, in milliseconds. */
  readonly wallMs: number;
  /** Of that, until the call returned: for a function that only enqueues work, JavaScript's part. */
  readonly javascriptMs: number;
  readonly dispatches: number;
  /** Most bytes of buffers in use at once. */
  readonly bytesPeak: number;

  constructor(
    figures: Figures,
    private readonly runs: readonly TimedRun[],
  ) {
    this.device = figures.device;
    this.roofline = figures.roofline;
    this.clock = figures.clock;
    this.repeat = figures.repeat;
    this.kernels = figures.kernels;
    this.gpuMs = figures.gpuMs;
    this.wallMs = figures.wallMs;
    this.javascriptMs = figures.javascriptMs;
    this.dispatches = figures.dispatches;
    this.bytesPeak = figures.bytesPeak;
  }

  /** A line for each kernel, and what the whole takes. */
  table(): string {
    const header = ['kernel', 'calls', 'ms', 'ms/call', 'share', 'GFLOP/s', 'GB/s', 'of peak'];
    const body = this.kernels.map((kernel) => [
      kernel.label,
      figure(kernel.calls),
      figure(kernel.totalMs),
      figure(kernel.meanMs),
      percent(kernel.share),
      kernel.gflops > 0 ? figure(kernel.gflops) : '',
      figure(kernel.gbPerSecond),
      percent(kernel.shareOfPeak),
    ]);
    const { gflops, gbPerSecond } = this.roofline;
    const clock = this.clock === 'gpu' ? 'GPU timestamps' : 'the clock on the wall';
    return [
      ...alignColumns([header, ...body]),
      '',
      `kernels     ${figure(this.gpuMs)} ms in ${figure(this.dispatches)} dispatches, by ${clock}`,
      `wall        ${figure(this.wallMs)} ms`,
      `JavaScript  ${figure(this.javascriptMs)} ms`,
      `memory      ${figure(this.bytesPeak / 2 ** 20)} MiB at most`,
      `peak        ${figure(gflops)} GFLOP/s, ${figure(gbPerSecond)} GB/s, measured`,
    ].join('\n');
  }

  /**
   * The measured runs as JSON of Chrome's trace events, for chrome://tracing and ui.perfetto.dev: one
   * track with the kernels on the GPU, one with the calls in JavaScript that enqueued them.
   */
  trace(): string {
    const [gpu, javascript] = [1, 2] as const;
    const from = this.runs[0]!.start;
    const name = (tid: number, text: string): object => ({
      ...{ name: 'thread_name', ph: 'M', pid: 1, tid },
      args: { name: text },
    });
    const span = (
      tid: number,
      label: string,
      start: number,
      milliseconds: number,
      args = {},
    ): object => ({
      ...{ name: label, cat: tid === gpu ? 'gpu' : 'javascript', ph: 'X', pid: 1, tid },
      ts: round(1000 * (start - from)),
      dur: round(1000 * milliseconds),
      args,
    });
    const events = this.runs.flatMap(({ start, end, times }, i) => [
      span(javascript, `run ${i + 1}`, start, end - start),
      ...times.map(({ label, enqueued }, k) =>
        // From one call of the queue to the next: what it took to get to the next dispatch.
        span(javascript, label, enqueued, Math.max(0, (times[k + 1]?.enqueued ?? end) - enqueued)),
      ),
      ...times.map(({ label, start: begin, nanoseconds, flops, bytes }) =>
        span(gpu, label, begin, nanoseconds / 1e6, { flops, bytes }),
      ),
    ]);
    return JSON.stringify({
      displayTimeUnit: 'ms',
      traceEvents: [name(gpu, 'GPU'), name(javascript, 'JavaScript'), ...events],
    });
  }
}

/**
 * Shows where the time of `fn` goes: runs it to warm up, then `repeat` times as it is, for its own
 * time, and `repeat` times with each kernel timed on its own. Kernels are timed by the GPU's
 * timestamps where the adapter has `timestamp-query`, else by the clock on the wall, one dispatch at a
 * time. What `fn` makes is for it to free, as in any loop: by backward, `noGrad` or `tidy`.
 *
 * @param fn  A training step, say; may be async.
 * @throws ArgumentError for a `repeat` under 1, DeviceError without a device.
 *
 * @example
 * const profile = await sg.profile(() => step(x, y), { repeat: 5 });
 * console.log(profile.table());
 */
export async function profile(fn: () => unknown, options: ProfileOptions = {}): Promise<Profile> {
  const { repeat = 1, warmUp = 1, device = currentDevice() } = options;
  const { clock = clockOf(device) } = options;
  if (!Number.isInteger(repeat) || repeat < 1)
    throw new ArgumentError('profile', 'a repeat of 1 or more', repeat);
  if (!Number.isInteger(warmUp) || warmUp < 0)
    throw new ArgumentError('profile', 'a warmUp of 0 or more', warmUp);
  const roofline = await measureRoofline(device);
  for (let i = 0; i < warmUp; i++) await fn();
  const whole = await timeWhole(device, fn, repeat);
  const runs: TimedRun[] = [];
  for (let i = 0; i < repeat; i++) {
    await device.sync();
    let [start, end] = [0, 0];
    const timed = (): unknown => {
      start = performance.now();
      const result = fn();
      end = performance.now();
      return result;
    };
    const times = await timeKernels(device, timed, { clock });
    runs.push({ start, end, times });
  }
  const times = runs.flatMap((run) => run.times);
  const kernels = summarize(times, repeat, roofline);
  return new Profile(
    {
      ...{ device: device.info, roofline, clock, repeat, kernels, ...whole },
      gpuMs: kernels.reduce((sum, { totalMs }) => sum + totalMs, 0),
      dispatches: times.length / repeat,
    },
    runs,
  );
}

async function timeWhole(
  device: Device,
  fn: () => unknown,
  repeat: number,
): Promise<Pick<Figures, 'wallMs' | 'javascriptMs' | 'bytesPeak'>> {
  const { account } = device.pool;
  const everPeak = account.bytesPeak;
  account.bytesPeak = account.bytesInUse;
  let [wallMs, javascriptMs] = [0, 0];
  try {
    for (let i = 0; i < repeat; i++) {
      await device.sync();
      const start = performance.now();
      const result = fn();
      javascriptMs += (performance.now() - start) / repeat;
      await result;
      await device.sync();
      wallMs += (performance.now() - start) / repeat;
    }
    return { wallMs, javascriptMs, bytesPeak: account.bytesPeak };
  } finally {
    account.bytesPeak = Math.max(everPeak, account.bytesPeak);
  }
}

/** The dispatches of `runs` runs by kernel, the one that took longest first. */
export function summarize(
  times: readonly KernelTime[],
  runs: number,
  roofline: Roofline,
): KernelProfile[] {
  const byLabel = new Map<string, KernelTime[]>();
  for (const time of times) {
    const list = byLabel.get(time.label);
    if (list) list.push(time);
    else byLabel.set(time.label, [time]);
  }
  const sum = (list: readonly KernelTime[], key: 'nanoseconds' | 'flops' | 'bytes'): number =>
    list.reduce((total, time) => total + time[key], 0);
  const all = sum(times, 'nanoseconds');
  return [...byLabel]
    .map(([label, list]) => {
      const nanoseconds = sum(list, 'nanoseconds');
      const rate = (amount: number): number => (nanoseconds > 0 ? amount / nanoseconds : 0);
      const gflops = rate(sum(list, 'flops'));
      const gbPerSecond = rate(sum(list, 'bytes'));
      return {
        label,
        calls: list.length / runs,
        totalMs: nanoseconds / runs / 1e6,
        meanMs: nanoseconds / list.length / 1e6,
        share: all > 0 ? nanoseconds / all : 0,
        gflops,
        gbPerSecond,
        shareOfPeak: Math.max(gflops / roofline.gflops, gbPerSecond / roofline.gbPerSecond),
      };
    })
    .sort((a, b) => b.totalMs - a.totalMs);
}

/** Three digits, as many as a measurement is worth: 0.0123, 1.23, 12.3, 1,234. */
function figure(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}

/** Microseconds with a nanosecond's digits. */
function round(microseconds: number): number {
  return Math.round(microseconds * 1000) / 1000;
}
