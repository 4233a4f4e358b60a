import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MATMUL, matmul } from '../../../src/autograd/kernels/matmul.js';
import { currentDevice } from '../../../src/gpu/device.js';
import type { Shape } from '../../../src/gpu/dtype.js';
import { GpuArray } from '../../../src/gpu/gpuArray.js';
import { matmul as reference, permute } from '../../reference/matmul.js';
import type { Reference } from '../../support/checkOp.js';
import { expectClose } from '../../support/compare.js';
import { unlessAll } from '../../support/extent.js';
import { uniform } from '../../support/random.js';
import { withBindingLimit } from '../../support/limits.js';
import { ADAPTERS, tuneFor } from '../../support/tuning.js';

// The variants beside this one are in matmulVariants.test.ts.
beforeEach(() => void currentDevice().choices.forced.set(MATMUL.name, 'registers'));
afterEach(() => currentDevice().choices.forced.clear());

/** Compares all four ways to store A and B. */
async function check(m: number, n: number, k: number, lead: readonly Shape[] = [[], []]) {
  const [a, b] = [
    [...lead[0]!, m, k],
    [...lead[1]!, k, n],
  ].map((shape, i): Reference => {
    const size = shape.reduce((x, y) => x * y, 1);
    return { shape, data: Float64Array.from(uniform(size, i + 1)) };
  }) as [Reference, Reference];
  const expected = reference(a, b);
  for (const transposeA of [false, true]) {
    for (const transposeB of [false, true]) {
      const x = upload(transposeA ? swapped(a) : a);
      const y = upload(transposeB ? swapped(b) : b);
      const c = matmul(x, y, { transposeA, transposeB });
      const what = `${m} x ${k} x ${n}, transposed ${transposeA}, ${transposeB}`;
      expect(c.shape, what).toEqual(expected.shape);
      expectClose(await c.read(), expected.data, { absolute: 1e-5 }, what);
      for (const array of [x, y, c]) array.release();
    }
  }
}

/** The last two dimensions in each other's place. */
function swapped(x: Reference): Reference {
  const rank = x.shape.length;
  const lead = x.shape.slice(0, -2).map((_, d) => d);
  return permute(x, [...lead, rank - 1, rank - 2]);
}

function upload({ shape, data }: Reference): GpuArray {
  return GpuArray.from(Float32Array.from(data), shape);
}

