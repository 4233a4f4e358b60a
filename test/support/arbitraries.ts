/**
 * What property tests draw: shapes, numbers and options that shrink to short ones, and the form of a
 * test over them. SHADEGRAD_PROPERTY_SEED and SHADEGRAD_PROPERTY_RUNS, a factor, look further.
 */
import fc from 'fast-check';
import * as sg from 'shadegrad';
import { test } from 'vitest';
import { currentDevice } from '../../src/gpu/device.js';
import { numelOf } from '../../src/gpu/dtype.js';
import type { OpInput, Reference } from './checkOp.js';
import { unlessAll } from './extent.js';
import { shuffledRange, uniform } from './random.js';
import { ADAPTERS } from './tuning.js';

const environment = typeof process === 'undefined' ? {} : process.env;
const SEED = Number(environment['SHADEGRAD_PROPERTY_SEED'] ?? 20);
const FACTOR = Number(environment['SHADEGRAD_PROPERTY_RUNS'] ?? 1);

/**
 * A test that `check` passes for `runs` values, with kernels tuned for either kind of adapter; what
 * a run that fails leaves is freed. `npm test` draws the first `few` of them.
 */
export function property<T>(
  name: string,
  arbitrary: fc.Arbitrary<T>,
  check: (value: T) => void | Promise<void>,
  runs = 20,
  few = Math.ceil(runs / 2),
): void {
  const run = async (adapter: (typeof ADAPTERS)[number], value: T): Promise<void> => {
    const { info } = currentDevice();
    const actual = info.software;
    info.software = adapter === 'software';
    try {
      await sg.tidy(async () => check(value));
    } finally {
      info.software = actual;
    }
  };
  test(name, () =>
    fc.assert(fc.asyncProperty(fc.constantFrom(...ADAPTERS), arbitrary, run), {
      seed: SEED,
      numRuns: FACTOR * unlessAll(few, runs),
    }),
  );
}

export interface ShapeConstraints {
  minRank?: number;
  /** Default 5. */
  maxRank?: number;
  /** Default 1, 2, 3, 5, 7, 0: a shape shrinks to the first. */
  sizes?: readonly number[];
  /** Default 700. */
  maxNumel?: number;
}

export const SIZES: readonly number[] = [1, 2, 3, 5, 7, 0];
/** Those above, without 0. */
export const SOME: readonly number[] = SIZES.slice(0, -1);

export function shapes({
  minRank = 0,
  maxRank = 5,
  sizes = SIZES,
  maxNumel = 700,
}: ShapeConstraints = {}): fc.Arbitrary<number[]> {
  return fc
    .array(fc.constantFrom(...sizes), { minLength: minRank, maxLength: maxRank, size: 'max' })
    .filter((shape) => numelOf(shape) <= maxNumel);
}

/** A shape of which one dimension is long enough for several threads or blocks. */
export const longShapes: fc.Arbitrary<number[]> = fc
  .record({
    shape: shapes({ maxRank: 2, sizes: SOME, maxNumel: 15 }),
    at: fc.nat(2),
    long: fc.integer({ min: 8, max: 1100 }),
  })
  .map(({ shape, at, long }) => [...shape.slice(0, at), long, ...shape.slice(at)]);

/** `count` shapes that broadcast with each other. */
export function broadcastShapes(count: number): fc.Arbitrary<number[][]> {
  return shapes({ maxNumel: 400 }).chain((shape) =>
    fc.tuple(
      ...Array.from({ length: count }, () =>
        fc
          .record({
            dropped: fc.nat(shape.length),
            ones: fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }),
          })
          .map(({ dropped, ones }) =>
            shape.map((size, d) => (ones[d] ? 1 : size)).slice(fewer(dropped)),
          ),
      ),
    ),
  );
}

// Mostly all dimensions.
const fewer = (dropped: number): number => Math.floor(dropped / 2);

