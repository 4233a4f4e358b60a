/** What each peer's runner offers to the worker. */
import type { Cell } from '../cells.js';

export interface RunnerInfo {
  /** Name and version of the library. */
  library: string;
  /** What does the work: the adapter's name, or the CPU. */
  device: string;
}

/** One cell, ready to run again and again. */
export interface Job {
  /** What has to be done before each run and is not timed. */
  before?: () => Promise<void>;
  /** Does the work, or only enqueues it. */
  run: () => void;
  /** Settles when the work of the last run is done. */
  wait: () => Promise<void>;
  /** What the last run made, in the order NCHW or KCRS; of a training step, its loss. */
  output: () => Promise<ArrayLike<number>>;
  dispose: () => void;
}

export interface Runner {
  info: RunnerInfo;
  /** Whether `run` only enqueues, so that the time that JavaScript takes can be told from the rest. */
  enqueues: boolean;
  prepare: (cell: Cell) => Promise<Job>;
}

export interface OpenOptions {
  /** The backend, of a library that has several. */
  backend?: string;
  /** The library's version, for one that does not say. */
  version?: string;
  /** Where the files of TensorFlow.js' WASM backend are. */
  wasmPath?: string;
  /** shadegrad: whether steps are captured. */
  captured?: boolean;
}

export type Open = (options: OpenOptions) => Promise<Runner>;
