import { describe, expect, test } from 'vitest';
import { sha256Hex } from '../../src/data/download.js';

const utf8 = new TextEncoder();
const ABC_SHA = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'; // FIPS 180-2, B.1

describe('sha256Hex', () => {
  test('the examples of FIPS 180-2', async () => {
    expect(await sha256Hex(utf8.encode('abc'))).toBe(ABC_SHA);
    expect(await sha256Hex(utf8.encode('xabcx').subarray(1, 4))).toBe(ABC_SHA);
  });
});