const KINDS = {
  /** From -2 to 2. */
  plain: (count: number, seed: number) => uniform(count, seed, -2, 2),
  /** -2, -1, -0, 0, 1 and 2. */
  ties: (count: number, seed: number) =>
    uniform(count, seed, -3, 3).map((x) => (x < 0 ? Math.ceil(x) : Math.floor(x))),
  /** An eighth of them a thousand times as large as the rest. */
  outliers: (count: number, seed: number) =>
    uniform(count, seed, -10, 10).map((x, i) => ((i + seed) % 8 === 3 ? 1e3 * x : x)),
  small: (count: number, seed: number) => uniform(count, seed, -1e-6, 1e-6),
  /** Close to each other, far from 0. */
  shifted: (count: number, seed: number) => uniform(count, seed, 999, 1001),
  /** Above 0. */
  positive: (count: number, seed: number) => uniform(count, seed, 0.25, 3),
  /** Of which a product stays small. */
  nearOne: (count: number, seed: number) => uniform(count, seed, 0.9, 1.1),
  /** A step of a gradient check makes no tie, nor crosses 0. */
  distinct: (count: number, seed: number) =>
    shuffledRange(count, seed).map((x) => (x + 0.5 - Math.floor(count / 2)) / 8),
  /** Infinities, NaN and zeros among them. */
  special: (count: number, seed: number) =>
    uniform(count, seed, 0, SPECIAL.length).map((x) => SPECIAL[Math.floor(x)]!),
} as const satisfies Record<string, (count: number, seed: number) => Float32Array>;

const SPECIAL = [
  ...[0, -0, 1, -1, 2, -3, 0.5, -0.5, 2.5, -7.25, 1e4, -1e4, 1e-6, -1e-6],
  ...[Infinity, -Infinity, NaN],
];

export type Kind = keyof typeof KINDS;

/** Which numbers a tensor has: short in a counterexample, where the numbers themselves are not. */
export interface Numbers {
  kind: Kind;
  seed: number;
}

/** The first kind is what they shrink to. */
export function numbers(...kinds: Kind[]): fc.Arbitrary<Numbers> {
  return fc.record({ kind: fc.constantFrom(...kinds), seed: fc.nat(999) });
}

export function fill(shape: readonly number[], { kind, seed }: Numbers): Float32Array {
  return KINDS[kind](numelOf(shape), seed);
}

/** An input of checkOp; `part` tells several of a case apart. */
export function input(shape: readonly number[], { kind, seed }: Numbers, part = 0): OpInput {
  return { shape, data: fill(shape, { kind, seed: seed + 1000 * part }) };
}

export function tensorOf(
  shape: readonly number[],
  drawn: Numbers,
  options: { dtype?: 'f32' | 'i32'; requiresGrad?: boolean } = {},
): sg.Tensor {
  return sg.tensor(fill(shape, drawn), { shape, ...options });
}

export function referenceOf(shape: readonly number[], drawn: Numbers): Reference {
  return { shape, data: Float64Array.from(fill(shape, drawn)) };
}

/** Some dimensions of `shape`, each from its front or its back. */
export function dimsWithin(rank: number, minLength = 0): fc.Arbitrary<number[]> {
  if (rank === 0) return fc.constant([]);
  return fc
    .subarray(
      Array.from({ length: rank }, (_, d) => d),
      { minLength },
    )
    .chain((dims) => fc.tuple(...dims.map((d) => fc.constantFrom(d, d - rank))));
}

/** One dimension of a shape of `rank` dimensions. */
export function dimWithin(rank: number): fc.Arbitrary<number> {
  return fc.nat(rank - 1).chain((d) => fc.constantFrom(d, d - rank));
}

export const resolve = (dim: number, rank: number): number => (dim < 0 ? dim + rank : dim);

/** All the orders of `rank` dimensions. */
export function permutations(rank: number): fc.Arbitrary<number[]> {
  const dims = Array.from({ length: rank }, (_, d) => d);
  return fc.shuffledSubarray(dims, { minLength: rank, maxLength: rank });
}
