import { describe, expect, test } from 'vitest';
import { gunzip, sha256Hex } from '../../src/data/download.js';
import { DataFormatError } from '../../src/errors.js';

const utf8 = new TextEncoder();
const ABC_SHA = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'; // FIPS 180-2, B.1

async function gzip(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new CompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

describe('sha256Hex', () => {
  test('the examples of FIPS 180-2', async () => {
    expect(await sha256Hex(utf8.encode('abc'))).toBe(ABC_SHA);
    expect(await sha256Hex(utf8.encode('xabcx').subarray(1, 4))).toBe(ABC_SHA);
  });
});

describe('gunzip', () => {
  const plain = Uint8Array.from({ length: 5000 }, (_, i) => (i * i) >> 4);
  test('is the inverse of gzip', async () => {
    expect(await gunzip(await gzip(plain), 'f')).toEqual(plain);
    expect(await gunzip(await gzip(new Uint8Array()), 'f')).toEqual(new Uint8Array());
  });
  test('refuses cut, damaged and other data', async () => {
    const packed = await gzip(plain);
    const damaged = packed.slice();
    damaged[damaged.length - 6]! ^= 1; // in the checksum
    const bad = [packed.subarray(0, packed.length - 9), damaged, utf8.encode('plain text')];
    for (const bytes of bad) {
      await expect(gunzip(bytes, 'data.gz')).rejects.toThrow(DataFormatError);
      await expect(gunzip(bytes, 'data.gz')).rejects.toThrow(
        `data.gz: expected ${bytes.length} bytes of gzip data, got damaged data`,
      );
    }
  });
});
