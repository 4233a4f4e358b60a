import fc from 'fast-check';
import * as sg from 'shadegrad';
import { expect } from 'vitest';
import { numelOf } from '../../src/gpu/dtype.js';
import { property, shapes, SOME } from '../support/arbitraries.js';

const F = sg.nn.functional;

const calls = fc.oneof(
  fc.record({
    name: fc.constant('dropout' as const),
    shape: shapes(),
    p: fc.constantFrom(0.5, 0, 0.1, 0.9, 0.37, 1),
    seed: fc.nat(99),
  }),
  fc.record({
    name: fc.constant('dropout2d' as const),
    shape: shapes({ minRank: 3, maxRank: 4, sizes: SOME }),
    p: fc.constantFrom(0.5, 0, 0.1, 0.9, 0.37, 1),
    seed: fc.nat(99),
  }),
);

property(
  'the same seed gives the same mask, whose values are 0 or scaled, and backward has it too',
  calls,
  async ({ name, shape, p, seed }) => {
    const x = sg.ones(shape, { requiresGrad: true });
    const draw = (): sg.Tensor => {
      sg.manualSeed(seed);
      return F[name](x, p).mul(1);
    };
    const again = Float32Array.from(await draw().data());
    const y = draw();
    const mask = Float32Array.from(await y.data());
    expect(mask).toEqual(again);
    const scale = Math.fround(1 / (1 - p));
    expect(mask.every((value) => value === 0 || value === scale)).toBe(true);
    F.dropout(sg.ones([5])); // draws in between
    y.backward({ gradient: sg.ones(shape) });
    expect(await x.grad!.data()).toEqual(mask);
    if (name === 'dropout') return;
    const inner = numelOf(shape.slice(-2));
    expect(mask.every((value, i) => value === mask[i - (i % inner)])).toBe(true);
  },
  50,
);

property(
  'the share that is kept is 1 - p, to four standard deviations',
  fc.record({
    n: fc.integer({ min: 10_000, max: 60_000 }),
    p: fc.constantFrom(0.5, 0.1, 0.9, 0.37, 0.003),
    seed: fc.nat(999),
  }),
  async ({ n, p, seed }) => {
    sg.manualSeed(seed);
    const data = await F.dropout(sg.ones([n]), p).data();
    const kept = Array.from(data).filter((value) => value !== 0).length;
    expect(Math.abs(kept / n - (1 - p))).toBeLessThan(4 * Math.sqrt((p * (1 - p)) / n));
  },
  10,
);

property(
  'not in training, dropout is nothing',
  calls,
  async ({ name, shape, p }) => {
    const x = sg.ones(shape);
    expect(F[name](x, p, { training: false })).toBe(x);
    expect((await x.data()).every((value) => value === 1)).toBe(true);
  },
  5,
);
