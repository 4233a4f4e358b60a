/** What the tests of ops measured, for the table that `npm run ops` prints. */
import { TestRunner } from 'vitest';
import { currentDevice } from '../../src/gpu/device.js';

export interface OpResult {
  /** As on the tape: `conv2d`. */
  op: string;
  dtype: 'f32' | 'f16';
  /** What the device calls itself. */
  adapter: string;
  /** The options that the case used: `stride`, `padding 'same'`. */
  options: string[];
  /** Norm of the difference over the norm of the reference, forward. */
  forward: number;
  /** The same of the gradients, the worst input; null where there is none. */
  gradient: number | null;
}

declare module 'vitest' {
  interface TaskMeta {
    ops?: OpResult[];
  }
}

/** Attaches a result to the test that runs now: the reporter collects it, in either runtime. */
export function recordResult(result: Omit<OpResult, 'adapter'>): void {
  const { description, architecture } = currentDevice().info;
  const test = TestRunner.getCurrentTest();
  if (!test) return;
  // What has no gradient is not on the tape, and goes by its test's name.
  const op = result.op || test.file.name.replace(/^.*\/|\.test\.ts$/g, '');
  (test.meta.ops ??= []).push({ ...result, op, adapter: description || architecture });
}

/** Norm of the difference over the norm of `expected`, over finite values; 0 for two zeros. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < expected.length; i++) {
    if (!Number.isFinite(expected[i])) continue;
    difference += (actual[i]! - expected[i]!) ** 2;
    norm += expected[i]! ** 2;
  }
  if (norm === 0) return difference === 0 ? 0 : Infinity;
  return Math.sqrt(difference / norm);
}

/** `{ stride: 2, padding: 'same' }` as `stride`, `padding 'same'`; defaults that are undefined are left out. */
export function optionNames(options: Readonly<Record<string, unknown>> = {}): string[] {
  return Object.entries(options)
    .filter(([, value]) => value !== undefined && value !== false)
    .map(([name, value]) => (typeof value === 'string' ? `${name} '${value}'` : name));
}
