import { build as esbuild } from 'esbuild';
import fs from 'node:fs';
import { createLogger, build as viteBuild, type LogOptions } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Project } from '../support/builtPackage.js';

const PAGE = `
import * as sg from 'shadegrad';
document.body.textContent = Object.keys(sg).join(' ');
const y = sg.tensor([1, 2, 3]).exp();
console.log(await y.data());
`;

/** A project with a page that imports the package. */
let project: Project;
const built = (file: string): string => project.read(`node_modules/shadegrad/dist/${file}`);

beforeAll(() => {
  project = new Project();
  project.write('page.js', PAGE);
  project.write(
    'index.html',
    '<!doctype html><body></body><script type="module" src="./page.js"></script>',
  );
});

afterAll(() => {
  project.remove();
});

describe('the built package', () => {
  test('has no static import of a Node module', () => {
    const statically = /^\s*(?:import|export)\b[^'"()]*['"](node:[^'"]+)['"]/gm;
    expect([...built('index.js').matchAll(statically)].map(([, name]) => name)).toEqual([]);
    expect(built('index.js')).not.toContain('__require("');
  });

  test('has a command line that the shell can run', () => {
    expect(built('cli.js')).toMatch(/^#!\/usr\/bin\/env node\n/);
    const { mode } = fs.statSync(project.path('node_modules/shadegrad/dist/cli.js'));
    expect(mode & 0o111).not.toBe(0);
  });
});

describe('a page that imports it', () => {
  test('is bundled by esbuild without warnings', async () => {
    const { warnings, outputFiles } = await esbuild({
      absWorkingDir: project.folder,
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
      root: project.folder,
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

function expectNoNodeImport(chunks: readonly string[]): void {
  for (const code of chunks) {
    expect(code).not.toMatch(/from\s*['"]node:|import\s*['"]node:|import\(\s*['"]node:/);
    expect(code).not.toContain('__vite-browser-external');
  }
}