describe.each(ADAPTERS)('matmul, tuned for %s', (adapter) => {
  tuneFor(adapter);
  // The blocks of a thread are the same on both, and their number and the parts of a sum others.
  const few = <C>(some: C[], every: C[]): C[] =>
    adapter === 'hardware' ? unlessAll(some, every) : every;

  // Every size of block, rows that are and are not multiples of 4, edges on all sides.
  test.each(few([5, 33], [1, 3, 5, 7, 17, 31, 33, 65]))('squares of %i', (size) =>
    check(size, size, size),
  );

  const sizes: [m: number, n: number, k: number][] = [
    [1, 400, 120],
    [400, 1, 120],
    [1, 1, 33],
    [1, 7, 3],
    [2, 9, 4],
    [8, 64, 6],
    [64, 8, 5],
    [72, 68, 1],
    [36, 100, 2],
  ];
  test.each(few(sizes.slice(0, 2), sizes))('(%i, k) times (k, %i) with k = %i', (m, n, k) =>
    check(m, n, k),
  );

  test.each(few([4099], [4099, 4096]))('a long sum over k = %i is split', (k) => check(3, 5, k));

  const leads: { aLead: number[]; bLead: number[] }[] = [
    { aLead: [3], bLead: [3] },
    { aLead: [3], bLead: [1] },
    { aLead: [1], bLead: [3] },
    { aLead: [], bLead: [2, 3] },
    { aLead: [2, 3], bLead: [3] },
    { aLead: [2, 1], bLead: [1, 3] },
    { aLead: [2, 1, 2, 1], bLead: [1, 3, 1, 2] },
  ];
  test.each(few(leads.slice(-1), leads))(
    'the batch $aLead times $bLead',
    async ({ aLead, bLead }) => {
      await check(5, 7, 3, [aLead, bLead]);
      await check(8, 4, 12, [aLead, bLead]);
    },
  );

  test('a batch of long sums is split', () => check(3, 5, 2050, [[2], [2]]));

  test.each([
    [4, 3, 0],
    [0, 3, 4],
    [3, 0, 4],
  ])('(%i, k) times (k, %i) with k = %i is empty or zero', async (m, n, k) => {
    const a = GpuArray.empty([m, k]);
    const b = GpuArray.empty([k, n]);
    const c = matmul(a, b);
    expect(c.shape).toEqual([m, n]);
    expectClose(await c.read(), new Float32Array(m * n));
    for (const array of [a, b, c]) array.release();
  });

  test.each([
    [9, 17, 33],
    [1, 12, 8],
    [3, 1, 5],
    [2, 3, 5000],
  ])('adds the bias to every row once: (%i, k), %i columns, k = %i', async (m, n, k) => {
    const [a, b, bias] = [uniform(m * k, 1), uniform(k * n, 2), uniform(n, 3)];
    const arrays = [GpuArray.from(a, [m, k]), GpuArray.from(b, [k, n]), GpuArray.from(bias, [n])];
    const c = matmul(arrays[0]!, arrays[1]!, { bias: arrays[2]! });
    const product = reference(
      { shape: [m, k], data: Float64Array.from(a) },
      { shape: [k, n], data: Float64Array.from(b) },
    );
    const expected = product.data.map((value, i) => value + bias[i % n]!);
    expectClose(await c.read(), expected, { absolute: 1e-5 });
    for (const array of [...arrays, c]) array.release();
  });

  test('Inf and NaN stay in their row and column', async () => {
    const [m, n, k] = [13, 11, 9];
    const data = uniform(m * k, 1);
    data[12 * k] = Infinity;
    data[4 * k + 2] = NaN;
    const a = GpuArray.from(data, [m, k]);
    const b = GpuArray.from(uniform(k * n, 2, 0.5, 1), [k, n]);
    const c = matmul(a, b);
    const rows = await c.read();
    for (let i = 0; i < m * n; i++) {
      const row = Math.floor(i / n);
      if (row === 12) expect(rows[i]).toBe(Infinity);
      else if (row === 4) expect(rows[i]).toBeNaN();
      else expect(Number.isFinite(rows[i])).toBe(true);
    }
    for (const array of [a, b, c]) array.release();
  });

  test('gives the same bits twice', async () => {
    const a = GpuArray.from(uniform(3 * 5000, 1), [3, 5000]);
    const b = GpuArray.from(uniform(5000 * 4, 2), [5000, 4]);
    const [first, second] = [matmul(a, b), matmul(a, b)];
    expect(await first.read()).toEqual(await second.read());
    for (const array of [a, b, first, second]) array.release();
  });
});

describe('arrays over the binding limit are multiplied in parts', () => {
  test.each([
    { m: 1, n: 200, k: 64 },
    { m: 33, n: 65, k: 17 },
    ...unlessAll([], [{ m: 64, n: 64, k: 64 }]),
    { m: 7, n: 3, k: 250 },
    { m: 100, n: 1, k: 9 },
    { m: 2, n: 130, k: 70 },
  ])('$m x $k x $n', ({ m, n, k }) => withBindingLimit(1024, () => check(m, n, k)));

  test.each([
    [[2, 3], [3]],
    [[5], []],
    [
      [2, 1, 2, 1],
      [1, 2, 1, 2],
    ],
  ])('the batch %j times %j', (...lead) => withBindingLimit(1024, () => check(9, 17, 12, lead)));

  test('with a bias', () =>
    withBindingLimit(1024, async () => {
      const [x, w, b] = [
        GpuArray.from(uniform(3 * 20, 1), [3, 20]),
        GpuArray.from(uniform(90 * 20, 2), [90, 20]),
        GpuArray.from(uniform(90, 3), [90]),
      ] as const;
      const y = matmul(x, w, { transposeB: true, bias: b });
      const product = matmul(x, w, { transposeB: true });
      const [got, plain, bias] = await Promise.all([y.read(), product.read(), b.read()]);
      expectClose(
        got,
        Array.from(plain, (value, i) => value + bias[i % 90]!),
      );
      for (const array of [x, w, b, y, product]) array.release();
    }));

  test('a row that no binding can hold is refused', () =>
    withBindingLimit(1024, () => {
      const x = GpuArray.empty([2, 300]);
      const w = GpuArray.empty([300, 2]);
      expect(() => matmul(x, w)).toThrow('which this adapter can bind');
      x.release();
      w.release();
    }));
});
