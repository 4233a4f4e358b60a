import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { defaultGenerator } from '../../../src/random/generator.js';
import { philox } from '../../../src/random/philox.js';
import { checkOp } from '../../support/checkOp.js';
import { expectClose } from '../../support/compare.js';
import { withBindingLimit } from '../../support/limits.js';
import { uniform } from '../../support/random.js';

const F = sg.nn.functional;

/** Which of `units` are kept, drawn on the host; `inner` elements follow each. */
function kept(units: number, p: number, seed: number, offset: number): boolean[] {
  return Array.from({ length: units }, (_, i) => {
    const words = philox([Math.floor(i / 4), 0, offset, 0], [seed, 0]);
    return words[i % 4]! >= Math.round(p * 2 ** 32);
  });
}

describe.each([0.5, 0.1, 0.9])('dropout with p %s', (p) => {
  test.each([[[7]], [[1]], [[3, 5, 11]], [[65, 33]], [[2, 3, 31, 17]]])(
    'of %j is the mask that the host draws, also in backward',
    (shape) => {
      const count = shape.reduce((a, b) => a * b);
      const mask = kept(count, p, 5, 0);
      return checkOp({
        inputs: [{ shape, data: uniform(count, 1, 0.5, 1), grad: mask.includes(true) }],
        op: (x) => {
          sg.manualSeed(5);
          return F.dropout(x!, p);
        },
        reference: (x) => ({
          shape: x!.shape,
          data: x!.data.map((value, i) => (mask[i] ? value / (1 - p) : 0)),
        }),
        options: { p },
      });
    },
  );

  test.each([[[5, 7, 3, 3]], [[6, 2, 1]], [[9, 4, 5]]])('dropout2d of %j', (shape) => {
    const count = shape.reduce((a, b) => a * b);
    const inner = shape.at(-1)! * shape.at(-2)!;
    const mask = kept(count / inner, p, 8, 0);
    return checkOp({
      inputs: [{ shape, data: uniform(count, 1, 0.5, 1), grad: mask.includes(true) }],
      op: (x) => {
        sg.manualSeed(8);
        return F.dropout2d(x!, p);
      },
      reference: (x) => ({
        shape: x!.shape,
        data: x!.data.map((value, i) => (mask[Math.floor(i / inner)] ? value / (1 - p) : 0)),
      }),
      options: { p },
    });
  });
});

test.each([0.5, 0.1, 0.73])('dropout with p %s keeps that share of 1e6 elements', async (p) => {
  const n = 1_000_000;
  sg.manualSeed(3);
  using x = sg.ones([n]);
  using first = F.dropout(x, p);
  using second = F.dropout(x, p);
  const [a, b] = [await first.data(), await second.data()];
  const share = (data: ArrayLike<number>): number =>
    Array.from(data).filter((value) => value !== 0).length / n;
  const sigma = Math.sqrt((p * (1 - p)) / n);
  expect(Math.abs(share(a) - (1 - p))).toBeLessThan(4 * sigma);
  expect(Math.abs(share(b) - (1 - p))).toBeLessThan(4 * sigma);
  // Correlations, of standard deviation 1 / sqrt(n): of two calls, and of neighbours in one.
  const correlation = (of: (i: number) => number): number => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += (Math.sign(a[i]!) - 1 + p) * (Math.sign(of(i)) - 1 + p);
    return sum / n / (p * (1 - p));
  };
  for (const of of [
    (i: number) => b[i]!,
    (i: number) => a[(i + 1) % n]!,
    (i: number) => a[(i + 4) % n]!,
  ])
    expect(Math.abs(correlation(of))).toBeLessThan(4 / Math.sqrt(n));
});

test('dropout: the same seed gives the same mask, each call another one', async () => {
  using x = sg.ones([64]);
  const draw = async (): Promise<number[]> => {
    using y = F.dropout(x);
    return [...(await y.data())];
  };
  sg.manualSeed(1);
  const [first, second] = [await draw(), await draw()];
  expect(second).not.toEqual(first);
  sg.manualSeed(1);
  expect([await draw(), await draw()]).toEqual([first, second]);
  sg.manualSeed(2);
  expect(await draw()).not.toEqual(first);
});

