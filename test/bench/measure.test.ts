import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import type { KernelCase } from '../../bench/cases.js';
import { batchNorm, convolution, expectSampled, pooling } from '../../bench/expected.js';
import { measureKernel, median, withinLimit, withShares } from '../../bench/measure.js';

const LIMITS = { enough: 10, most: 30_000 };

/** Adds 1 to each of 1000 numbers; the check is what `check` says. */
function adding(check: (y: ArrayLike<number>) => void): KernelCase {
  return {
    ...{ name: 'add', flops: 1000, bytes: 8000, quick: true },
    make: () => {
      const x = sg.ones([1000]);
      return {
        run: () => {
          sg.tidy(() => void x.add(1));
        },
        check: async () => check(await sg.tidy(() => x.add(1)).data()),
      };
    },
  };
}

describe('measureKernel', () => {
  test('times what is right', async () => {
    const kernel = adding((y) => expectSampled(y, () => 2, 'sum'));
    const result = await measureKernel(await sg.init(), kernel, LIMITS);
    expect(result).toMatchObject({ name: 'add', dispatches: 1 });
    expect(result.problem).toBeUndefined();
    expect(result.fastestMs).toBeLessThanOrEqual(result.ms!);
  });

  test('does not time what is wrong', async () => {
    const kernel = adding((y) => expectSampled(y, () => 3, 'sum'));
    const result = await measureKernel(await sg.init(), kernel, LIMITS);
    expect(result).toMatchObject({ ms: null, share: null });
    expect(result.problem).toMatch(/^sum is wrong: relative error 3\.3e-1/);
  });
});

test('a share is the least time by the roofline over the fastest', () => {
  const result = (flops: number, bytes: number, fastestMs: number | null) => ({
    ...{ name: 'x', flops, bytes, fastestMs, ms: fastestMs, dispatches: 1 },
    ...{ gflops: null, gbPerSecond: null, share: null },
  });
  const roofline = { gflops: 10, gbPerSecond: 5 } as sg.Roofline;
  const results = [result(2e7, 1e6, 4), result(0, 1e7, 4), result(1, 1, null)];
  expect(withShares(results, roofline).map(({ share }) => share)).toEqual([0.5, 0.5, null]);
});

test('work that is not done within its limit is given up', async () => {
  await expect(withinLimit(20, () => new Promise(() => undefined))).rejects.toThrow(
    'not done within 0.02 seconds',
  );
  expect(await withinLimit(10_000, () => Promise.resolve(3))).toBe(3);
});

test('median', () => {
  expect(median([5, 1, 3])).toBe(3);
  expect(median([4, 1, 3, 2])).toBe(2.5);
});

describe('what kernels must give', () => {
  test('a convolution of ones counts the taps inside', () => {
    const sizes = {
      ...{ batch: 2, inChannels: 1, size: 3, outChannels: 1, kernel: 3 },
      ...{ stride: 1, padding: 1, groups: 1 },
    };
    const ones = (length: number) => new Float32Array(length).fill(1);
    const data = { x: ones(18), weight: ones(9), bias: ones(1), dy: ones(18) };
    const { y, dx, dw, db } = convolution(sizes, data);
    expect([y(0), y(4), y(13)]).toEqual([5, 10, 10]);
    expect([dx(0), dx(4), dw(0), dw(4), db(0)]).toEqual([4, 9, 8, 18, 18]);
  });

  test('a pooling takes the largest or the mean, and gives it back', () => {
    const x = [1, 2, 3, 4];
    const sizes = { size: 2, kernel: 2, stride: 2 };
    const max = pooling({ ...sizes, mode: 'max' }, x, [8]);
    expect([max.y(0), max.dx(3), max.dx(0)]).toEqual([4, 8, 0]);
    const avg = pooling({ ...sizes, mode: 'avg' }, x, [8]);
    expect([avg.y(0), avg.dx(3)]).toEqual([2.5, 2]);
  });

  test('a normalized channel has no mean, and a gradient neither', () => {
    const { y, dx } = batchNorm({ channels: 1, pixels: 4, eps: 0 }, [1, 2, 3, 6], [1, 0, 0, 2]);
    expect(y(0) + y(1) + y(2) + y(3)).toBeCloseTo(0);
    expect(dx(0) + dx(1) + dx(2) + dx(3)).toBeCloseTo(0);
  });
});
