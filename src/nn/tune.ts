import { storeChoices } from '../gpu/choiceStorage.js';
import { currentDevice, type Device } from '../gpu/device.js';
import type { Shape } from '../gpu/dtype.js';
import type { Trial } from '../gpu/kernelChoices.js';
import { passThrough, type Runnable } from './compile.js';

export interface TuneOptions {
  /** How often each candidate is timed; the median counts. Default 5. */
  repeat?: number;
  /** Whether later processes on this adapter use what was found. Default true. */
  store?: boolean;
  /** Told how many pieces of work are done. */
  onProgress?: (done: number, total: number) => void;
}

/** What was measured for one piece of work. */
export interface TuneResult {
  /** Kernels and sizes: `matmul m256 n120 k400`. */
  work: string;
  /** The variant of the table, and the one that is used from now on. */
  before: string;
  chosen: string;
  /** Milliseconds by variant, the median; NaN for one whose result was wrong. */
  milliseconds: Record<string, number>;
}

/** Another variant must be this much faster than the table's, so that noise decides nothing. */
const MARGIN = 0.95;
const TOLERANCE = { f32: 1e-4, f16: 2e-2 }; // of the norm
const LEAST_MS = 2; // of one timing: shorter work is repeated within it

/**
 * Measures, for each piece of work that a network meets and several kernels can do, which of them is
 * the fastest on this adapter, and uses it from then on. A kernel whose result differs from that of
 * the reference kernel by more than rounding cannot win. Results are stored for the adapter, on
 * disk in Node (in the user's cache folder) and in `localStorage` in browsers, and `init()` reads
 * them.
 *
 * The work is that of a training step if the model is training, else that of `forward`.
 *
 * @param inputShape  Of one batch: [64, 1, 28, 28].
 * @returns what was measured, one entry for each piece of work.
 *
 * @example
 * await sg.tune(model, [256, 1, 28, 28]);
 */
export async function tune(
  model: Runnable,
  inputShape: Shape,
  { repeat = 5, store = true, onProgress }: TuneOptions = {},
): Promise<TuneResult[]> {
  const device = currentDevice();
  const { choices } = device;
  const met = choices.meeting(() => void device.dryRun(() => passThrough(model, inputShape)));
  const open = [...met].filter(([, { candidates }]) => candidates.length > 1);
  const results: TuneResult[] = [];
  for (const [work, { candidates, preferred, trial }] of open) {
    const run = trial();
    try {
      const milliseconds = await measure(device, run, candidates, repeat);
      const chosen = fastest(milliseconds, preferred);
      choices.tuned.set(work, chosen);
      results.push({ work, before: preferred, chosen, milliseconds });
    } finally {
      run.release();
    }
    onProgress?.(results.length, open.length);
  }
  if (store) storeChoices(device);
  return results;
}

function fastest(milliseconds: Readonly<Record<string, number>>, preferred: string): string {
  const standing = milliseconds[preferred]!;
  const [best] = Object.entries(milliseconds)
    .filter(([, time]) => time < standing * MARGIN)
    .sort(([, a], [, b]) => a - b);
  return best?.[0] ?? preferred;
}

/** The candidates in turn, so that a disturbance meets them all. */
async function measure(
  device: Device,
  trial: Trial,
  candidates: readonly string[],
  repeat: number,
): Promise<Record<string, number>> {
  const right = await rightOnes(trial, candidates);
  const times = new Map(right.map((variant) => [variant, [] as number[]]));
  let calls = 1;
  for (let round = 0; round < repeat; round++) {
    for (const [variant, list] of times) {
      const started = performance.now();
      for (let i = 0; i < calls; i++) for (const array of trial.run(variant)) array.release();
      await device.sync();
      const each = (performance.now() - started) / calls;
      list.push(each);
      if (round === 0) calls = Math.max(calls, Math.ceil(LEAST_MS / Math.max(each, 0.01)));
    }
  }
  return Object.fromEntries(
    candidates.map((variant) => [variant, times.has(variant) ? median(times.get(variant)!) : NaN]),
  );
}

/** The reference, which comes first, and those that give its result. */
async function rightOnes(trial: Trial, candidates: readonly string[]): Promise<string[]> {
  const expected = await valuesOf(trial, candidates[0]!);
  const right = [candidates[0]!];
  for (const variant of candidates.slice(1)) {
    const got = await valuesOf(trial, variant);
    if (got.every(({ values, tolerance }, i) => differs(values, expected[i]!.values) <= tolerance))
      right.push(variant);
  }
  return right;
}

async function valuesOf(
  trial: Trial,
  variant: string,
): Promise<{ values: ArrayLike<number>; tolerance: number }[]> {
  const arrays = trial.run(variant);
  const values = await Promise.all(arrays.map((array) => array.read()));
  return arrays.map((array, i) => {
    array.release();
    const tolerance = array.dtype === 'f16' ? TOLERANCE.f16 : TOLERANCE.f32;
    return { values: values[i]!, tolerance };
  });
}

/** The norm of the difference, by that of `expected`. */
function differs(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [difference, norm] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    difference += (got[i]! - expected[i]!) ** 2;
    norm += expected[i]! ** 2;
  }
  return Math.sqrt(difference / (norm || 1));
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
