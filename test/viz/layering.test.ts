import { describe, expect, test } from 'vitest';
import { layered } from '../../src/viz/layering.js';

const GAP = 10;
const place = (...inputs: number[][]) =>
  layered(
    inputs.map((list) => ({ across: 100, inputs: list })),
    GAP,
    20,
  );

describe('layered', () => {
  test('a chain is one column', () => {
    const { layers, middles, across, edges } = place([], [0], [1], [2]);
    expect(layers).toEqual([0, 1, 2, 3]);
    expect(middles).toEqual([50, 50, 50, 50]);
    expect(across).toBe(100);
    expect(edges.map(({ via }) => via)).toEqual([[], [], []]);
  });

  test('a layer is below the last of its inputs, and an edge passes the layers between', () => {
    const { layers, edges, middles } = place([], [0], [1], [2, 0]);
    expect(layers).toEqual([0, 1, 2, 3]);
    const skip = edges.find(({ from, to }) => from === 0 && to === 3)!;
    expect(skip.via.map(({ layer }) => layer)).toEqual([1, 2]);
    for (const { middle } of skip.via) {
      expect(Math.abs(middle - middles[1]!)).toBeGreaterThanOrEqual(50 + GAP + 10 - 1e-6);
    }
    // The layers that are skipped stay straight.
    middles.forEach((middle) => expect(middle).toBeCloseTo(middles[0]!, 1));
  });

  test('branches lie side by side around where they come from and meet', () => {
    const { middles, across } = place([], [0], [0], [0], [1, 2, 3]);
    const [source, ...rest] = middles;
    const sink = rest.pop()!;
    rest.sort((a, b) => a - b);
    expect(rest[1]! - rest[0]!).toBeCloseTo(100 + GAP, 6);
    expect(rest[2]! - rest[1]!).toBeCloseTo(100 + GAP, 6);
    expect(source).toBeCloseTo(rest[1]!, 6);
    expect(sink).toBeCloseTo(rest[1]!, 6);
    expect(across).toBeCloseTo(3 * 100 + 2 * GAP, 6);
  });

  test('paths that need not cross do not', () => {
    // Two chains, each of whose layers is written down in the opposite order of the one before.
    const { middles } = place([], [0], [0], [2], [1], [4], [3], [5, 6]);
    const left = Math.sign(middles[1]! - middles[2]!);
    expect(Math.sign(middles[4]! - middles[3]!)).toBe(left);
    expect(Math.sign(middles[5]! - middles[6]!)).toBe(left);
  });

  test('one input twice is one edge; several sources are possible', () => {
    expect(place([], [0, 0]).edges).toHaveLength(1);
    expect(place([], [], [0, 1]).layers).toEqual([0, 0, 1]);
  });
});
