import { afterEach, expect, test, vi } from 'vitest';
import { IdleWait } from '../../src/gpu/idleWait.js';

afterEach(() => {
  vi.restoreAllMocks();
});

/** Settles after so many turns of the event loop. */
async function turns(count: number): Promise<string> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
  return 'done';
}

/** The pauses of a wait, in milliseconds, on a clock that goes on by `step` at each look. */
async function pausesOf(
  wait: (idle: IdleWait) => Promise<unknown>,
  step: number,
): Promise<number[]> {
  let now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => (now += step));
  const pauses: number[] = [];
  vi.spyOn(Atomics, 'wait').mockImplementation((_array, _index, _value, timeout) => {
    pauses.push(timeout!);
    return 'timed-out';
  });
  const idle = new IdleWait();
  await wait(idle);
  const { length } = pauses;
  await turns(5);
  expect(pauses.length - length, 'pauses after the wait').toBeLessThanOrEqual(1);
  return pauses;
}

test('a short wait is not held up', async () => {
  expect(await pausesOf((idle) => idle.for(turns(20)), 0.01)).toEqual([]);
});

test('a longer one is held up by little, then by a millisecond at most', async () => {
  const pauses = await pausesOf((idle) => idle.for(turns(20)), 0.5);
  expect(pauses.slice(0, 2)).toEqual([0.2, 0.2]);
  expect(pauses.at(-1)).toBe(1);
  expect(Math.max(...pauses)).toBe(1);
});

test('several waits share one pause a turn, and each begins anew without one', async () => {
  const both = await pausesOf((idle) => Promise.all([1, 2, 3].map(() => idle.for(turns(20)))), 1);
  expect(both.length).toBeGreaterThan(10);
  expect(both.length).toBeLessThanOrEqual(21);
});

test('what is waited for comes through, failures too', async () => {
  const idle = new IdleWait();
  expect(await idle.for(turns(1))).toBe('done');
  await expect(idle.for(Promise.reject(new Error('lost')))).rejects.toThrow('lost');
});
