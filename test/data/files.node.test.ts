import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile as read,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { fileExists, readFile, writeFileAtomic } from '../../src/data/files.js';
import { ResourceError } from '../../src/errors.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shadegrad-files-'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

describe('readFile', () => {
  test('bytes', async () => {
    await writeFile(join(folder, 'a'), 'é');
    expect(await readFile(join(folder, 'a'))).toEqual(new Uint8Array([0xc3, 0xa9]));
    expect((await readFile(join(folder, 'a'))).constructor).toBe(Uint8Array);
    expect(await fileExists(join(folder, 'a'))).toBe(true);
  });
  test('a missing file', async () => {
    const path = join(folder, 'none');
    await expect(readFile(path)).rejects.toThrow(ResourceError);
    await expect(readFile(path)).rejects.toThrow(
      `cannot read ${path}: no such file or folder. Check the path; a relative one starts at the`,
    );
    expect(await fileExists(path)).toBe(false);
  });
  test('a relative path is shown in full', async () => {
    await expect(readFile('no-such-file')).rejects.toThrow(join(process.cwd(), 'no-such-file'));
  });
  test('a folder', async () => {
    await expect(readFile(folder)).rejects.toThrow('Give the path of a file, not of a folder.');
    expect(await fileExists(folder)).toBe(false);
  });
});

describe('writeFileAtomic', () => {
  test('creates folders, writes bytes or text, replaces', async () => {
    const path = join(folder, 'a', 'b', 'c.bin');
    await writeFileAtomic(path, new Uint8Array([1, 2, 3]).subarray(1));
    expect(Array.from(await read(path))).toEqual([2, 3]);
    await writeFileAtomic(path, 'grüß');
    expect(await read(path, 'utf8')).toBe('grüß');
    expect(await readdir(join(folder, 'a', 'b'))).toEqual(['c.bin']);
  });

  test('a reader never meets a part', async () => {
    const path = join(folder, 'f');
    const versions = [new Uint8Array(1_000_000).fill(1), new Uint8Array(500_000).fill(2)];
    await writeFileAtomic(path, versions[0]!);
    let writing = true;
    const writer = (async () => {
      for (let i = 0; i < 10; i++) await writeFileAtomic(path, versions[i % 2]!);
      writing = false;
    })();
    while (writing) {
      const seen = await read(path);
      expect([seen.length, seen[0], seen.at(-1)]).toEqual(
        seen[0] === 1 ? [1_000_000, 1, 1] : [500_000, 2, 2],
      );
    }
    await writer;
  });

  test('several writers at once leave one whole file', async () => {
    const path = join(folder, 'f');
    await Promise.all(
      Array.from({ length: 8 }, (_, i) => writeFileAtomic(path, new Uint8Array(1000).fill(i))),
    );
    const seen = await read(path);
    expect(seen.equals(new Uint8Array(1000).fill(seen[0]!))).toBe(true);
    expect(await readdir(folder)).toEqual(['f']);
  });

  test('a link is followed', async () => {
    await writeFile(join(folder, 'real'), 'old');
    await symlink('real', join(folder, 'link'));
    await writeFileAtomic(join(folder, 'link'), 'new');
    expect(await read(join(folder, 'real'), 'utf8')).toBe('new');
  });

  test('a failed write leaves no temporary file and the old content', async () => {
    await mkdir(join(folder, 'taken', 'sub'), { recursive: true });
    const run = () => writeFileAtomic(join(folder, 'taken'), 'x');
    await expect(run()).rejects.toThrow(ResourceError);
    await expect(run()).rejects.toThrow(`cannot write ${join(folder, 'taken')}: `);
    expect(await readdir(folder)).toEqual(['taken']);
    expect(await readdir(join(folder, 'taken'))).toEqual(['sub']);
  });

  test('a file where a folder should be', async () => {
    await writeFile(join(folder, 'f'), '');
    await expect(writeFileAtomic(join(folder, 'f', 'g'), 'x')).rejects.toThrow(
      'A part of the path is a file where a folder was expected.',
    );
  });

  test.skipIf(process.getuid?.() === 0)('a folder without permission', async () => {
    await chmod(folder, 0o500);
    await expect(writeFileAtomic(join(folder, 'f'), 'x')).rejects.toThrow('Check the permissions');
    await chmod(folder, 0o700);
  });
});
