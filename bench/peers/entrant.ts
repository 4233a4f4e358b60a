/** One peer in one cell: compared, then timed by turns, within its limit. */
import type { Cell } from './cells.js';
import { relativeError, TOLERANCE } from './check.js';
import type { Contestant } from './contestant.js';
import { LimitError } from './hosts.js';
import type { Measured } from './results.js';
import { median, runsPerRound } from './stats.js';

export interface Limits {
  /** Milliseconds for a peer in the cell of a kernel. */
  ms: number;
  /** Lets the cell of memory run to its end. */
  longMemory: boolean;
}

/** What a kernel's limit is multiplied by: a step of a peer may take most of a minute. */
const NETWORK_FACTOR = 4;

/** One peer in one cell. */
export class Entrant {
  readonly measured: Measured = { status: 'measured', rounds: [] };
  private readonly limitMs: number;
  /** Milliseconds that it has used up, and those of its last run. */
  private spent = 0;
  private lastMs = 0;
  private js: number[] = [];

  constructor(
    readonly contestant: Contestant,
    private readonly cell: Cell,
    private readonly limits: Limits,
  ) {
    const { device } = contestant.peer;
    const isKernel = cell.kind === 'matmul' || cell.kind === 'conv';
    this.limitMs = device === 'CPU' || isKernel ? limits.ms : NETWORK_FACTOR * limits.ms;
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
    const budget = this.limits.longMemory ? Infinity : this.limitMs;
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
