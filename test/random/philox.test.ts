import { expect, test } from 'vitest';
import { GpuArray } from '../../src/gpu/gpuArray.js';
import { fillIntegers, fillUniform } from '../../src/autograd/kernels/random.js';
import { Generator } from '../../src/random/generator.js';
import { philox, toUnit } from '../../src/random/philox.js';

// From kat_vectors of the Random123 distribution: philox4x32 with 10 rounds.
test.each([
  {
    counter: [0, 0, 0, 0],
    key: [0, 0],
    words: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  },
  {
    counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    key: [0xffffffff, 0xffffffff],
    words: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  },
  {
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    key: [0xa4093822, 0x299f31d0],
    words: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
] as const)('known answer for counter $counter', ({ counter, key, words }) => {
  expect(philox([...counter], [...key])).toEqual([...words]);
});

const SEED = 2 ** 40 + 12345; // both words of the key are used

/** The words that block after block of a draw at position `offset` gives, in TypeScript. */
function wordsOf(count: number, offset: number): number[] {
  const words: number[] = [];
  for (let block = 0; words.length < count; block++) {
    words.push(...philox([block, 0, offset, 0], [SEED >>> 0, Math.floor(SEED / 2 ** 32)]));
  }
  return words.slice(0, count);
}

test('WGSL gives the same numbers as TypeScript, bit for bit', async () => {
  const generator = new Generator(SEED);
  for (const [offset, count] of [1, 3, 4, 1027].entries()) {
    const array = fillUniform(GpuArray.empty([count]), 0, 1, generator);
    expect([...(await array.read())]).toEqual(wordsOf(count, offset).map(toUnit));
    array.release();
  }
});

test('WGSL gives the same integers as TypeScript, bit for bit', async () => {
  const generator = new Generator(SEED);
  const array = fillIntegers(GpuArray.empty([999], 'u32'), 0, 2 ** 32 - 1, generator);
  const expected = wordsOf(999, 0).map((word) => Number((BigInt(word) * 0xffffffffn) >> 32n));
  expect([...(await array.read())]).toEqual(expected);
  array.release();
});
