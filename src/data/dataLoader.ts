import { Batch } from '../autograd/batch.js';
import { ArgumentError } from '../errors.js';
import { currentDevice, type Device } from '../gpu/device.js';
import { GpuArray } from '../gpu/gpuArray.js';
import {
  defaultGenerator,
  Generator as RandomGenerator,
  type GeneratorState,
} from '../random/generator.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Dataset } from './dataset.js';

export interface DataLoaderOptions {
  /** Examples of a batch. Default 1. */
  batchSize?: number;
  /** Whether each pass has an order of its own. Default false. */
  shuffle?: boolean;
  /** Leaves out a last batch that is not full. Default false. */
  dropLast?: boolean;
  /** Batches that `for await` lets the GPU lag behind. Default 2. */
  prefetch?: number;
  /**
   * Seed of the orders and of random transforms; by default they come from the generator that
   * `manualSeed` seeds.
   */
  seed?: number;
}

/** Where a loader is. */
export interface DataLoaderState {
  /** What its random numbers come from, as it is now. */
  generator: GeneratorState;
  /** The pass under way: its generator as it began, and the batches handed out. Null between passes. */
  pass: { generator: GeneratorState; batches: number } | null;
}

/**
 * Batches of a data set, made on the GPU.
 *
 * `for await (const [x, y] of loader)` keeps at most `prefetch` batches of work waiting on the GPU;
 * plain `for ... of` does not wait. Either frees each batch when it hands out the next and at the
 * end; `retain()` keeps a tensor. What was computed from a batch and took part in a training step
 * ends with that step.
 *
 * Source: https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.DataLoader
 */
export class DataLoader implements Iterable<Tensor[]>, AsyncIterable<Tensor[]> {
  readonly batchSize: number;
  readonly shuffle: boolean;
  readonly dropLast: boolean;
  readonly prefetch: number;
  private readonly generator: RandomGenerator;
  private underWay: DataLoaderState['pass'] = null;
  /** What the next pass goes on with. */
  private resumed: DataLoaderState['pass'] = null;

  constructor(
    readonly dataset: Dataset,
    {
      batchSize = 1,
      shuffle = false,
      dropLast = false,
      prefetch = 2,
      seed,
    }: DataLoaderOptions = {},
  ) {
    for (const [name, value] of Object.entries({ batchSize, prefetch })) {
      if (!Number.isInteger(value) || value < 1) {
        throw new ArgumentError('DataLoader', `${name} of 1 or more`, value);
      }
    }
    this.batchSize = batchSize;
    this.shuffle = shuffle;
    this.dropLast = dropLast;
    this.prefetch = prefetch;
    this.generator = seed === undefined ? defaultGenerator : new RandomGenerator(seed);
  }

  /** Batches of one pass. */
  get length(): number {
    const batches = this.dataset.length / this.batchSize;
    return this.dropLast ? Math.floor(batches) : Math.ceil(batches);
  }

  /** A batch of the first examples, in their own order: to learn shapes from. */
  sample(): Tensor[] {
    const { base, indices } = this.dataset.locate();
    const first = indices.slice(0, this.batchSize);
    const order = GpuArray.from(first, [first.length], currentDevice());
    // From a stream of its own: what is only looked at must not change what comes.
    try {
      return base.gather(order, 0, first.length, new RandomGenerator());
    } finally {
      order.release();
    }
  }

  /**
   * What it takes to go on later, bit for bit, from the batch that was handed out last.
   * Source: https://meta-pytorch.org/data/main/torchdata.stateful_dataloader.html
   */
  stateDict(): DataLoaderState {
    return { generator: this.generator.state, pass: this.underWay && { ...this.underWay } };
  }

  /**
   * Makes the next pass the rest of the one that `stateDict()` was taken in, if it was in one.
   * @throws ArgumentError for the state of a loader with more batches.
   */
  loadStateDict({ generator, pass }: DataLoaderState): void {
    if (pass && pass.batches > this.length) {
      const expected = `a state within ${this.length} batches`;
      throw new ArgumentError('DataLoader.loadStateDict', expected, pass.batches);
    }
    this.generator.state = generator;
    this.resumed = pass;
  }

  *[Symbol.iterator](): Generator<Tensor[], void, undefined> {
    const device = currentDevice();
    const { base, indices } = this.dataset.locate();
    const pass = this.resumed ?? { generator: this.generator.state, batches: 0 };
    const order = GpuArray.from(this.orderOf(indices), [indices.length], device);
    this.resumed = null;
    let batch: Batch | null = null;
    try {
      for (let i = pass.batches; i < this.length; i++) {
        batch?.free();
        const start = i * this.batchSize;
        const count = Math.min(this.batchSize, indices.length - start);
        const tensors = base.gather(order, start, count, this.generator);
        batch = new Batch(tensors);
        this.underWay = { ...pass, batches: i + 1 };
        yield tensors;
      }
    } finally {
      batch?.free();
      order.release();
      this.underWay = null;
    }
  }

  /** The examples in the order of the next pass. */
  private orderOf(indices: Uint32Array): Uint32Array {
    if (!this.shuffle) return indices;
    if (!this.resumed) return permuted(indices, this.generator);
    const began = new RandomGenerator();
    began.state = this.resumed.generator;
    return permuted(indices, began);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Tensor[]> {
    const device = currentDevice();
    const waiting: Promise<void>[] = [];
    for (const batch of this) {
      yield batch;
      waiting.push(submitted(device));
      if (waiting.length > this.prefetch) await waiting.shift();
    }
  }
}

/** Settles when the GPU has done what was enqueued so far. */
function submitted(device: Device): Promise<void> {
  device.queue.flush();
  return device.submittedWorkDone();
}

function permuted(indices: Uint32Array, generator: RandomGenerator): Uint32Array {
  return generator.permutation(indices.length).map((i) => indices[i]!);
}
