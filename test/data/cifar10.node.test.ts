import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { createTar } from 'nanotar';
import * as sg from 'shadegrad';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CIFAR10 } from '../../src/data/cifar10.js';
import { findFiles } from '../../src/data/findFiles.js';
import { tinyCifar10 } from '../support/tinyCifar10.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'shadegrad-cifar-'));
  vi.stubEnv('SHADEGRAD_DATA', '');
  vi.stubEnv('XDG_CACHE_HOME', join(root, 'cache'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(root, { recursive: true });
});

async function put(folder: string, files = tinyCifar10()): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes);
}

/** As it is published: the files in a folder, with a page beside them. */
function archive(files = tinyCifar10()): Uint8Array {
  const entries = Object.entries(files).map(([name, data]) => ({
    name: `cifar-10-batches-bin/${name}`,
    data,
  }));
  return gzipSync(
    createTar([{ name: 'cifar-10-batches-bin/readme.html', data: '<p>' }, ...entries]),
  );
}

async function expectTiny(options: sg.data.ImageDataOptions): Promise<void> {
  const { train, test: held } = await sg.data.cifar10(options);
  expect([...train.labels]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect([...held.labels]).toEqual([0, 1, 2]);
  expect(train.imageShape).toEqual([3, 32, 32]);
  expect([train.classNames[0], train.classNames[9]]).toEqual(['airplane', 'truck']);
  expect(train.image(4)[0]).toBe(5);
}

describe('root', () => {
  test('the files', async () => {
    await put(root);
    await expectTiny({ root });
  });
  test('in their folder, compressed', async () => {
    const packed = Object.entries(tinyCifar10()).map(([name, bytes]) => [
      `${name}.gz`,
      new Uint8Array(gzipSync(bytes)),
    ]);
    await put(
      join(root, 'cifar-10-batches-bin'),
      Object.fromEntries(packed) as ReturnType<typeof tinyCifar10>,
    );
    await expectTiny({ root });
  });
  test('the archive', async () => {
    await writeFile(join(root, CIFAR10.archive.file), archive());
    await expectTiny({ root });
  });

  test('a missing file', async () => {
    const { 'data_batch_3.bin': _, ...files } = tinyCifar10();
    await put(root, files);
    const load = () => sg.data.cifar10({ root });
    await expect(load()).rejects.toThrow(sg.ResourceError);
    await expect(load()).rejects.toThrow(`CIFAR-10: no data_batch_3.bin in ${root}. Looked for:`);
    await writeFile(join(root, CIFAR10.archive.file), archive(files));
    await expect(load()).rejects.toThrow(sg.DataFormatError);
    await expect(load()).rejects.toThrow('.tar.gz: expected data_batch_3.bin in it, got none');
  });
  test('a damaged file', async () => {
    const files = tinyCifar10();
    files['test_batch.bin'] = files['test_batch.bin']!.subarray(0, 5000);
    await put(root, files);
    await expect(sg.data.cifar10({ root })).rejects.toThrow(
      `${join(root, 'test_batch.bin')} at byte 3073: expected records of 3073 bytes, got 1927`,
    );
  });
  test('a damaged archive', async () => {
    const file = join(root, CIFAR10.archive.file);
    await writeFile(file, archive().subarray(0, 500));
    await expect(sg.data.cifar10({ root })).rejects.toThrow('got damaged data');
    const cut = createTar([{ name: 'data_batch_1.bin', data: new Uint8Array(3073) }]).subarray(
      0,
      2000,
    );
    await writeFile(file, gzipSync(cut));
    await expect(sg.data.cifar10({ root })).rejects.toThrow(sg.DataFormatError);
    await expect(sg.data.cifar10({ root })).rejects.toThrow(
      `${file} at byte 0: expected a whole tar`,
    );
    const two = createTar([
      { name: 'data_batch_1.bin', data: new Uint8Array(3073) },
      { name: 'data_batch_2.bin', data: new Uint8Array(3073) },
    ]).subarray(0, 6000);
    await writeFile(file, gzipSync(two));
    await expect(sg.data.cifar10({ root })).rejects.toThrow(`${file} at byte 4096: `);
  });
});

test('SHADEGRAD_DATA', async () => {
  await put(join(root, 'cifar10'));
  vi.stubEnv('SHADEGRAD_DATA', root);
  await expectTiny({ download: false });
});

test('nowhere: the error says everything tried, and the fix', async () => {
  await expect(sg.data.cifar10({ download: false })).rejects.toThrow(
    'CIFAR-10 is nowhere to be found. Tried:\n  $SHADEGRAD_DATA: not set\n' +
      '  download: turned off by download: false\nTo fix it: put data_batch_1.bin, ',
  );
});

test('a download of the archive, then the cache', async () => {
  const packed = archive();
  const sha256 = createHash('sha256').update(packed).digest('hex');
  const server = createServer((_, response) => response.end(packed));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const spec = (mirror: string) => ({
    ...CIFAR10,
    mirrors: [mirror],
    archive: { ...CIFAR10.archive, sha256 },
  });
  const expected = tinyCifar10()['data_batch_5.bin'];
  const received: number[] = [];
  const onProgress = (progress: { received: number }) => received.push(progress.received);
  try {
    const found = await findFiles(spec(`http://127.0.0.1:${port}/`), { onProgress });
    expect(found.batch5.bytes).toEqual(expected);
    expect(received.at(-1)).toBe(packed.length);
  } finally {
    server.closeAllConnections();
    server.close();
  }
  const again = await findFiles(spec('http://127.0.0.1:1/'));
  expect(again.batch5.bytes).toEqual(expected);
});
