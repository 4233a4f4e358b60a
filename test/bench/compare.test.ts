import { describe, expect, test } from 'vitest';
import { check, lossesOf, type Share } from '../../bench/compare.js';

const BEFORE: Share[] = [
  { name: 'conv', share: 0.4 },
  { name: 'matmul', share: 0.2 },
  { name: 'pool', share: 0.5 },
  { name: 'failed then', share: null },
];

describe('lossesOf', () => {
  test('finds what is over a quarter slower, the worst first', () => {
    const now = [
      { name: 'conv', share: 0.28 },
      { name: 'matmul', share: 0.05 },
      { name: 'pool', share: 0.5 },
    ];
    const losses = lossesOf(BEFORE, now);
    expect(losses.map(({ name }) => name)).toEqual(['matmul', 'conv']);
    expect(losses[0]).toMatchObject({ before: 0.2, now: 0.05 });
    expect(losses[0]!.loss).toBeCloseTo(0.75);
    expect(losses[1]!.loss).toBeCloseTo(0.3);
  });

  test('lets a quarter pass, and all that is faster', () => {
    const now = [
      { name: 'conv', share: 0.31 },
      { name: 'matmul', share: 0.9 },
    ];
    expect(lossesOf(BEFORE, now)).toEqual([]);
  });

  test('does not judge what is new or was not measured, but what is not measured any more', () => {
    const now = [
      { name: 'new', share: 0.01 },
      { name: 'failed then', share: 0.01 },
      { name: 'pool', share: null },
    ];
    expect(lossesOf(BEFORE, now)).toEqual([{ name: 'pool', before: 0.5, now: 0, loss: 1 }]);
  });
});

describe('check', () => {
  /** Gives one made-up list of shares after the other, and notes what was asked for. */
  function measuring(rounds: Record<string, number>[]) {
    const asked: (readonly string[])[] = [];
    const measure = (names: readonly string[]) => {
      const shares = rounds[Math.min(asked.length, rounds.length - 1)]!;
      asked.push(names);
      return Promise.resolve(names.map((name) => ({ name, share: shares[name]! })));
    };
    return { asked, measure };
  }
  const NAMES = ['conv', 'matmul', 'pool'];

  test('measures once where nothing is slower', async () => {
    const { asked, measure } = measuring([{ conv: 0.4, matmul: 0.2, pool: 0.45 }]);
    const { losses, measured } = await check(BEFORE, NAMES, measure);
    expect(losses).toEqual([]);
    expect(measured).toHaveLength(3);
    expect(asked).toEqual([NAMES]);
  });

  test('measures again what seems slower, and forgives noise', async () => {
    const { asked, measure } = measuring([
      { conv: 0.1, matmul: 0.2, pool: 0.1 },
      { conv: 0.39, pool: 0.2 },
      { pool: 0.48 },
    ]);
    const { losses, measured } = await check(BEFORE, NAMES, measure);
    expect(losses).toEqual([]);
    expect(asked.map((names) => [...names].sort())).toEqual([NAMES, ['conv', 'pool'], ['pool']]);
    expect(measured.find(({ name }) => name === 'pool')!.share).toBe(0.48);
  });

  test('fails what stays slower after three more times, by the best of them', async () => {
    const { asked, measure } = measuring([
      { conv: 0.4, matmul: 0.1, pool: 0.5 },
      { matmul: 0.12 },
      { matmul: 0.08 },
    ]);
    const { losses } = await check(BEFORE, NAMES, measure);
    expect(losses).toMatchObject([{ name: 'matmul', before: 0.2, now: 0.12 }]);
    expect(asked).toHaveLength(4);
  });
});
