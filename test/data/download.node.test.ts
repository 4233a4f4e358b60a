import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { fetchVerified, type DownloadProgress } from '../../src/data/download.js';
import { ArgumentError, DataFormatError, ResourceError } from '../../src/errors.js';
import { largeFile, smallFile } from '../support/files.js';
import { startFileServer } from '../support/fileServer.js';

const BODY = smallFile();
const SHA = createHash('sha256').update(BODY).digest('hex');
const LARGE = largeFile();
const LARGE_SHA = createHash('sha256').update(LARGE).digest('hex');

/** What toEqual takes half a minute for. */
const isLarge = (bytes: Uint8Array) => Buffer.compare(bytes, LARGE) === 0;

const { base, asked, ranges, close } = await startFileServer();
afterAll(close);

let cacheDir: string;
beforeEach(async () => {
  asked.length = 0;
  ranges.length = 0;
  cacheDir = await mkdtemp(join(tmpdir(), 'shadegrad-cache-'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(cacheDir, { recursive: true });
});

const get = (paths: string | string[], more: Partial<Parameters<typeof fetchVerified>[0]> = {}) =>
  fetchVerified({
    url: [paths].flat().map((path) => (path.startsWith('/') ? base + path : path)),
    sha256: SHA,
    name: 'file.bin',
    cacheDir,
    ...more,
  });
const cached = async () => {
  const names = await readdir(cacheDir);
  return names.length === 1 ? join(cacheDir, names[0]!) : names;
};

describe('fetchVerified', () => {
  test('downloads, then takes the file from the cache without the network', async () => {
    expect(await get('/good')).toEqual(BODY);
    expect(asked).toEqual(['/good']);
    expect(await cached()).toBe(join(cacheDir, `${SHA.slice(0, 16)}-file.bin`));
    expect(await get('http://127.0.0.1:1/gone')).toEqual(BODY);
    expect(asked).toEqual(['/good']);
  });

  test('one address may be a plain string, the checksum in capitals', async () => {
    expect(await get('/good', { url: `${base}/good`, sha256: SHA.toUpperCase() })).toEqual(BODY);
  });

  test('files of one name and another checksum do not meet', async () => {
    await get('/good');
    const other = createHash('sha256').update('other content').digest('hex');
    const bytes = await get('/other', { sha256: other });
    expect(new TextDecoder().decode(bytes)).toBe('other content');
    expect(await cached()).toHaveLength(2);
  });

  test('decompresses, checks the plain file and keeps that', async () => {
    expect(await get('/good.gz', { gzip: true })).toEqual(BODY);
    expect(new Uint8Array(await readFile((await cached()) as string))).toEqual(BODY);
  });

  test('a file that the server decompressed on its way is taken as it is', async () => {
    expect(await get('/encoded', { gzip: true })).toEqual(BODY);
  });

  test.each([
    ['404', '/missing'],
    ['a refused connection', 'http://127.0.0.1:1/x'],
    ['a connection that breaks', '/cut'],
    ['a cut body', '/cut-unnoticed'],
    ['other content', '/other'],
  ])('goes on to the mirror after %s', async (_, first) => {
    expect(await get([first, '/good'])).toEqual(BODY);
    expect(asked.at(-1)).toBe('/good');
  });

  test('reports progress', async () => {
    const seen: DownloadProgress[] = [];
    await get('/good', { onProgress: (progress) => seen.push(progress) });
    expect(seen.at(-1)).toEqual({
      name: 'file.bin',
      url: `${base}/good`,
      received: BODY.length,
      total: BODY.length,
    });
    await get('/good', { onProgress: () => expect.unreachable('the file is in the cache') });
  });

  test('no address answers: the error lists each, and the fix', async () => {
    const error = await get(['/missing', 'http://127.0.0.1:1/x', '/cut']).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ResourceError);
    const { message } = error as Error;
    expect(message).toContain('cannot download file.bin:');
    expect(message).toContain(`\n  ${base}/missing: HTTP 404 Not Found`);
    expect(message).toMatch(/\n {2}http:\/\/127\.0\.0\.1:1\/x: fetch failed \(.+\)/);
    expect(message).toContain(`\n  ${base}/cut: terminated`);
    expect(message).toContain('put the files in a folder and pass it as `root`');
    expect(await cached()).toEqual([]);
  });

  test('a wrong checksum is a DataFormatError, and nothing is kept', async () => {
    const error = await get(['/other', '/missing']).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(DataFormatError);
    const { message } = error as Error;
    expect(message).toContain(`${base}/other: expected SHA-256 ${SHA}, got `);
    expect(message).toContain('(13 bytes)');
    expect(message).toContain(`${base}/missing: HTTP 404`);
    expect(await cached()).toEqual([]);
  });

  test('a cut body without a length is found by the checksum', async () => {
    await expect(get('/cut-unnoticed')).rejects.toThrow(DataFormatError);
    await expect(get('/cut-unnoticed')).rejects.toThrow('(1000 bytes)');
  });

  test('damaged gzip data', async () => {
    const run = () => get('/broken.gz', { gzip: true });
    await expect(run()).rejects.toThrow(DataFormatError);
    await expect(run()).rejects.toThrow(
      /expected 1000 bytes of gzip data, got damaged data after \d+ decompressed bytes/,
    );
  });

  describe('a connection that breaks', () => {
    test('is taken up where it broke', async () => {
      const seen: number[] = [];
      const bytes = await get('/breaks', {
        sha256: LARGE_SHA,
        onProgress: ({ received }) => seen.push(received),
      });
      expect(isLarge(bytes)).toBe(true);
      expect(ranges).toEqual([undefined, `bytes=${LARGE.length / 2}-`]);
      expect(seen).toEqual([...seen].sort((a, b) => a - b));
      expect(await cached()).toContain('file.bin');
    });

    test('for good leaves its part for the next call', async () => {
      const options = { sha256: LARGE_SHA };
      await expect(get('/breaks?always', options)).rejects.toThrow(ResourceError);
      expect(await cached()).toContain('file.bin.part');
      expect(isLarge(await get('/whole', options))).toBe(true);
      expect(ranges.at(-1)).toBe(`bytes=${LARGE.length / 2}-`);
      expect(await cached()).toMatch(/file\.bin$/);
    });

    test('and goes on with another file, as mirrors do, is asked for all of it', async () => {
      expect(isLarge(await get('/breaks?then-other', { sha256: LARGE_SHA }))).toBe(true);
      expect(ranges).toEqual([undefined, `bytes=${LARGE.length / 2}-`, undefined]);
    });

    test('and a part of another file costs no more than another download', async () => {
      const file = join(cacheDir, `${LARGE_SHA.slice(0, 16)}-file.bin.part`);
      await writeFile(file, 'something else');
      expect(isLarge(await get('/whole', { sha256: LARGE_SHA }))).toBe(true);
      expect(ranges).toEqual(['bytes=14-', undefined]);
      await rm(join(cacheDir, `${LARGE_SHA.slice(0, 16)}-file.bin`));
      await writeFile(file, new Uint8Array(LARGE.length + 1));
      expect(isLarge(await get('/whole', { sha256: LARGE_SHA }))).toBe(true);
      expect(await cached()).toMatch(/file\.bin$/);
    });
  });

  test('a silent server is given up', async () => {
    await expect(get('/silent', { timeoutMs: 50 })).rejects.toThrow('no answer for 0.05 s');
    await expect(get('/deaf', { timeoutMs: 50 })).rejects.toThrow('no answer for 0.05 s');
    expect(await get(['/deaf', '/silent', '/good'], { timeoutMs: 200 })).toEqual(BODY);
  });

  test('a damaged file in the cache is removed and fetched anew', async () => {
    await get('/good');
    const file = (await cached()) as string;
    await writeFile(file, BODY.subarray(0, 5));
    expect(await get('/good')).toEqual(BODY);
    expect(asked).toEqual(['/good', '/good']);
    expect(new Uint8Array(await readFile(file))).toEqual(BODY);
    await writeFile(file, 'damaged');
    await expect(get('/missing')).rejects.toThrow(ResourceError);
    expect(await cached()).toEqual([]);
  });

  test('calls at the same time share one download, not one array', async () => {
    let reports = 0;
    const all = await Promise.all(
      Array.from({ length: 4 }, () => get('/slow', { onProgress: () => reports++ })),
    );
    expect(asked).toEqual(['/slow']);
    expect(reports).toBeGreaterThanOrEqual(4);
    all[0]!.fill(0);
    expect(all.slice(1)).toEqual([BODY, BODY, BODY]);
  });

  test('calls at the same time share a failure, and a later call tries again', async () => {
    const both = await Promise.allSettled([get('/missing'), get('/missing')]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(asked).toEqual(['/missing']);
    expect(await get('/good')).toEqual(BODY);
  });

  test('the default cache is in XDG_CACHE_HOME', async () => {
    vi.stubEnv('XDG_CACHE_HOME', cacheDir);
    await get('/good', { cacheDir: undefined });
    expect(await readdir(join(cacheDir, 'shadegrad'))).toHaveLength(1);
  });

  test('a cache that cannot be written matters only where the caller chose it', async () => {
    const file = join(cacheDir, 'file');
    await writeFile(file, '');
    await expect(get('/good', { cacheDir: join(file, 'sub') })).rejects.toThrow('cannot write');
    vi.stubEnv('XDG_CACHE_HOME', file);
    expect(await get('/good', { cacheDir: undefined })).toEqual(BODY);
  });

  test.each([
    ['a malformed checksum', { sha256: 'abc' }, "sha256 of 64 hexadecimal digits, got 'abc'"],
    ['a name with folders', { name: '../x' }, "a file name without folders, got '../x'"],
    ['the name ..', { name: '..' }, 'a file name without folders'],
    ['no address', { url: [] }, 'at least one URL'],
  ])('refuses %s', async (_, more, message) => {
    await expect(get('/good', more)).rejects.toThrow(ArgumentError);
    await expect(get('/good', more)).rejects.toThrow(message);
  });
});
