/** `npm run bench:peers`: shadegrad and its peers in turns, each in a process of its own. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { allCells, type Cell } from './cells.js';
import { TOLERANCE } from './check.js';
import { openBrowsers } from './chromium.js';
import { Contestant } from './contestant.js';
import { Entrant } from './entrant.js';
import { NodeHost } from './hosts.js';
import { PEERS } from './peers.js';
import { expectedValues } from './reference.js';
import type { BenchResults, CellResult, Measured } from './results.js';
import { cellTable, jsTable, notes } from './table.js';

const SMALL_BATCH = 4;

const USAGE = `npm run bench:peers -- [options]

  --only A,B     cells with one of these in their names
  --peers A,B    of ${PEERS.map(({ id }) => id).join(', ')}
  --rounds N     rounds, default 5
  --limit S      seconds for one peer in one cell, default 8; four times as many for whole networks
                 on WebGPU
  --long         2,000 steps in the cell of memory, and not 200; no limit there
  --small        batches of 4 at most: whether all agree, not how fast they are; no file
  --chromium     in pages of Chromium
  --list         the names of the cells`;

/** Paths that the script which built this hands on. */
const { root, peersRoot, pageRoot } = JSON.parse(process.env['SHADEGRAD_BENCH_PATHS']!) as {
  root: string;
  peersRoot: string;
  pageRoot: string;
};

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    peers: { type: 'string', default: '' },
    rounds: { type: 'string', default: '5' },
    limit: { type: 'string', default: '8' },
    long: { type: 'boolean', default: false },
    chromium: { type: 'boolean', default: false },
    small: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const rounds = Number(options.rounds);
const limits = { ms: Number(options.limit) * 1000, longMemory: options.long };

async function measure(cell: Cell, contestants: readonly Contestant[]): Promise<CellResult> {
  const results: Record<string, Measured> = {};
  const entrants: Entrant[] = [];
  for (const contestant of contestants) {
    const note = options.chromium && cell.kind === 'memory' ? 'no resident memory of a page' : '';
    const lacks = contestant.peer.lacks(cell) ?? note;
    if (lacks) results[contestant.peer.id] = { status: 'lacks', rounds: [], note: lacks };
    else entrants.push(new Entrant(contestant, cell, limits));
  }
  if (entrants.length > 0) {
    const expected = expectedValues(cell);
    if (cell.kind === 'memory') {
      for (const entrant of entrants) await entrant.memory(expected, cell.steps);
    } else {
      if (cell.kind !== 'start') for (const entrant of entrants) await entrant.check(expected);
      for (let round = 0; round < rounds; round++) {
        for (const entrant of entrants) await entrant.round(expected);
      }
    }
  }
  for (const entrant of entrants) {
    results[entrant.contestant.peer.id] = await entrant.finish();
  }
  const group = cell.kind === 'conv' ? cell.group : undefined;
  const { name, kind, flops, images } = cell;
  return { name, kind, group, flops, images, results };
}

async function main(): Promise<void> {
  const size = {
    memorySteps: options.long ? 2000 : 200,
    maxBatch: options.small ? SMALL_BATCH : undefined,
  };
  const cells = allCells(size).filter((cell) => matches(cell.name));
  if (options.help || options.list) {
    console.log(options.help ? USAGE : cells.map(({ name }) => name).join('\n'));
    return;
  }
  const started = performance.now();
  const wanted = options.peers.split(',').filter(Boolean);
  const unknown = wanted.filter((id) => PEERS.every((peer) => peer.id !== id));
  if (cells.length === 0 || unknown.length > 0) {
    const what = unknown.length > 0 ? `peers ${unknown.join(', ')}` : `no cell for ${options.only}`;
    console.error(`bench:peers: expected names of cells and peers, got ${what}\n\n${USAGE}`);
    process.exitCode = 1;
    return;
  }
  const browsers = options.chromium ? await openBrowsers(peersRoot, pageRoot) : undefined;
  const packages = path.join(peersRoot, 'node_modules');
  const wasm = path.join(packages, '@tensorflow/tfjs-backend-wasm/dist/');
  const folders = { packages, wasm: browsers ? '/wasm/' : wasm };
  const open = browsers?.open ?? (() => Promise.resolve(new NodeHost()));
  const contestants = PEERS.filter(({ id }) => wanted.length === 0 || wanted.includes(id))
    .filter(({ inPage }) => inPage || !browsers)
    .map((peer) => new Contestant(peer, open, folders));
  const done: CellResult[] = [];
  const state = (): BenchResults =>
    resultsOf(contestants, done, (performance.now() - started) / 1000, browsers?.version);
  const isWhole = !options.only && !options.peers;
  try {
    for (const cell of cells) {
      const from = performance.now();
      const result = await measure(cell, contestants);
      done.push(result);
      const seconds = ((performance.now() - from) / 1000).toFixed(0);
      console.error(`${cell.name}: ${seconds} s`);
      for (const [id, { status, note }] of Object.entries(result.results)) {
        if (status === 'wrong' || status === 'failed') console.error(`  ${id} ${status}: ${note}`);
      }
      // What is there is kept, should the run not come to its end.
      if (!options.small) save(state(), '-part');
    }
  } finally {
    for (const contestant of contestants) await contestant.close();
    await browsers?.close();
  }
  const results = state();
  const parts = [notes(results).join('\n'), cellTable(results), jsTable(results)];
  console.log(parts.filter(Boolean).join('\n\n'));
  const file = options.small ? 'no file' : save(results, isWhole ? '' : '-part');
  console.log(`\n${results.seconds} s; ${file}`);
}

function matches(name: string): boolean {
  const parts = options.only.split(',').filter(Boolean);
  return (
    parts.length === 0 || parts.some((part) => name.toLowerCase().includes(part.toLowerCase()))
  );
}

function resultsOf(
  contestants: readonly Contestant[],
  cells: CellResult[],
  seconds: number,
  browser: string | undefined,
): BenchResults {
  const known = contestants.flatMap(({ peer, info }) => (info ? [[peer.id, info] as const] : []));
  const git = ['rev-parse', '--short', 'HEAD'];
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: execFileSync('git', git, { cwd: root, encoding: 'utf8' }).trim(),
    runtime: browser ?? `Node ${process.versions.node}`,
    cpu: `${os.cpus().length} cores of ${os.cpus()[0]?.model ?? 'an unknown CPU'}`,
    adapter: known.find(([id]) => id.startsWith('shadegrad'))?.[1].device ?? 'unknown adapter',
    rounds,
    tolerance: TOLERANCE,
    seconds: Math.round(seconds),
    peers: Object.fromEntries(known),
    cells,
  };
}

/** Writes the results beside those of other runs; `part` marks a run that is not whole. */
function save(results: BenchResults, part: '' | '-part'): string {
  const folder = path.join(root, 'bench/results');
  mkdirSync(folder, { recursive: true });
  const where = `${options.chromium ? 'chromium-' : ''}${slug(results.adapter)}`;
  const name = path.join(folder, `peers-${where}-${results.date}`);
  const file = `${name}${part}.json`;
  writeFileSync(`${file}.tmp`, `${JSON.stringify(results, null, 1)}\n`);
  renameSync(`${file}.tmp`, file);
  if (!part) rmSync(`${name}-part.json`, { force: true });
  return path.relative(root, file);
}

const slug = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 40);

await main();
process.exit(); // browsers and drivers may keep the process alive
