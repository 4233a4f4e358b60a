import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { fill } from '../../src/autograd/kernels/fill.js';
import { currentDevice } from '../../src/gpu/device.js';
import { GpuArray } from '../../src/gpu/gpuArray.js';
import { countConfusions, countTopK } from '../../src/train/outcomes.js';
import { withBindingLimit } from '../support/limits.js';
import { uniform } from '../support/random.js';

/** The classes of a row, largest logit first; NaN before all, of equals the lower class. */
function ranked(row: ArrayLike<number>): number[] {
  const key = (value: number): number => (Number.isNaN(value) ? Infinity : value);
  const isNan = (k: number): number => Number(Number.isNaN(row[k]));
  const classes = Array.from({ length: row.length }, (_, k) => k);
  const gap = (a: number, b: number): number =>
    key(row[a]!) === key(row[b]!) ? 0 : key(row[b]!) - key(row[a]!);
  return classes.sort((a, b) => isNan(b) - isNan(a) || gap(a, b) || a - b);
}

const counters = (...shape: number[]): GpuArray =>
  fill(GpuArray.empty(shape, 'u32', currentDevice()), 0);

/** What both kernels count. */
async function outcomes(
  logits: sg.Tensor,
  target: sg.Tensor,
  k: number,
  times = 1,
): Promise<{ matrix: number[]; examples: number; right: number }> {
  const classes = logits.shape[1]!;
  const [matrix, top] = [counters(classes, classes), counters(2)];
  for (let i = 0; i < times; i++) {
    countConfusions(matrix, logits, target);
    countTopK(top, logits, target, k);
  }
  const [examples, right] = (await top.read()) as Uint32Array;
  const result = { matrix: [...(await matrix.read())], examples: examples!, right: right! };
  for (const array of [matrix, top]) array.release();
  return result;
}

function expected(
  rows: readonly ArrayLike<number>[],
  labels: readonly number[],
  k: number,
): { matrix: number[]; examples: number; right: number } {
  const classes = rows[0]!.length;
  const matrix = new Array<number>(classes * classes).fill(0);
  let right = 0;
  rows.forEach((row, r) => {
    const label = labels[r]!;
    const order = ranked(row);
    if (label >= 0 && label < classes) matrix[label * classes + order[0]!]!++;
    right += Number(order.slice(0, k).includes(label));
  });
  return { matrix, examples: rows.length, right };
}

const rowsOf = (data: ArrayLike<number>, classes: number): number[][] =>
  Array.from({ length: data.length / classes }, (_, r) =>
    Array.from({ length: classes }, (_, c) => data[r * classes + c]!),
  );

describe.each([
  [1, 1, 1],
  [7, 10, 3],
  [33, 5, 2],
  [65, 17, 5],
  [256, 10, 5],
  [3, 100, 7],
])('%i rows of %i classes, k = %i', (rows, classes, k) => {
  const data = uniform(rows * classes, 3, -2, 2);
  const labels = Int32Array.from({ length: rows }, (_, r) => (r * 7) % classes);
  const dtypes = (): sg.DType[] => (currentDevice().hasF16 ? ['f32', 'f16'] : ['f32']);

  test.each(['i32', 'u32'] as const)('indices of %s', async (dtype) => {
    for (const logitsDtype of dtypes()) {
      const logits = sg.tensor(data, { shape: [rows, classes], dtype: logitsDtype });
      const target = sg.tensor([...labels], { dtype });
      const seen = rowsOf((await logits.data()) as Float32Array, classes);
      expect(await outcomes(logits, target, k)).toEqual(expected(seen, [...labels], k));
      for (const t of [logits, target]) t.dispose();
    }
  });

  test('probabilities', async () => {
    for (const dtype of dtypes()) {
      const logits = sg.tensor(data, { shape: [rows, classes], dtype });
      const shares = sg.tensor(uniform(rows * classes, 5, 0, 1), { shape: [rows, classes], dtype });
      const [a, b] = await Promise.all(
        [logits, shares].map(async (t) => rowsOf((await t.data()) as Float32Array, classes)),
      );
      const best = b!.map((row) => ranked(row)[0]!);
      expect(await outcomes(logits, shares, k)).toEqual(expected(a!, best, k));
      for (const t of [logits, shares]) t.dispose();
    }
  });
});

test('batches add up', async () => {
  const logits = sg.tensor([
    [0, 1],
    [1, 0],
    [1, 0],
  ]);
  const target = sg.tensor([1, 0, 1], { dtype: 'i32' });
  expect(await outcomes(logits, target, 1, 3)).toEqual({
    matrix: [3, 0, 3, 3],
    examples: 9,
    right: 6,
  });
  for (const t of [logits, target]) t.dispose();
});

test('of ties the first comes first, NaN before all, and zeros are equal', async () => {
  const rows = [
    [1, 1, 1, 0],
    [0, NaN, Infinity, NaN],
    [-0, 0, -1, 0],
    [-Infinity, -Infinity, -1e4, -Infinity],
    [-1, 1e-6, 1e4, 1e-6],
  ];
  const logits = sg.tensor(rows);
  for (const k of [1, 2, 3, 4]) {
    for (const label of [0, 1, 2, 3]) {
      const labels = rows.map(() => label);
      const target = sg.tensor(labels, { dtype: 'i32' });
      expect(await outcomes(logits, target, k)).toEqual(expected(rows, labels, k));
      target.dispose();
    }
  }
  logits.dispose();
});

test('indices that no class has are in no matrix and never right', async () => {
  const logits = sg.tensor([
    [0, 0, 9],
    [0, 0, 9],
    [9, 0, 0],
  ]);
  const outside = sg.tensor([-100, 3, 0], { dtype: 'i32' });
  expect(await outcomes(logits, outside, 2)).toEqual({
    matrix: [1, 0, 0, 0, 0, 0, 0, 0, 0],
    examples: 3,
    right: 1,
  });
  const [none, noTarget] = [sg.zeros([0, 3]), sg.zeros([0], { dtype: 'i32' })];
  expect(await outcomes(none, noTarget, 2)).toEqual({
    matrix: Array(9).fill(0),
    examples: 0,
    right: 0,
  });
  for (const t of [logits, outside, none, noTarget]) t.dispose();
});

test('more logits than a binding holds', async () => {
  const data = uniform(100 * 7, 1);
  const labels = Array.from({ length: 100 }, (_, r) => r % 7);
  const logits = sg.tensor(data, { shape: [100, 7] });
  const target = sg.tensor(labels, { dtype: 'i32' });
  const counted = await withBindingLimit(1024, () => outcomes(logits, target, 3));
  expect(counted).toEqual(expected(rowsOf(data, 7), labels, 3));
  for (const t of [logits, target]) t.dispose();
});
