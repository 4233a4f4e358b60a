/** `npm run bench:check`: whether a kernel has become slower than in the results committed last. */
import * as sg from 'shadegrad';
import { kernelCases } from './cases.js';
import { check, MOST_LOSS } from './compare.js';
import { environmentOf } from './environment.js';
import { measureKernel, withShares } from './measure.js';
import { lastCommitted } from './results.js';
import { percent, table } from './text.js';

const LIMITS = { enough: 300, most: 20_000 };

const device = await sg.init({ onNote: () => undefined });
try {
  await main();
} finally {
  sg.close();
}

async function main(): Promise<void> {
  const environment = environmentOf(device);
  const committed = lastCommitted(environment);
  if (!committed) {
    const { description } = environment.adapter;
    console.error(
      `bench:check: expected committed results of ${description}, got none. Run \`npm run bench\` and commit its file.`,
    );
    process.exitCode = 1;
    return;
  }
  const { file, results } = committed;
  const { commit, date } = results.environment;
  console.log(`compared with ${file}, commit ${commit}, ${date.slice(0, 10)}`);
  const before = results.kernels;
  const shares = new Map(before.map(({ name, share }) => [name, share]));
  const cases = new Map(
    kernelCases(device.info)
      .filter(({ name, quick }) => quick && shares.get(name))
      .map((kernel) => [kernel.name, kernel]),
  );
  const { measured, losses } = await check(before, [...cases.keys()], async (names) => {
    const now = [];
    for (const name of names) now.push(await measureKernel(device, cases.get(name)!, LIMITS));
    return withShares(now, await sg.measureRoofline(device, true));
  });
  const slower = new Set(losses.map(({ name }) => name));
  const rows = measured.map(({ name, share }) => [
    name,
    percent(shares.get(name)),
    percent(share),
    slower.has(name) ? 'slower' : '',
  ]);
  console.log(table([['kernel, share of roofline', 'then', 'now', ''], ...rows]));
  if (losses.length > 0) {
    const most = percent(MOST_LOSS);
    console.error(`bench:check: ${losses.length} of ${measured.length} lost more than ${most}`);
    process.exitCode = 1;
  } else {
    console.log(`none of ${measured.length} kernels lost more than ${percent(MOST_LOSS)}`);
  }
}
