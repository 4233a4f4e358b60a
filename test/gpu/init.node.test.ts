import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const PROGRAM = `
import { fill } from '${ROOT}/src/autograd/kernels/fill.ts';
import { GpuArray } from '${ROOT}/src/gpu/gpuArray.ts';
import { close, init, sync } from '${ROOT}/src/gpu/init.ts';

await init({ onNote() {} });
const x = fill(GpuArray.empty([3]), 5);
switch (process.argv[2]) {
  case 'close':
    console.log(...(await x.read()));
    close();
    break;
  case 'forget':
    console.log(...(await x.read()));
    break;
  case 'pending':
    for (let i = 0; i < 1000; i++) fill(x, i);
    close();
    break;
  case 'reject':
    void sync().catch(({ message }) => console.log(message));
    void x.read().catch(({ message }) => console.log(message));
    close();
    break;
  case 'throw':
    throw new Error('of the program');
}
`;

let folder: string;

beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'shadegrad-exit-'));
  await build({
    stdin: { contents: PROGRAM, loader: 'ts', resolveDir: ROOT },
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    alias: {
      // The bundle lies where no package is.
      'wgsl-preprocessor': path.join(ROOT, 'node_modules/wgsl-preprocessor'),
      nanotar: path.join(ROOT, 'node_modules/nanotar/dist/index.mjs'),
    },
    loader: { '.wgsl': 'text' },
    outfile: path.join(folder, 'program.mjs'),
  });
});

afterAll(() => {
  fs.rmSync(folder, { recursive: true });
});

/** Runs the program; it is killed, and the test fails, if it does not end by itself. */
function run(how: string): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [path.join(folder, 'program.mjs'), how],
    { cwd: ROOT, encoding: 'utf8', timeout: 30_000 },
  );
  // What Vulkan drivers print is not ours.
  const ours = stderr.replace(/^(Warning|error): .*\n( {1,4}.*\n)*\n?/gm, '');
  return { status, stdout, stderr: ours };
}

describe('a Node program ends by itself', () => {
  test.each([
    ['close', 'after close()', '5 5 5\n'],
    ['forget', 'without close()', '5 5 5\n'],
    ['pending', 'after close() with work under way', ''],
  ])('%s: %s', (how, _, stdout) => {
    expect(run(how)).toEqual({ status: 0, stdout, stderr: '' });
  });

  test('reject: after close() with a sync and a read under way', () => {
    const { status, stdout, stderr } = run('reject');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/closed/);
  });

  test('throw: with its own error, by its own name', () => {
    const { status, stderr } = run('throw');
    expect(status).toBe(1);
    expect(stderr).toContain('Error: of the program');
  });
});
