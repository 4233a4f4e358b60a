import { ArgumentError } from '../errors.js';
import type { GpuArray } from '../gpu/gpuArray.js';
import type { Generator } from '../random/generator.js';
import type { Tensor } from '../tensor/tensor.js';

/** A numbered collection of examples that live on the GPU, each a tuple such as [image, label]. */
export abstract class Dataset {
  /** Number of examples. */
  abstract readonly length: number;

  /** Names of the classes, by label; none where the examples have no classes. */
  readonly classNames: readonly string[] = [];

  /** The class of each example, where that is known on the host. */
  readonly labels?: ArrayLike<number> | undefined;

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
  override readonly classNames: readonly string[];
  override readonly labels: ArrayLike<number> | undefined;

  /** @throws ArgumentError for a number that the data set does not have. */
  constructor(
    readonly dataset: Dataset,
    readonly indices: readonly number[] | Uint32Array,
  ) {
    super();
    const { classNames, labels } = dataset;
    this.length = indices.length;
    this.classNames = classNames;
    this.labels = labels && Uint32Array.from(indices, (index) => labels[index]!);
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
