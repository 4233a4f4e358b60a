/** Which Chromium the tests run in, and how it is started. */
import fs from 'node:fs';
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
    ['chromium', 'libvk_swiftshader.so', 'lib/libnss3.so', 'fonts'],
  );
  const libraries = [path.join(folder, 'lib'), process.env.LD_LIBRARY_PATH];
  return {
    executablePath: path.join(folder, 'chromium'),
    env: {
      // Chromium brings its own driver: one that the shell names is for Node's side alone.
      ...withoutVulkan(process.env),
      LD_LIBRARY_PATH: libraries.filter(Boolean).join(':'),
      FONTCONFIG_FILE: writeFontConfig(folder),
    },
  };
}

function withoutVulkan(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('VK_')));
}

/**
 * Adds the package's fonts to the system's, since a bare machine has none and text would not be
 * drawn. The package's own configuration names fixed folders under /tmp and /opt.
 */
function writeFontConfig(folder: string): string {
  const file = path.join(folder, 'all-fonts.conf');
  const content = [
    '<?xml version="1.0"?>',
    '<!DOCTYPE fontconfig SYSTEM "fonts.dtd">',
    '<fontconfig>',
    '  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>',
    `  <dir>${path.join(folder, 'fonts')}</dir>`,
    '  <cachedir prefix="xdg">fontconfig</cachedir>',
    '</fontconfig>\n',
  ].join('\n');
  if (!fs.existsSync(file)) fs.writeFileSync(file, content);
  return file;
}
