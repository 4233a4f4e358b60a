// Bundles a program of bench/ and runs it: node scripts/bench.mjs run|scale|check [options]
import { build } from 'esbuild';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const [program, ...args] = process.argv.slice(2);
const out = path.join(root, '.results/bench');

await build({
  absWorkingDir: root,
  entryPoints: [`bench/${program}.ts`, 'bench/firstStep.ts'],
  outdir: out,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'es2022',
  packages: 'external',
  // The library from its source, which has the same name as the package.
  alias: { shadegrad: path.join(root, 'src/index.ts') },
  loader: { '.wgsl': 'text' },
  keepNames: true,
  logLevel: 'warning',
});

const child = spawn(process.execPath, [path.join(out, `${program}.mjs`), ...args], {
  cwd: root,
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('close', (code) => (process.exitCode = code ?? 1));
