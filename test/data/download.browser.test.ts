import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest';
import { cifar10 } from '../../src/data/cifar10.js';
import { fetchVerified, sha256Hex } from '../../src/data/download.js';
import { downloadCache } from '../../src/data/downloadCache.js';
import { fileExists, readFile, writeFileAtomic } from '../../src/data/files.js';
import { encodeIdx } from '../../src/data/idx.js';
import { loadMnistBytes } from '../../src/data/mnist.js';
import { DataFormatError, ResourceError } from '../../src/errors.js';
import { largeFile, smallFile } from '../support/files.js';
import { tinyCifar10 } from '../support/tinyCifar10.js';

const utf8 = new TextEncoder();
const ABC_SHA = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'; // FIPS 180-2, B.1

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('files and downloads', () => {
  const abc = { url: 'data:,abc', sha256: ABC_SHA, name: 'abc.txt' };

  test('a download is kept in Cache Storage, a damaged copy is replaced', async () => {
    await caches.delete('shadegrad');
    expect(await fetchVerified(abc)).toEqual(utf8.encode('abc'));
    const gone = { ...abc, url: 'data:,gone' };
    expect(await fetchVerified(gone)).toEqual(utf8.encode('abc'));
    const cache = await caches.open('shadegrad');
    const [key] = await cache.keys();
    await cache.put(key!, new Response('damaged'));
    await expect(fetchVerified(gone)).rejects.toThrow(DataFormatError);
    expect(await cache.keys()).toEqual([]);
  });

  test('files are addresses, and cannot be written', async () => {
    expect(await readFile('data:,abc')).toEqual(utf8.encode('abc'));
    await expect(readFile('http://127.0.0.1:1/x')).rejects.toThrow(ResourceError);
    expect(await fileExists('http://127.0.0.1:1/x')).toBe(false);
    await expect(writeFileAtomic('f', '')).rejects.toThrow('browsers have no file system');
  });
});

describe('a server of another origin, which shows no headers', () => {
  const base = inject('fileServer');
  const large = largeFile();

  beforeEach(() => caches.delete('shadegrad'));

  const isLarge = (bytes: Uint8Array): boolean =>
    bytes.length === large.length && bytes.every((one, i) => one === large[i]);
  const getLarge = async (path: string, onProgress?: (received: number) => void) =>
    fetchVerified({
      url: base + path,
      sha256: await sha256Hex(large),
      name: 'large.bin',
      onProgress: ({ received }) => onProgress?.(received),
    });
  const entries = async (): Promise<string[]> => {
    const keys = await (await caches.open('shadegrad')).keys();
    return keys.map(({ url }) => url.replace(/^.*large\.bin/, ''));
  };

  test('what it compressed on its way is not taken for cut', async () => {
    const small = smallFile();
    const sha256 = await sha256Hex(small);
    const bytes = await fetchVerified({ url: `${base}/encoded`, sha256, name: 'small.bin' });
    expect(bytes).toEqual(small);
  });

  test('a connection that breaks is taken up where it broke', async () => {
    const seen: number[] = [];
    expect(isLarge(await getLarge('/breaks', (received) => seen.push(received)))).toBe(true);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(await entries()).toEqual(['']);
  });

  test('what came is kept for the next call, and for another page', async () => {
    await expect(getLarge('/breaks?always')).rejects.toThrow(ResourceError);
    expect(await entries()).toEqual(['.part.0']);
    const seen: number[] = [];
    expect(isLarge(await getLarge('/whole', (received) => seen.push(received)))).toBe(true);
    expect(seen[0]).toBeGreaterThan(large.length / 2);
    expect(await entries()).toEqual(['']);
  });

  test('a part is kept piece by piece, and goes as a whole', async () => {
    const cache = downloadCache(await sha256Hex(large), 'large.bin', undefined);
    await cache.keepPart(0, large.subarray(0, 5));
    await cache.keepPart(5, large.subarray(5, 12));
    expect(await cache.readPart()).toEqual(large.slice(0, 12));
    await cache.removePart();
    expect(await cache.readPart()).toBeUndefined();
    expect(await entries()).toEqual([]);
  });

  test('parts of two files are not joined', async () => {
    expect(isLarge(await getLarge('/breaks?then-other'))).toBe(true);
    expect(await entries()).toEqual(['']);
  });
});

describe('a data set below a URL', () => {
  const images = encodeIdx({ dtype: 'uint8', shape: [1, 28, 28], data: new Uint8Array(784) });
  const labels = encodeIdx({ dtype: 'uint8', shape: [1], data: new Uint8Array([6]) });

  /** Answers like the server of a single-page app: a web page for every address it lacks. */
  function serve(files: Record<string, Uint8Array>) {
    vi.stubGlobal('fetch', (url: string) => {
      const bytes = files[url];
      const type = bytes ? 'application/octet-stream' : 'text/html';
      const body = (bytes ?? '<!DOCTYPE html>') as BodyInit;
      return Promise.resolve(new Response(body, { headers: { 'content-type': type } }));
    });
  }

  test('plain, compressed and in the other spelling', async () => {
    const packed = new Blob([images as Uint8Array<ArrayBuffer>])
      .stream()
      .pipeThrough(new CompressionStream('gzip'));
    serve({
      '/data/train-images-idx3-ubyte.gz': new Uint8Array(await new Response(packed).arrayBuffer()),
      '/data/train-labels-idx1-ubyte': labels,
      '/data/t10k-images.idx3-ubyte': images,
      '/data/t10k-labels-idx1-ubyte.gz': labels, // decompressed by the server on its way
    });
    for (const root of ['/data', '/data/']) {
      const { train, test: held } = await loadMnistBytes({ root });
      expect(train).toMatchObject({ count: 1, source: '/data/train-images-idx3-ubyte.gz' });
      expect(Array.from(held.labels)).toEqual([6]);
    }
  });

  test('a missing file', async () => {
    serve({ '/data/train-images-idx3-ubyte': images });
    await expect(loadMnistBytes({ root: '/data' })).rejects.toThrow(ResourceError);
    await expect(loadMnistBytes({ root: '/data' })).rejects.toThrow(
      'MNIST: no train-labels-idx1-ubyte in /data. Looked for:\n  /data/train-labels-idx1-ubyte\n',
    );
  });

  test('without a root only a download is left, and it can be turned off', async () => {
    await expect(loadMnistBytes({ download: false })).rejects.toThrow(
      'Tried:\n  download: turned off by download: false\n',
    );
  });

  test('CIFAR-10, in the files of its archive', async () => {
    const files = Object.entries(tinyCifar10()).map(([name, bytes]) => [`/cifar/${name}`, bytes]);
    serve(Object.fromEntries(files) as Record<string, Uint8Array>);
    const { train, test: held } = await cifar10({ root: '/cifar' });
    expect([train.length, held.length]).toEqual([10, 3]);
    expect([...train.labels]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    await expect(cifar10({ root: '/other' })).rejects.toThrow(
      'CIFAR-10: no data_batch_1.bin in /other',
    );
  });
});
