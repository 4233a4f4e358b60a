import { ArgumentError } from '../errors.js';
import type { GpuArray } from '../gpu/gpuArray.js';
import { defaultGenerator, type Generator } from '../random/generator.js';
import type { Tensor } from '../tensor/tensor.js';

/** A numbered collection of examples that live on the GPU, each a tuple such as [image, label]. */
export abstract class Dataset {
  /** Number of examples. */
  abstract readonly length: number;

  /**
   * A batch: one tensor for each part of an example, its first dimension `count`.
   *
   * @param order      (n) of u32: the numbers of examples; those from `start` on are taken.
   * @param generator  What random transforms draw from. Default the one that `manualSeed` seeds.
   */
  abstract gather(order: GpuArray, start: number, count: number, generator?: Generator): Tensor[];

  /** The data set that holds the examples, and the number that each example has there. */
  locate(): { base: Dataset; indices: Uint32Array } {
    return { base: this, indices: Uint32Array.from({ length: this.length }, (_, i) => i) };
  }

  /** Frees the GPU memory that it holds. */
  abstract dispose(): void;
}

/** Some examples of another data set, which keeps owning the memory. */
export class Subset extends Dataset {
  readonly length: number;

  /** @throws ArgumentError for a number that the data set does not have. */
  constructor(
    readonly dataset: Dataset,
    readonly indices: readonly number[] | Uint32Array,
  ) {
    super();
    this.length = indices.length;
    for (const index of indices) {
      if (!Number.isInteger(index) || index < 0 || index >= dataset.length) {
        throw new ArgumentError('Subset', `indices from 0 to ${dataset.length - 1}`, index);
      }
    }
  }

  gather(order: GpuArray, start: number, count: number, generator?: Generator): Tensor[] {
    return this.dataset.gather(order, start, count, generator);
  }

  override locate(): { base: Dataset; indices: Uint32Array } {
    const { base, indices } = this.dataset.locate();
    return { base, indices: Uint32Array.from(this.indices, (index) => indices[index]!) };
  }

  /** Does nothing: dispose the data set itself. */
  dispose(): void {}
}

/**
 * Splits a data set at random into parts without overlap.
 *
 * @param lengths    Examples of each part, or fractions that add up to 1; of a fraction's remainder
 *                   the first parts get one example more each.
 * @param generator  Default the one that `manualSeed` seeds.
 * @throws ArgumentError if the lengths do not add up.
 */
export function randomSplit(
  dataset: Dataset,
  lengths: readonly number[],
  generator: Generator = defaultGenerator,
): Subset[] {
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const isShare = (length: number): boolean => length >= 0 && length <= 1;
  const fractions =
    Math.abs(total - 1) < 1e-6 && lengths.every(isShare) && !lengths.every(Number.isInteger);
  const counts = lengths.map((length) =>
    fractions ? Math.floor(length * dataset.length) : length,
  );
  if (fractions) {
    let left = dataset.length - counts.reduce((sum, count) => sum + count, 0);
    for (let i = 0; left > 0; i = (i + 1) % counts.length, left--) counts[i]!++;
  } else if (
    total !== dataset.length ||
    lengths.some((length) => !Number.isInteger(length) || length < 0)
  ) {
    throw new ArgumentError(
      'randomSplit',
      `lengths that add up to ${dataset.length}, or fractions that add up to 1`,
      `[${lengths.join(', ')}]`,
    );
  }
  const order = generator.permutation(dataset.length);
  let start = 0;
  return counts.map((count) => new Subset(dataset, order.slice(start, (start += count))));
}
