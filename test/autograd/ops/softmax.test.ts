import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { logSoftmax, softmax } from '../../reference/softmax.js';
import { checkOp } from '../../support/checkOp.js';
import { expectClose } from '../../support/compare.js';
import { uniform } from '../../support/random.js';
import { ADAPTERS, tuneFor, withoutSubgroups } from '../../support/tuning.js';

const REFERENCES = { softmax, logSoftmax };
const LONG = 1029; // long enough for a workgroup to share the row, on every adapter

const CASES = [
  { shape: [7], dim: 0 },
  { shape: [3, 5], dim: 1 },
  { shape: [3, 5], dim: 0 },
  { shape: [65, 10], dim: -1 },
  { shape: [2, 17, 3], dim: 1 },
  { shape: [2, 3, 2, 2], dim: -3 },
  { shape: [4, 1], dim: 1 },
  { shape: [3, LONG], dim: 1 },
  { shape: [LONG, 2], dim: 0 },
];

const NAMES = ['softmax', 'logSoftmax'] as const;
function check(name: keyof typeof REFERENCES, shape: number[], dim: number): Promise<void> {
  // The derivatives of a row of one are all zero, which checkOp takes for no proof.
  const grad = shape.at(dim) !== 1;
  const size = shape.reduce((a, b) => a * b, 1);
  return checkOp({
    inputs: [{ shape, data: uniform(size, 1, -3, 3), grad }],
    op: (x) => x[name](dim),
    reference: (x) => REFERENCES[name](x, dim < 0 ? dim + shape.length : dim),
    name,
    options: { dim },
    samples: 24,
  });
}

const FUNCTIONS = ADAPTERS.flatMap((adapter) => NAMES.map((name) => ({ name, adapter })));

describe.each(FUNCTIONS)('$name, tuned for $adapter', ({ name, adapter }) => {
  tuneFor(adapter);

  test.each(CASES)('of $shape along $dim', ({ shape, dim }) => check(name, shape, dim));

  test('is stable from -1e4 to 1e4, with ties', () =>
    checkOp({
      inputs: [
        {
          shape: [3, 4],
          data: spread([1e4, 1e4, -1e4, 9999], [0, 0, 0, 0], [-1e4, -1e4 + 1, -1e4, -1e4]),
        },
      ],
      op: (x) => x[name](1),
      reference: (x) => REFERENCES[name](x, 1),
      step: 1e-3,
    }));

  test('takes -Inf as probability 0; +Inf and NaN, or nothing but -Inf, make the row NaN', async () => {
    using x = sg.tensor([
      [-Infinity, 0, 0],
      [0, 0, 0],
      [-Infinity, -Infinity, -Infinity],
      [Infinity, 0, 0],
      [0, NaN, 0],
      [NaN, NaN, -Infinity],
    ]);
    using y = x[name](1);
    const [zero, half, third] =
      name === 'softmax' ? [0, 1 / 2, 1 / 3] : [-Infinity, -Math.log(2), -Math.log(3)];
    const rows = [[zero, half, half], [third, third, third], Array<number>(12).fill(NaN)];
    expectClose(await y.data(), rows.flat());
  });

  test('of a scalar and of an empty tensor', async () => {
    using scalar = sg.tensor(5);
    using y = scalar[name](-1);
    expect(await y.item()).toBe(name === 'softmax' ? 1 : 0);
    using empty = sg.zeros([0, 3]);
    using none = empty[name](1);
    expect(none.shape).toEqual([0, 3]);
    using rowsOfNothing = sg.zeros([3, 0]);
    using nothing = rowsOfNothing[name](1);
    expect(nothing.shape).toEqual([3, 0]);
  });

  test('refuses integers and a dim that is not there', () => {
    using x = sg.zeros([2, 3], { dtype: 'i32' });
    expect(() => x[name](1)).toThrow(`${name}: expected x of f32 or f16, got i32`);
    using y = sg.zeros([2, 3]);
    expect(() => y[name](2)).toThrow(`${name}: expected dim from -2 to 1, got 2`);
  });
});

describe.each(NAMES)('%s, tuned for hardware', (name) => {
  tuneFor('hardware');
  withoutSubgroups();

  test.each([[[3, LONG]], [[5, 64]], [[2, 200]]])('of $0 without subgroups', (shape) =>
    check(name, shape, 1),
  );

  test('is stable from -1e4 to 1e4', () =>
    checkOp({
      inputs: [{ shape: [2, 200], data: uniform(400, 1, -1e4, 1e4), grad: false }],
      op: (x) => x[name](1),
      reference: (x) => REFERENCES[name](x, 1),
      name,
    }));
});

const spread = (...rows: number[][]): Float32Array => Float32Array.from(rows.flat());
