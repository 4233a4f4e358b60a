import type { AdapterClass } from '../../gpu/adapterClass.js';
import type { Device } from '../../gpu/device.js';

/** One line of the table: the variant for problems of some size on some adapters. */
interface Row<P> {
  on: readonly AdapterClass[] | 'any';
  /** Default: all problems. */
  when?: (problem: P) => boolean;
  use: string;
}

/** Sizes of C = A B: m x k times k x n, `batch` times. */
export interface MatmulSize {
  m: number;
  n: number;
  k: number;
  batch: number;
}

/** Sizes of a convolution, by what it computes. */
export interface ConvSize {
  pass: 'forward' | 'input' | 'weight';
  n: number;
  inChannels: number;
  outChannels: number;
  groups: number;
  /** Taps of a window. */
  taps: number;
  /** Pixels of a plane of the output. */
  pixels: number;
  /** Of both axes, multiplied. */
  stride: number;
}

const CPUS: readonly AdapterClass[] = ['software', 'lavapipe'];
/** Their lines are reasoned from what others measured on such GPUs, not measured here. */
const GPUS: readonly AdapterClass[] = ['apple', 'nvidia', 'amd', 'intel', 'qualcomm', 'unknown'];
/** To keep a GPU busy, before it gains from larger tiles. */
const ENOUGH_WORKGROUPS = 128;

/** Products whose result fills that many tiles, at least one in both directions. */
const tiles =
  (size: number, least: number) =>
  ({ m, n, batch }: MatmulSize): boolean =>
    m >= size && n >= size && Math.ceil(m / size) * Math.ceil(n / size) * batch >= least;

/**
 * Products large enough for blocks of that many columns in a thread, which are also those of the quad:
 * few of them idle, compared with blocks of half as many, and enough threads for some cores.
 */
const wide =
  (columns: number, mostIdle: number) =>
  ({ m, n, k, batch }: MatmulSize): boolean => {
    const blocks = Math.ceil(n / columns);
    const halves = Math.ceil((2 * n) / columns);
    const quads = Math.ceil(m / 32) * blocks * batch;
    return m >= 32 && k >= 8 && (2 * blocks) / halves <= mostIdle && quads >= 8;
  };

/** Rows of the product that a convolution or an input gradient is, for each group. */
function rowsOf({ pass, inChannels, outChannels, groups }: ConvSize): number {
  return (pass === 'input' ? inChannels : outChannels) / groups;
}

/** Products of each sum. */
function depthOf({ pass, inChannels, outChannels, groups, taps }: ConvSize): number {
  return ((pass === 'input' ? outChannels : inChannels) / groups) * taps;
}

/** Workgroups that have a tile of it each. */
function tilesOf(size: ConvSize, tile: number): number {
  const { n, groups, pixels } = size;
  return groups * Math.ceil(rowsOf(size) / tile) * Math.ceil((n * pixels) / tile);
}

/**
 * Convolutions for which fewer products are worth the transforms, of which there are as many as there
 * are channels or, with few pixels, filters.
 */
function filtersMinimally({ n, inChannels, outChannels, groups, pixels }: ConvSize): boolean {
  const products = (inChannels * outChannels) / groups;
  return products >= 10 * (inChannels + outChannels) && n * pixels >= 64;
}

/**
 * Which kernel does what: the first line that fits. `tune()` may find better ones; matmul's
 * `subgroupMatrix` is in no line until it has been measured, so only `tune()` chooses it.
 */
export const TABLE: {
  matmul: readonly Row<MatmulSize>[];
  convolve: readonly Row<ConvSize>[];
  convolutionWeightGradient: readonly Row<ConvSize>[];
} = {
  matmul: [
    { on: CPUS, when: ({ m, n, k }) => m >= 32 && n >= 16 && k <= 8, use: 'shallow' },
    { on: ['software'], when: wide(32, 1.1), use: 'subgroups32' },
    { on: ['software'], when: wide(16, 1.3), use: 'subgroups16' },
    // They take half a second to compile there.
    {
      on: ['lavapipe'],
      when: (size) => wide(16, 1.3)(size) && size.m * size.n * size.k * size.batch >= 2 ** 24,
      use: 'subgroups16',
    },
    { on: CPUS, when: ({ m, n, k }) => m >= 32 && n >= 16 && k >= 8, use: 'subgroups' },
    { on: GPUS, when: tiles(64, ENOUGH_WORKGROUPS), use: 'tiled64' },
    { on: GPUS, when: tiles(32, 1), use: 'tiled32' },
    { on: 'any', use: 'registers' },
  ],
  // The lines of CPUs are measured: tiles are the slowest of all there. Those of GPUs are reasoned: they
  // want tiles, unless there are few products to each load or few workgroups.
  convolve: [
    { on: CPUS, when: filtersMinimally, use: 'winograd4' },
    { on: CPUS, use: 'direct' },
    // A product would multiply by the zeros between the strides.
    { on: 'any', when: ({ pass, stride }) => pass === 'input' && stride > 1, use: 'direct' },
    { on: 'any', when: (size) => depthOf(size) < 64 || rowsOf(size) < 16, use: 'direct' },
    { on: 'any', when: (size) => rowsOf(size) > 32 && tilesOf(size, 64) >= 128, use: 'gemm64' },
    { on: 'any', when: (size) => tilesOf(size, 32) >= 64, use: 'gemm32' },
    { on: 'any', use: 'direct' },
  ],
  convolutionWeightGradient: [
    // With few tiles, what is done for each of the points of a filter counts.
    {
      on: CPUS,
      when: (size) => filtersMinimally(size) && size.taps === 9 && size.n * size.pixels <= 256,
      use: 'winograd2',
    },
    { on: CPUS, when: filtersMinimally, use: 'winograd4' },
    { on: CPUS, use: 'direct' },
    { on: 'any', when: ({ outChannels, groups }) => outChannels / groups < 16, use: 'direct' },
    // Its depth is split where there are few tiles.
    { on: 'any', when: ({ outChannels, groups }) => outChannels / groups > 32, use: 'gemm64' },
    { on: 'any', use: 'gemm32' },
  ],
};

/**
 * What the table says.
 *
 * @param able  The variants that can do it here.
 */
export function fromTable<P>(
  rows: readonly Row<P>[],
  problem: P,
  device: Device,
  able: readonly string[],
): string {
  const row = rows.find(
    ({ on, when, use }) =>
      (on === 'any' || on.includes(device.adapterClass)) &&
      able.includes(use) &&
      (when?.(problem) ?? true),
  );
  return row?.use ?? able[0]!;
}
