/** The side that works: a process of Node or a page, with one peer in it, that does as it is told. */
import { outputLength, samplePositions } from './check.js';
import type { Cell } from './cells.js';
import type { Peer } from './peers.js';
import type { Job, Open, OpenOptions, Runner, RunnerInfo } from './runners/runner.js';

export type Command =
  | { do: 'open'; runner: Peer['runner']; options: OpenOptions }
  | { do: 'prepare'; cell: Cell }
  /** One run, and what it gave. */
  | { do: 'check' }
  | { do: 'time'; runs: number }
  /** Training steps until `steps` are done or `ms` are over. */
  | { do: 'memory'; steps: number; ms: number }
  | { do: 'release' };

/** Times in milliseconds; `js`: until JavaScript has enqueued all and submitted it. */
export interface Timing {
  ms: number[];
  js: number[] | null;
}

export interface MemoryPoint {
  step: number;
  megabytes: number;
}

interface Replies {
  open: RunnerInfo;
  prepare: null;
  /** Elements of the output, or a training step's loss; and how long the run took. */
  check: { values: number[]; ms: number };
  time: Timing;
  memory: MemoryPoint[];
  release: null;
}

export type ReplyTo<C extends Command> = Replies[C['do']];
export type Reply = Replies[Command['do']];

/** What the place has to offer. */
export interface Place {
  /** Resident memory of the process in bytes, after a collection of garbage. */
  residentBytes?: () => number;
}

const RUNNERS: Record<Peer['runner'], () => Promise<{ open: Open }>> = {
  shadegrad: () => import('./runners/shadegrad.js'),
  tfjs: () => import('./runners/tfjs.js'),
  jax: () => import('./runners/jax.js'),
  onnx: () => import('./runners/onnx.js'),
};

/** Resident memory is read this often in a cell of memory. */
const MEMORY_POINTS = 20;

export class Worker {
  private runner!: Runner;
  private cell!: Cell;
  private job: Job | undefined;

  constructor(private readonly place: Place) {}

  async handle(command: Command): Promise<Reply> {
    switch (command.do) {
      case 'open': {
        const { open } = await RUNNERS[command.runner]();
        this.runner = await open(command.options);
        return this.runner.info;
      }
      case 'prepare':
        this.cell = command.cell;
        this.job = await this.runner.prepare(command.cell);
        return null;
      case 'check':
        return this.check(this.job!);
      case 'time':
        return this.time(this.job!, command.runs);
      case 'memory':
        return this.memory(this.job!, command);
      case 'release':
        this.job?.dispose();
        this.job = undefined;
        return null;
    }
  }

  private async check(job: Job): Promise<Replies['check']> {
    const { cell } = this;
    const { ms } = await this.runOnce(job);
    const output = await job.output();
    if (cell.kind !== 'matmul' && cell.kind !== 'conv') return { values: Array.from(output), ms };
    const length = outputLength(cell);
    if (output.length !== length)
      throw new Error(`expected ${length} values, got ${output.length}`);
    return { values: samplePositions(length).map((at) => output[at]!), ms };
  }

  private async time(job: Job, runs: number): Promise<Timing> {
    const ms: number[] = [];
    const js: number[] = [];
    for (let i = 0; i < runs; i++) {
      const run = await this.runOnce(job);
      ms.push(run.ms);
      js.push(run.js);
    }
    return { ms, js: this.runner.enqueues ? js : null };
  }

  private async runOnce(job: Job): Promise<{ ms: number; js: number }> {
    await job.before?.();
    const started = performance.now();
    job.run();
    const done = job.wait(); // submits, and gives back a promise
    const js = performance.now() - started;
    await done;
    return { ms: performance.now() - started, js };
  }

  private async memory(
    job: Job,
    { steps, ms }: Extract<Command, { do: 'memory' }>,
  ): Promise<MemoryPoint[]> {
    const { residentBytes } = this.place;
    if (!residentBytes) throw new Error('resident memory is not known here');
    const points: MemoryPoint[] = [];
    const until = performance.now() + ms;
    for (let step = 1; step <= steps; step++) {
      await this.runOnce(job);
      const over = performance.now() > until;
      if (over || step % Math.ceil(steps / MEMORY_POINTS) === 0 || step === steps) {
        points.push({ step, megabytes: residentBytes() / 2 ** 20 });
      }
      if (over) break;
    }
    return points;
  }
}
