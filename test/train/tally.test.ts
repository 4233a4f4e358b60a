import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { currentDevice } from '../../src/gpu/device.js';
import { Tally } from '../../src/train/tally.js';
import { withBindingLimit } from '../support/limits.js';
import { uniform } from '../support/random.js';

/** The first of the largest; NaN is larger than all. */
function argmax(row: ArrayLike<number>): number {
  let best = 0;
  for (let k = 1; k < row.length; k++) {
    if (Number.isNaN(row[best])) break;
    if (Number.isNaN(row[k]) || row[k]! > row[best]!) best = k;
  }
  return best;
}

const dispatches = (): number => currentDevice().queue.dispatches;

describe.each([
  [1, 1],
  [7, 10],
  [33, 5],
  [65, 17],
  [256, 10],
  [3, 1000],
])('%i rows of %i classes', (rows, classes) => {
  const data = uniform(rows * classes, 3, -2, 2);
  const rowsOf = (values: Float32Array): Float32Array[] =>
    Array.from({ length: rows }, (_, r) => values.subarray(r * classes, (r + 1) * classes));
  const dtypes = (): sg.DType[] => (currentDevice().hasF16 ? ['f32', 'f16'] : ['f32']);

  test.each(['i32', 'u32'] as const)('indices of %s', async (dtype) => {
    for (const logitsDtype of dtypes()) {
      const logits = sg.tensor(data, { shape: [rows, classes], dtype: logitsDtype });
      const rounded = (await logits.data()) as Float32Array;
      const best = rowsOf(rounded).map(argmax);
      const labels = best.map((k, r) => (r % 3 === 1 ? (k + 1) % classes : k));
      const target = sg.tensor(labels, { dtype });
      const loss = sg.tensor(1.25);
      const tally = new Tally();
      tally.add(loss, logits, target);
      const right = labels.filter((k, r) => k === best[r]).length;
      expect(await tally.read()).toEqual({ lossSum: 1.25 * rows, examples: rows, right });
      for (const t of [logits, target, loss, tally]) t.dispose();
    }
  });

  test('probabilities', async () => {
    for (const dtype of dtypes()) {
      const logits = sg.tensor(data, { shape: [rows, classes], dtype });
      const shares = sg.tensor(uniform(rows * classes, 5, 0, 1), { shape: [rows, classes], dtype });
      const [a, b] = await Promise.all(
        [logits, shares].map(async (t) => rowsOf((await t.data()) as Float32Array).map(argmax)),
      );
      const loss = sg.tensor(0.5, { dtype });
      const tally = new Tally();
      tally.add(loss, logits, shares);
      const right = a!.filter((k, r) => k === b![r]).length;
      expect(await tally.read()).toEqual({ lossSum: 0.5 * rows, examples: rows, right });
      for (const t of [logits, shares, loss, tally]) t.dispose();
    }
  });
});

test('adds up batches in one dispatch each, and goes on from totals', async () => {
  const logits = sg.tensor([
    [0, 1],
    [1, 0],
    [1, 0],
  ]);
  const target = sg.tensor([1, 0, 1], { dtype: 'i32' });
  const loss = sg.tensor(2);
  const tally = new Tally();
  const before = dispatches();
  for (let i = 0; i < 3; i++) tally.add(loss, logits, target);
  expect(dispatches() - before).toBe(3);
  expect(await tally.read()).toEqual({ lossSum: 18, examples: 9, right: 6 });
  tally.load({ lossSum: 0.5, examples: 1, right: 1 });
  tally.add(loss, logits, target);
  expect(await tally.read()).toEqual({ lossSum: 6.5, examples: 4, right: 3 });
  for (const t of [logits, target, loss, tally]) t.dispose();
});

test('of ties the first wins, NaN is largest, zeros are equal, negative numbers in order', async () => {
  const rows = [
    { row: [1, 1, 0], best: 0 },
    { row: [0, NaN, Infinity], best: 1 },
    { row: [NaN, 1, NaN], best: 0 },
    { row: [-0, 0, -1], best: 0 },
    { row: [0, -0, -1], best: 0 },
    { row: [-3, -1e-6, -2], best: 1 },
    { row: [-Infinity, -1e4, -Infinity], best: 1 },
    { row: [-Infinity, -Infinity, -Infinity], best: 0 },
    { row: [-1, 1e-6, 1e4], best: 2 },
  ];
  const logits = sg.tensor(rows.map(({ row }) => row));
  const loss = sg.tensor(0);
  for (const [shift, right] of [
    [0, rows.length],
    [1, 0],
  ] as const) {
    const target = sg.tensor(
      rows.map(({ best }) => (best + shift) % 3),
      { dtype: 'i32' },
    );
    const tally = new Tally();
    tally.add(loss, logits, target);
    expect((await tally.read()).right).toBe(right);
    for (const t of [target, tally]) t.dispose();
  }
  for (const t of [logits, loss]) t.dispose();
});

test('indices that no class has are wrong, and a batch of none counts nothing', async () => {
  const [loss, logits] = [sg.tensor(1), sg.zeros([2, 3])];
  const outside = sg.tensor([-100, 3], { dtype: 'i32' });
  const [none, noTarget] = [sg.zeros([0, 3]), sg.zeros([0], { dtype: 'i32' })];
  const tally = new Tally();
  tally.add(loss, logits, outside);
  tally.add(loss, none, noTarget);
  expect(await tally.read()).toEqual({ lossSum: 2, examples: 2, right: 0 });
  for (const t of [loss, logits, outside, none, noTarget, tally]) t.dispose();
});

test('more logits than a binding holds', async () => {
  const logits = sg.tensor(uniform(100 * 7, 1), { shape: [100, 7] });
  const target = logits.argmax(1);
  const loss = sg.tensor(3);
  const totals = await withBindingLimit(1024, async () => {
    const tally = new Tally();
    tally.add(loss, logits, target);
    const result = await tally.read();
    tally.dispose();
    return result;
  });
  expect(totals).toEqual({ lossSum: 300, examples: 100, right: 100 });
  for (const t of [logits, target, loss]) t.dispose();
});

test('refuses shapes that do not fit', () => {
  const loss = sg.tensor(1);
  const tally = new Tally();
  for (const [a, b] of [
    [[3, 2], [2]],
    [
      [3, 2],
      [3, 1],
    ],
    [[3], [3]],
    [[3, 0], [3]],
    [
      [2, 2, 2],
      [2, 2],
    ],
  ] as const) {
    const [logits, target] = [sg.zeros(a), sg.zeros(b)];
    expect(() => tally.add(loss, logits, target)).toThrow(
      'Tally.add: expected logits (N, C) and target (N) or (N, C), got',
    );
    for (const t of [logits, target]) t.dispose();
  }
  for (const t of [loss, tally]) t.dispose();
});
