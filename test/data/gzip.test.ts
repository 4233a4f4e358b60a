import { describe, expect, test } from 'vitest';
import { DataFormatError } from '../../src/errors.js';
import { gunzip } from '../../src/data/gzip.js';

const utf8 = new TextEncoder();

async function gzip(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new CompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

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
        `data.gz: expected ${bytes.length} bytes of gzip data, got damaged data after `,
      );
    }
  });
});
