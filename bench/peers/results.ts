/** What a run of the bench has found, as it stands in its file. */
import type { Cell } from './cells.js';
import type { RunnerInfo } from './runners/runner.js';
import type { MemoryPoint } from './worker.js';

export interface Measured {
  /**
   * `measured`; `once`: its only run is the first one, shaders compiled in it; `late`: not one run
   * within the limit; `wrong`: another result, not timed; `failed`: it threw or its process ended;
   * `lacks`: it has no such thing.
   */
  status: 'measured' | 'once' | 'late' | 'wrong' | 'failed' | 'lacks';
  /** The median of each round in milliseconds, null for one that no time was left for. */
  rounds: (number | null)[];
  /** What it had for this cell. */
  limitSeconds?: number;
  /** Milliseconds until JavaScript had enqueued a run and submitted it, the median. */
  js?: number;
  /** Norm of the difference to the reference over the norm of the reference. */
  error?: number;
  memory?: MemoryPoint[];
  note?: string;
}

export interface CellResult {
  name: string;
  kind: Cell['kind'];
  /** Of a convolution: the network it is from. */
  group?: string;
  flops?: number;
  images?: number;
  results: Record<string, Measured>;
}

export interface BenchResults {
  date: string;
  commit: string;
  runtime: string;
  cpu: string;
  adapter: string;
  rounds: number;
  tolerance: number;
  /** How long the whole run took. */
  seconds: number;
  peers: Record<string, RunnerInfo>;
  cells: CellResult[];
}

/** The rounds that were timed. */
export const timesOf = ({ rounds }: Measured): number[] => rounds.filter((ms) => ms !== null);
