/** `npm run bench:peers`: shadegrad and its peers in turns, each in a process of its own. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { allCells, type Cell } from './cells.js';
import { relativeError, TOLERANCE } from './check.js';
import { openBrowsers } from './chromium.js';
import { LimitError, NodeHost, type Host } from './hosts.js';
import { PEERS, type Peer } from './peers.js';
import { expectedValues } from './reference.js';
import type { BenchResults, CellResult, Measured } from './results.js';
import type { OpenOptions, RunnerInfo } from './runners/runner.js';
import { median, runsPerRound } from './stats.js';
import { cellTable, jsTable, notes } from './table.js';

/** A fresh process, its driver and its device. */
const OPEN_LIMIT_MS = 30_000;

const SMALL_BATCH = 4;

const USAGE = `npm run bench:peers -- [options]

  --only A,B     cells with one of these in their names
  --peers A,B    of ${PEERS.map(({ id }) => id).join(', ')}
  --rounds N     rounds, default 5
  --limit S      seconds for one peer in one cell, default 10; four times as many for whole networks
                 on WebGPU
  --long         2,000 steps in the cell of memory, and not 200; no limit there
  --small        batches of 4 at most: whether all agree, not how fast they are; no file
  --chromium     in pages of Chromium
  --list         the names of the cells`;

/** Paths that the script which built this hands on. */
const { root, peersRoot } = JSON.parse(process.env['SHADEGRAD_BENCH_PATHS']!) as {
  root: string;
  peersRoot: string;
};

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    peers: { type: 'string', default: '' },
    rounds: { type: 'string', default: '5' },
    limit: { type: 'string', default: '10' },
    long: { type: 'boolean', default: false },
    chromium: { type: 'boolean', default: false },
    small: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const rounds = Number(options.rounds);
const limitMs = Number(options.limit) * 1000;

/** What a kernel's limit is multiplied by: a step of a peer may take most of a minute. */
const NETWORK_FACTOR = 4;

/** A peer of this run, and its worker while it has one. */
class Contestant {
  info: RunnerInfo | undefined;
  private host: Host | undefined;

  constructor(
    readonly peer: Peer,
    private readonly makeHost: () => Promise<Host>,
  ) {}

  /** The worker that is there, or a new one. */
  async worker(): Promise<Host> {
    if (this.host?.alive) return this.host;
    const host = await this.makeHost();
    this.host = host;
    const { peer } = this;
    try {
      const command = { do: 'open', runner: peer.runner, options: this.openOptions() } as const;
      this.info = await host.send(command, OPEN_LIMIT_MS);
    } catch (error) {
      await this.close();
      throw error;
    }
    return host;
  }

  /** Frees what a cell has made, by ending the worker if `broken` or if it does not come back. */
  async release(broken: boolean): Promise<void> {
    if (broken) await this.close();
    else if (this.host?.alive) {
      await this.host.send({ do: 'release' }, OPEN_LIMIT_MS).catch(() => this.close());
    }
  }

  async freshWorker(): Promise<Host> {
    await this.close();
    return this.worker();
  }

  async close(): Promise<void> {
    await this.host?.close();
    this.host = undefined;
  }

  private openOptions(): OpenOptions {
    const { backend, captured } = this.peer;
    const wasm = 'node_modules/@tensorflow/tfjs-backend-wasm/dist/';
    return {
      backend,
      captured,
      version: versionOf(this.peer),
      wasmPath: options.chromium ? '/wasm/' : path.join(peersRoot, wasm),
    };
  }
}

function versionOf(peer: Peer): string | undefined {
  if (!peer.package) return undefined;
  const manifest = path.join(peersRoot, 'node_modules', peer.package, 'package.json');
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}

/** One peer in one cell. */
class Entrant {
  readonly measured: Measured = { status: 'measured', rounds: [] };
  private readonly limitMs: number;
  /** Milliseconds that it has used up, and those of its last run. */
  private spent = 0;
  private lastMs = 0;
  private js: number[] = [];