test('dropout: backward draws the mask of its own forward, whatever was drawn since', async () => {
  using x = sg.tensor(uniform(1000, 1, 1, 2), { requiresGrad: true });
  using y = F.dropout(x, 0.3).retain();
  using other = F.dropout(x, 0.3);
  using ones = sg.ones([1000]);
  y.backward({ gradient: ones });
  const [input, values, slopes] = [await x.data(), await y.data(), await x.grad!.data()];
  expectClose(
    values,
    [...slopes].map((slope, i) => slope * input[i]!),
  );
  other.backward({ gradient: ones });
});

test('dropout in parts, of more than one binding can hold, has the same mask', async () => {
  using x = sg.rand([3, 5, 7, 9]);
  for (const drop of [F.dropout, F.dropout2d]) {
    sg.manualSeed(6);
    using whole = drop(x, 0.4);
    sg.manualSeed(6);
    using parts = await withBindingLimit(1024, () => drop(x, 0.4));
    expect(await parts.data()).toEqual(await whole.data());
  }
});

test('dropout of p 0, and in inference, is its input, and draws nothing', () => {
  using x = sg.ones([4]);
  const { offset } = defaultGenerator.state;
  expect(F.dropout(x, 0)).toBe(x);
  expect(F.dropout(x, 0.5, { training: false })).toBe(x);
  expect(F.dropout2d(x, 0.5, { training: false })).toBe(x);
  expect(defaultGenerator.state.offset).toBe(offset);
});

test('dropout of p 1 is 0, and so is its gradient', async () => {
  using x = sg.tensor([1, NaN, Infinity], { requiresGrad: true });
  using y = F.dropout(x, 1);
  expect([...(await y.data())]).toEqual([0, 0, 0]);
  using ones = sg.ones([3]);
  y.backward({ gradient: ones });
  expect([...(await x.grad!.data())]).toEqual([0, 0, 0]);
});

test('dropout drops NaN and Inf as other values, and keeps them so', async () => {
  using x = sg.full([256], NaN);
  using y = F.dropout(x);
  const values = new Set(await y.data());
  expect(values).toEqual(new Set([0, NaN]));
});

test('dropout of nothing is empty', () => {
  using x = sg.zeros([2, 0]);
  using y = F.dropout(x);
  expect(y.shape).toEqual([2, 0]);
  using images = sg.zeros([2, 3, 0, 4]);
  using z = F.dropout2d(images);
  expect(z.shape).toEqual([2, 3, 0, 4]);
});

test('nn.Dropout and nn.Dropout2d drop in training alone', async () => {
  using x = sg.ones([2, 8, 4, 4]);
  for (const layer of [new sg.nn.Dropout(0.25), new sg.nn.Dropout2d(0.25)]) {
    using y = layer.forward(x);
    expect(new Set(await y.data())).toEqual(new Set([0, Math.fround(1 / 0.75)]));
    expect(layer.eval().forward(x)).toBe(x);
  }
});

test('a summary leaves the stream of random numbers where it is', () => {
  const { offset } = defaultGenerator.state;
  const net = new sg.nn.Sequential(new sg.nn.Dropout());
  expect(net.summary([1, 4]).rows[0]!.outputShape).toEqual([1, 4]);
  expect(defaultGenerator.state.offset).toBe(offset);
});

test('dropout refuses', () => {
  using x = sg.zeros([4, 3]);
  using integers = sg.zeros([4], { dtype: 'i32' });
  expect(() => F.dropout(x, 1.5)).toThrow('dropout: expected p from 0 to 1, got 1.5');
  expect(() => F.dropout(x, NaN, { training: false })).toThrow('expected p from 0 to 1, got NaN');
  expect(() => new sg.nn.Dropout2d(-0.1)).toThrow('Dropout2d: expected p from 0 to 1, got -0.1');
  expect(() => F.dropout(integers)).toThrow('dropout: expected x of f32 or f16, got i32');
  expect(() => F.dropout2d(x)).toThrow(
    'dropout2d: expected x (N, C, H, W) or (C, H, W), got (4, 3)',
  );
});
