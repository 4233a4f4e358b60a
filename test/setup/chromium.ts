/** Which Chromium the tests run in, and how it is started. */
import path from 'node:path';
import type { LaunchOptions } from 'playwright';
import { unpackArchives } from '../../src/gpu/nodePackages.js';

/** The part of playwright's launch options that says which browser starts. */
type BrowserChoice = Pick<LaunchOptions, 'channel' | 'env' | 'executablePath'>;

/**
 * Says how to launch Chromium with WebGPU: the one that `SHADEGRAD_CHROMIUM` names; else, on
 * 64-bit x86 Linux, the one in the npm package `@sparticuz/chromium`, which needs nothing from
 * the system; else the installed Chrome.
 *
 * @returns Launch options for playwright.
 * @throws {ResourceError} if the package is not installed or cannot be unpacked.
 */
export async function chromiumLaunchOptions(): Promise<LaunchOptions> {
  return {
    ...(await chooseBrowser()),
    // Chromium gives software adapters to pages under this flag only.
    args: ['--enable-unsafe-webgpu'],
    // Root, who runs most containers, cannot start Chromium's sandbox.
    chromiumSandbox: false,
  };
}

async function chooseBrowser(): Promise<BrowserChoice> {
  const given = process.env.SHADEGRAD_CHROMIUM;
  if (given) return { executablePath: given };
  if (process.platform !== 'linux' || process.arch !== 'x64') return { channel: 'chrome' };

  const archives = ['chromium.br', 'swiftshader.tar.br', 'al2023.tar.br', 'fonts.tar.br'];
  const folder = await unpackArchives(
    '@sparticuz/chromium',
    archives.map((name) => `bin/${name}`),
    'chromium',
    ['chromium', 'libvk_swiftshader.so', 'lib/libnss3.so', 'fonts.conf'],
  );
  const libraries = [path.join(folder, 'lib'), process.env.LD_LIBRARY_PATH];
  return {
    executablePath: path.join(folder, 'chromium'),
    env: {
      ...process.env,
      LD_LIBRARY_PATH: libraries.filter(Boolean).join(':'),
      FONTCONFIG_PATH: folder,
    },
  };
}
