import type { GpuArray } from './gpuArray.js';

/** A run of a piece of work on random inputs of its own, to be checked and timed. */
export interface Trial {
  /** The results of one variant, to be released by the caller. */
  run(variant: string): GpuArray[];
  /** Frees the inputs. */
  release(): void;
}

/** A piece of work that several kernels can do, as it was met in a run. */
export interface Met {
  /** The variants that can do it; the first one is the reference for the others. */
  candidates: readonly string[];
  /** The one of the table. */
  preferred: string;
  trial: () => Trial;
}

/** Which kernel of a family does a piece of work on this device, where that is not for the table to say. */
export class KernelChoices {
  /** Variants by family and key: what was measured to be fastest. */
  readonly tuned = new Map<string, string>();
  /** Variants by family, for all work that they can do: for tests and measurements. */
  readonly forced = new Map<string, string>();
  /** While set, each piece of work that is met is noted here, once, by family and key. */
  met: Map<string, Met> | null = null;

  /** Runs `fn`. @returns the pieces of work that it meets. */
  meeting(fn: () => void): Map<string, Met> {
    const met = new Map<string, Met>();
    this.met = met;
    try {
      fn();
    } finally {
      this.met = null;
    }
    return met;
  }
}