  constructor(
    readonly contestant: Contestant,
    private readonly cell: Cell,
  ) {
    const { device } = contestant.peer;
    const isKernel = cell.kind === 'matmul' || cell.kind === 'conv';
    this.limitMs = device === 'CPU' || isKernel ? limitMs : NETWORK_FACTOR * limitMs;
    this.measured.limitSeconds = this.limitMs / 1000;
  }

  /** Whether another run would go beyond the limit. */
  private get isOver(): boolean {
    return this.spent + this.lastMs > this.limitMs;
  }

  get running(): boolean {
    return this.measured.status === 'measured';
  }

  /**
   * Runs once and compares; training runs two steps, if there is time. `expected` gets what it lacks
   * from the first one that was right.
   */
  async check(expected: number[]): Promise<void> {
    await this.attempt(async () => {
      const host = await this.contestant.worker();
      await host.send({ do: 'prepare', cell: this.cell }, this.limitMs);
      const values: number[] = [];
      const runs = this.cell.kind === 'train' ? 2 : 1;
      for (let i = 0; i < runs && !this.isOver; i++) {
        const reply = await this.clocked(host.send({ do: 'check' }, this.limitMs - this.spent));
        values.push(...reply.values);
        this.lastMs = reply.ms;
      }
      this.compare(values, expected);
    });
  }

  /** One turn, if there is time for it. */
  async round(expected: number[]): Promise<void> {
    if (!this.running) return;
    if (this.isOver) {
      this.measured.rounds.push(null);
      return;
    }
    await this.attempt(() => (this.cell.kind === 'start' ? this.start(expected) : this.time()));
  }

  private async time(): Promise<void> {
    const host = await this.contestant.worker();
    const runs = runsPerRound(this.lastMs);
    const timing = await this.clocked(host.send({ do: 'time', runs }, this.limitMs));
    this.lastMs = median(timing.ms);
    this.measured.rounds.push(this.lastMs);
    this.js.push(...(timing.js ?? []));
  }

  /** A fresh process, until its first step is done and the loss is here. */
  private async start(expected: number[]): Promise<void> {
    await this.contestant.close();
    const started = performance.now();
    const firstLoss = async (): Promise<number[]> => {
      const host = await this.contestant.worker();
      await host.send({ do: 'prepare', cell: this.cell }, this.limitMs);
      return (await host.send({ do: 'check' }, this.limitMs)).values;
    };
    const values = await this.clocked(firstLoss());
    this.lastMs = performance.now() - started;
    this.measured.rounds.push(this.lastMs);
    this.compare(values, expected);
  }

  async memory(expected: number[], steps: number): Promise<void> {
    const budget = options.long ? Infinity : this.limitMs;
    await this.attempt(async () => {
      const host = await this.contestant.freshWorker();
      await host.send({ do: 'prepare', cell: this.cell }, this.limitMs);
      this.compare((await host.send({ do: 'check' }, this.limitMs)).values, expected);
      if (!this.running) return;
      const command = { do: 'memory', steps, ms: budget } as const;
      const points = await host.send(command, 2 * budget);
      this.measured.memory = points;
      const reached = points.at(-1)!.step;
      if (reached < steps) this.measured.note = `${reached} steps in ${budget / 1000} s`;
    });
  }

  async finish(): Promise<Measured> {
    const { measured } = this;
    if (this.js.length > 0) measured.js = median(this.js);
    if (this.running && this.cell.kind !== 'memory' && measured.rounds.every((ms) => ms === null)) {
      measured.status = 'once';
      measured.rounds = [this.lastMs];
    }
    await this.contestant.release(!this.running && measured.status !== 'once');
    return measured;
  }

  private compare(values: readonly number[], expected: number[]): void {
    const error = relativeError(values, expected.slice(0, values.length));
    this.measured.error = error;
    if (error > TOLERANCE) {
      this.measured.status = 'wrong';
      this.measured.note = `relative error ${error.toPrecision(2)}`;
    } else expected.push(...values.slice(expected.length));
  }

