import { build as esbuild } from 'esbuild';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createLogger, build as viteBuild, type LogOptions } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PAGE = `
import * as sg from 'shadegrad';
document.body.textContent = Object.keys(sg).join(' ');
const y = sg.tensor([1, 2, 3]).exp();
console.log(await y.data());
`;

/** A project that has the built package installed, and a page that imports it. */
let project: string;
const built = (file: string): string =>
  fs.readFileSync(path.join(project, 'node_modules/shadegrad/dist', file), 'utf8');

beforeAll(() => {
  project = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'shadegrad-bundlers-')));
  const installed = path.join(project, 'node_modules/shadegrad');
  fs.mkdirSync(installed, { recursive: true });
  run('scripts/build.mjs', path.join(installed, 'dist'));
  fs.copyFileSync(path.join(ROOT, 'package.json'), path.join(installed, 'package.json'));
  const manifest = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  for (const name of Object.keys(manifest.dependencies)) {
    fs.symlinkSync(path.join(ROOT, 'node_modules', name), path.join(project, 'node_modules', name));
  }
  fs.writeFileSync(path.join(project, 'package.json'), '{ "type": "module" }');
  fs.writeFileSync(path.join(project, 'page.js'), PAGE);
  fs.writeFileSync(
    path.join(project, 'index.html'),
    '<!doctype html><body></body><script type="module" src="./page.js"></script>',
  );
});

afterAll(() => {
  fs.rmSync(project, { recursive: true, force: true });
});

describe('the built package', () => {
  test('has no static import of a Node module', () => {
    const statically = /^\s*(?:import|export)\b[^'"()]*['"](node:[^'"]+)['"]/gm;
    expect([...built('index.js').matchAll(statically)].map(([, name]) => name)).toEqual([]);
    expect(built('index.js')).not.toContain('__require("');
  });

  test('has a command line that the shell can run', () => {
    expect(built('cli.js')).toMatch(/^#!\/usr\/bin\/env node\n/);
    const { mode } = fs.statSync(path.join(project, 'node_modules/shadegrad/dist/cli.js'));
    expect(mode & 0o111).not.toBe(0);
  });

  test('has declarations that TypeScript reads under node16 resolution', () => {
    fs.writeFileSync(
      path.join(project, 'page.ts'),
      "import * as sg from 'shadegrad';\nexport const y: sg.Tensor = sg.tensor([1, 2, 3]).exp();\n",
    );
    const options = ['--strict', '--noEmit', '--module', 'node16', '--target', 'es2022'];
    const libraries = ['--lib', 'es2022,esnext.disposable,dom,dom.iterable,dom.asynciterable'];
    expect(() =>
      run('node_modules/typescript/bin/tsc', ...options, ...libraries, 'page.ts'),
    ).not.toThrow();
  });
});

describe('a page that imports it', () => {
  test('is bundled by esbuild without warnings', async () => {
    const { warnings, outputFiles } = await esbuild({
      absWorkingDir: project,
      entryPoints: ['page.js'],
      bundle: true,
      format: 'esm',
      platform: 'browser',
      target: 'es2022',
      write: false,
      outdir: 'out',
      splitting: true,
      logLevel: 'silent',
    });
    expect(warnings).toEqual([]);
    expect(outputFiles.length).toBeGreaterThan(0);
    expectNoNodeImport(outputFiles.map(({ text }) => text));
  });

  test('is bundled by Vite without warnings', async () => {
    const said: string[] = [];
    const logger = createLogger('warn');
    const note = (message: string, _options?: LogOptions): void => void said.push(message);
    Object.assign(logger, { warn: note, warnOnce: note, error: note });
    const result = await viteBuild({
      root: project,
      configFile: false,
      customLogger: logger,
      logLevel: 'warn',
      // The size of a chunk is not what is tested here.
      build: { write: false, target: 'es2022', minify: false, chunkSizeWarningLimit: Infinity },
    });
    expect(said).toEqual([]);
    const outputs = [result].flat().flatMap((built) => ('output' in built ? built.output : []));
    const chunks = outputs.flatMap((output) => (output.type === 'chunk' ? [output.code] : []));
    expect(chunks.length).toBeGreaterThan(0);
    expectNoNodeImport(chunks);
  });
});

function run(script: string, ...args: string[]): void {
  const command = [path.join(ROOT, script), ...args];
  const options = { cwd: project, encoding: 'utf8' } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, command, options);
  if (status !== 0) throw new Error(`${script} failed:\n${stdout}${stderr}`);
}

function expectNoNodeImport(chunks: readonly string[]): void {
  for (const code of chunks) {
    expect(code).not.toMatch(/from\s*['"]node:|import\s*['"]node:|import\(\s*['"]node:/);
    expect(code).not.toContain('__vite-browser-external');
  }
}
