/** `npm run bench:readme [-- FILE]`: the README's table and chart, from the last whole run in Node. */
import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { benchChart } from './chart.js';
import type { BenchResults } from './results.js';
import { withBlock } from '../text.js';
import { readmeBlock } from './summary.js';

const CHART = 'docs/bench.svg';

const { root } = JSON.parse(process.env['SHADEGRAD_BENCH_PATHS']!) as { root: string };

function lastResults(): string {
  const folder = path.join(root, 'bench/results');
  const [last] = readdirSync(folder)
    .filter((name) => /^peers-(?!chromium-).*(?<!-part)\.json$/.test(name))
    .map((name) => path.join(folder, name))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  if (!last)
    throw new Error('bench:readme: expected results, got none. Run `npm run bench:peers`.');
  return last;
}

function replaceFile(name: string, text: string): void {
  const file = path.join(root, name);
  writeFileSync(`${file}.tmp`, text);
  renameSync(`${file}.tmp`, file);
}

const file = process.argv[3] ?? lastResults();
const results = JSON.parse(readFileSync(file, 'utf8')) as BenchResults;
const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
const block = readmeBlock(results, CHART);
replaceFile('README.md', withBlock(readme, block, 'bench'));
replaceFile(CHART, `${benchChart(results)}\n`);
console.log(`${block}\n\nREADME.md and ${CHART}, from ${path.relative(root, file)}`);
