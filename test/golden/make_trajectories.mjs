// Writes trajectories.json: the losses of test/support/trajectory.ts, as Node gives them.
//
//   npm run build && node test/golden/make_trajectories.mjs
import { build } from 'esbuild';
import { rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// Within the package, where 'shadegrad' is the package itself.
const bundle = new URL('../../dist/trajectory.mjs', import.meta.url);
try {
  await build({
    entryPoints: [fileURLToPath(new URL('../support/trajectory.ts', import.meta.url))],
    outfile: fileURLToPath(bundle),
    bundle: true,
    format: 'esm',
    packages: 'external',
    external: ['shadegrad'],
    logLevel: 'warning',
  });
  const sg = await import('shadegrad');
  const { RUNS, twentyLosses } = await import(bundle);
  const device = await sg.init();
  const golden = { architecture: device.info.architecture };
  for (const name of Object.keys(RUNS)) golden[name] = await twentyLosses(name);
  console.log(device.info.description, sg.memory());
  sg.close();
  const file = new URL('trajectories.json', import.meta.url);
  writeFileSync(file, `${JSON.stringify(golden, null, 2)}\n`);
} finally {
  rmSync(bundle);
}
