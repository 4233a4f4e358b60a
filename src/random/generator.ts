import { ArgumentError } from '../errors.js';
import { philox } from './philox.js';

export interface GeneratorState {
  /** Two 32-bit words: low, high. */
  seed: [number, number];
  offset: number;
}

/** What a kernel needs to draw: the words of the seed, and a position in the stream. */
export interface Draw {
  seed0: number;
  seed1: number;
  offset: number;
}

/**
 * A stream of random numbers by seed and position. Whoever draws from it takes a new position,
 * so the same seed and the same order of calls give the same numbers, on any adapter.
 */
export class Generator {
  private seed: [number, number] = [0, 0];
  private offset = 0;

  constructor(seed = 0) {
    this.manualSeed(seed);
  }

  /** Starts the stream anew. @param seed  An integer from 0 to 2^53 - 1. */
  manualSeed(seed: number): this {
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new ArgumentError('manualSeed', 'an integer from 0 to 2^53 - 1', seed);
    }
    this.seed = [seed >>> 0, Math.floor(seed / 2 ** 32)];
    this.offset = 0;
    return this;
  }

  /** The seed's words and a position that nobody else gets. */
  next(): Draw {
    return { seed0: this.seed[0], seed1: this.seed[1], offset: this.offset++ };
  }

  /** A permutation of 0 to n - 1, drawn on the host (Fisher-Yates). */
  permutation(n: number): Uint32Array {
    const { seed0, seed1, offset } = this.next();
    const order = Uint32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const [word] = philox([i, 0, offset, PERMUTATION], [seed0, seed1]);
      const j = Math.floor((word / 2 ** 32) * (i + 1));
      const swapped = order[i]!;
      order[i] = order[j]!;
      order[j] = swapped;
    }
    return order;
  }

  get state(): GeneratorState {
    return { seed: [...this.seed], offset: this.offset };
  }

  set state({ seed, offset }: GeneratorState) {
    this.seed = [...seed];
    this.offset = offset;
  }
}

/** The last counter word keeps the host's draws apart from the kernels', which leave it 0. */
const PERMUTATION = 1;

/** The generator that everything draws from unless it is given another. */
export const defaultGenerator = new Generator();

/** Seeds the default generator. @param seed  An integer from 0 to 2^53 - 1. */
export function manualSeed(seed: number): Generator {
  return defaultGenerator.manualSeed(seed);
}
