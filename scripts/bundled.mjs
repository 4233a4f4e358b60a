// Bundles programs that are written in TypeScript with the library's source, and runs one of them.
import { build } from 'esbuild';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Runs the first of some programs of a folder, whose exit code becomes this process's. The others are
 * bundled beside it, for it to start.
 */
export async function runBundled(folder, [program, ...others], args) {
  const out = path.join(root, '.results', folder);
  await build({
    absWorkingDir: root,
    entryPoints: [program, ...others].map((name) => `${folder}/${name}.ts`),
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
}
