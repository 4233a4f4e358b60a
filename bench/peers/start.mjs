// Installs the peers where they are missing, builds the library as users get it and the bench, and
// runs it: `node bench/peers/start.mjs [options]`. With `readme` first, writes the README's part.
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const peersRoot = fileURLToPath(new URL('.', import.meta.url));
const root = path.join(peersRoot, '../..');
// Of this run alone: another one may start before it ends.
const out = path.join(peersRoot, `.build/${process.pid}`);
const library = path.join(out, 'shadegrad');
const isReadme = process.argv[2] === 'readme';

/** @type {import('esbuild').BuildOptions} */
const shared = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  target: 'es2022',
  logLevel: 'warning',
  loader: { '.wgsl': 'text' },
};
/** @type {import('esbuild').BuildOptions} */
const forNode = {
  ...shared,
  platform: 'node',
  splitting: true,
  outdir: out,
  packages: 'external',
  external: ['./shadegrad/index.js'],
};

process.on('exit', () => rmSync(out, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

if (isReadme) {
  await build({ ...forNode, entryPoints: ['bench/peers/readme.ts'] });
} else {
  install();
  await buildAll();
}
process.env.SHADEGRAD_BENCH_PATHS = JSON.stringify({
  root,
  peersRoot,
  pageRoot: path.join(out, 'page'),
});
await import(path.join(out, isReadme ? 'readme.js' : 'bench.js'));

/** As `npm ci` does, when the lock file is newer than what it installed. */
function install() {
  const lock = path.join(peersRoot, 'package-lock.json');
  const installed = path.join(peersRoot, 'node_modules/.package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  // The one install script there is fetches CUDA for onnxruntime, which is used on the CPU here.
  run('npm', ['ci', '--prefix', peersRoot, '--ignore-scripts', '--no-audit', '--no-fund']);
}

async function buildAll() {
  run(process.execPath, [path.join(root, 'scripts/build.mjs'), library, '--no-types']);
  const entryPoints = ['bench/peers/bench.ts', 'bench/peers/nodeWorker.ts'];
  await build({ ...forNode, entryPoints, plugins: [libraryAt({ external: true })] });
  const page = path.join(out, 'page');
  await build({
    ...shared,
    platform: 'browser',
    splitting: true,
    outdir: page,
    entryPoints: ['bench/peers/pageWorker.ts'],
    // What only Node loads.
    external: ['onnxruntime-node', 'onnx-proto', 'nanotar', 'webgpu'],
    plugins: [libraryAt({ external: false })],
  });
  mkdirSync(page, { recursive: true });
  copyFileSync(path.join(peersRoot, 'page.html'), path.join(page, 'page.html'));
}

/** `shadegrad` is the file that was built, and not the source that tsconfig's paths name. */
function libraryAt({ external }) {
  return {
    name: 'shadegrad',
    setup({ onResolve }) {
      onResolve({ filter: /^shadegrad$/ }, () =>
        external
          ? { path: './shadegrad/index.js', external }
          : { path: path.join(library, 'index.js') },
      );
    },
  };
}

function run(command, args) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
}
