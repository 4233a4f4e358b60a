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

/** Which kernel does what: the first line that fits. `tune()` may find better ones. */
export const TABLE: {
  matmul: readonly Row<MatmulSize>[];
  convolve: readonly Row<ConvSize>[];
  convolutionWeightGradient: readonly Row<ConvSize>[];
} = {
  matmul: [{ on: 'any', use: 'registers' }],
  convolve: [{ on: 'any', use: 'direct' }],
  convolutionWeightGradient: [{ on: 'any', use: 'direct' }],
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
