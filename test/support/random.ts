import { philox, toUnit } from '../../src/random/philox.js';

/** Numbers for tests, the same everywhere: `count` of them, uniform in [low, high). */
export function uniform(count: number, seed: number, low = -1, high = 1): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => {
    const [word] = philox([i, 0, 0, 7], [seed, 0]);
    return low + (high - low) * toUnit(word);
  });
}

/** 0, 1, ..., count - 1 in a random order: values far apart, so that no small step makes a tie. */
export function shuffledRange(count: number, seed: number): Float32Array {
  const keys = uniform(count, seed);
  const order = Array.from({ length: count }, (_, i) => i).sort((a, b) => keys[a]! - keys[b]!);
  const out = new Float32Array(count);
  order.forEach((position, rank) => (out[position] = rank));
  return out;
}
