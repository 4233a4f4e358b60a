import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { checkOp } from '../../support/checkOp.js';
import { expectClose } from '../../support/compare.js';
import { uniform } from '../../support/random.js';

const FUNCTIONS = [
  { name: 'neg', f: (x: number) => -x, low: -3 },
  { name: 'abs', f: Math.abs, low: -3 },
  { name: 'exp', f: Math.exp, low: -3 },
  { name: 'log', f: Math.log, low: 0.1 },
  { name: 'sqrt', f: Math.sqrt, low: 0.1 },
  { name: 'square', f: (x: number) => x * x, low: -3 },
  { name: 'relu', f: (x: number) => Math.max(x, 0), low: -3 },
  { name: 'sigmoid', f: (x: number) => 1 / (1 + Math.exp(-x)), low: -3 },
  { name: 'tanh', f: Math.tanh, low: -3 },
] as const;

describe.each(FUNCTIONS)('$name', ({ name, f, low }) => {
  test.each([[[7]], [[3, 5, 11]], [[65, 33]]])('equals the reference at shape %j', (shape) =>
    checkOp({
      inputs: [
        {
          shape,
          data: uniform(
            shape.reduce((a, b) => a * b),
            1,
            low,
            3,
          ),
        },
      ],
      op: (x) => x[name](),
      reference: (x) => ({ shape: x.shape, data: x.data.map(f) }),
    }),
  );

  test('takes a scalar', () =>
    checkOp({
      inputs: [{ shape: [], data: new Float32Array([0.5]) }],
      op: (x) => x[name](),
      reference: (x) => ({ shape: x.shape, data: x.data.map(f) }),
    }));

  test('refuses integers', () => {
    using x = sg.tensor([1, 2], { dtype: 'i32' });
    expect(() => x[name]()).toThrow(`${name}: expected x of f32 or f16, got i32`);
  });
});

test('sigmoid and tanh are finite far from zero', async () => {
  using x = sg.tensor([-1e4, -100, 100, 1e4]);
  using s = x.sigmoid();
  using t = x.tanh();
  expectClose(await s.data(), [0, 0, 1, 1]);
  expectClose(await t.data(), [-1, -1, 1, 1]);
});