  private async clocked<T>(answer: Promise<T>): Promise<T> {
    const started = performance.now();
    try {
      return await answer;
    } finally {
      this.spent += performance.now() - started;
    }
  }

  private async attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      // Rounds that it did run stay.
      if (error instanceof LimitError && this.measured.rounds.some((ms) => ms !== null)) {
        this.spent = Infinity;
        this.measured.rounds.push(null);
        return;
      }
      this.measured.status = error instanceof LimitError ? 'late' : 'failed';
      this.measured.note = (error as Error).message;
    }
  }
}

async function measure(cell: Cell, contestants: readonly Contestant[]): Promise<CellResult> {
  const results: Record<string, Measured> = {};
  const entrants: Entrant[] = [];
  for (const contestant of contestants) {
    const note = options.chromium && cell.kind === 'memory' ? 'no resident memory of a page' : '';
    const lacks = contestant.peer.lacks(cell) ?? note;
    if (lacks) results[contestant.peer.id] = { status: 'lacks', rounds: [], note: lacks };
    else entrants.push(new Entrant(contestant, cell));
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
  const browsers = options.chromium ? await openBrowsers(peersRoot) : undefined;
  const open = browsers?.open ?? (() => Promise.resolve(new NodeHost()));
  const contestants = PEERS.filter(({ id }) => wanted.length === 0 || wanted.includes(id))
    .filter(({ inPage }) => inPage || !browsers)
    .map((peer) => new Contestant(peer, open));
  const results: CellResult[] = [];
  try {
    for (const cell of cells) {
      const from = performance.now();
      const result = await measure(cell, contestants);
      results.push(result);
      const seconds = ((performance.now() - from) / 1000).toFixed(0);
      console.error(`${cell.name}: ${seconds} s`);
      for (const [id, { status, note }] of Object.entries(result.results)) {
        if (status === 'wrong' || status === 'failed') console.error(`  ${id} ${status}: ${note}`);
      }
    }
  } finally {
    for (const contestant of contestants) await contestant.close();
    await browsers?.close();
  }
  report(contestants, results, (performance.now() - started) / 1000, browsers?.version);
}

function matches(name: string): boolean {
  const parts = options.only.split(',').filter(Boolean);
  return (
    parts.length === 0 || parts.some((part) => name.toLowerCase().includes(part.toLowerCase()))
  );
}

function report(
  contestants: readonly Contestant[],
  cells: CellResult[],
  seconds: number,
  browser: string | undefined,
): void {
  const known = contestants.flatMap(({ peer, info }) => (info ? [[peer.id, info] as const] : []));
  const infos = new Map(known);
  const git = ['rev-parse', '--short', 'HEAD'];
  const results: BenchResults = {
    date: new Date().toISOString().slice(0, 10),
    commit: execFileSync('git', git, { cwd: root, encoding: 'utf8' }).trim(),
    runtime: browser ?? `Node ${process.versions.node}`,
    cpu: `${os.cpus().length} cores of ${os.cpus()[0]?.model ?? 'an unknown CPU'}`,
    adapter: infos.get('shadegrad')?.device ?? infos.get('shadegrad-plain')?.device ?? 'unknown',
    rounds,
    tolerance: TOLERANCE,
    seconds: Math.round(seconds),
    peers: Object.fromEntries(known),
    cells,
  };
  console.log(`${notes(results).join('\n')}\n\n${cellTable(results)}\n\n${jsTable(results)}`);
  if (options.small) return;
  const folder = path.join(root, 'bench/results');
  mkdirSync(folder, { recursive: true });
  const where = `${browser ? 'chromium-' : ''}${slug(results.adapter)}`;
  const file = path.join(folder, `peers-${where}-${results.date}.json`);
  writeFileSync(`${file}.tmp`, `${JSON.stringify(results, null, 1)}\n`);
  renameSync(`${file}.tmp`, file);
  console.log(`\n${Math.round(seconds)} s; ${path.relative(root, file)}`);
}

const slug = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 40);

await main();
process.exit(); // browsers and drivers may keep the process alive
