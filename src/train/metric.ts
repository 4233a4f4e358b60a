import { fill } from '../autograd/kernels/fill.js';
import { ArgumentError } from '../errors.js';
import { currentDevice } from '../gpu/device.js';
import { GpuArray } from '../gpu/gpuArray.js';
import type { Tensor } from '../tensor/tensor.js';
import { checkPredictions, countConfusions, countTopK } from './outcomes.js';
import { classificationReport, type Average, type ClassificationReport } from './report.js';

/**
 * A figure of the predictions of many batches, counted on the GPU, so that no batch waits for a
 * readback. Give them to a `Trainer` or to `evaluate`, or write your own.
 */
export interface Metric {
  /** Under which it is found in `EpochRecord.metrics`; there with 'val' before it for validation data. */
  readonly name: string;
  /** Begins to count, for one pass over data. */
  start(): MetricCounter;
}

/** The counting of one pass. */
export interface MetricCounter {
  /**
   * Enqueues the counting of one batch, and reads nothing back: a captured step runs it on the host
   * no more than twice.
   *
   * @param logits  (N, C).
   * @param target  (N) class indices, or (N, C) probabilities.
   */
  add(logits: Tensor, target: Tensor): void;
  /** The figure over what was added. */
  read(): Promise<number>;
  /**
   * What was counted so far, as plain data, for a checkpoint within an epoch. A counter without it
   * counts from there on anew.
   */
  stateDict?(): Promise<unknown>;
  /** Goes on from what `stateDict` gave. */
  loadStateDict?(state: unknown): void;
  /** Frees what it counts with. */
  dispose(): void;
}

/** Counters of metrics, by name. */
export class Counters {
  private readonly counters: readonly (readonly [string, MetricCounter])[];

  constructor(metrics: readonly Metric[]) {
    this.counters = metrics.map((metric) => [metric.name, metric.start()] as const);
  }

  add(logits: Tensor, target: Tensor): void {
    for (const [, counter] of this.counters) counter.add(logits, target);
  }

  /** The figures by name; undefined where there are no metrics. */
  async read(): Promise<Record<string, number> | undefined> {
    if (this.counters.length === 0) return undefined;
    const read = async ([name, counter]: readonly [string, MetricCounter]) =>
      [name, await counter.read()] as const;
    return Object.fromEntries(await Promise.all(this.counters.map(read)));
  }

  /** What was counted so far, by name. */
  async stateDict(): Promise<Record<string, unknown>> {
    const entries = this.counters.map(
      async ([name, counter]) => [name, await counter.stateDict?.()] as const,
    );
    return Object.fromEntries(await Promise.all(entries));
  }

  loadStateDict(state: Readonly<Record<string, unknown>>): void {
    for (const [name, counter] of this.counters) {
      if (state[name] !== undefined) counter.loadStateDict?.(state[name]);
    }
  }

  dispose(): void {
    for (const [, counter] of this.counters) counter.dispose();
  }
}

/** Counts as plain data; none before the first batch. */
interface SavedCounts {
  shape: readonly number[];
  values: readonly number[];
}

/** Integers on the GPU that are made, all 0, when they are first used. */
class Counts {
  private array: GpuArray | null = null;

  of(shape: readonly number[]): GpuArray {
    return (this.array ??= fill(GpuArray.empty(shape, 'u32', currentDevice()), 0));
  }

  /** Empty before they are used. */
  async read(): Promise<Uint32Array> {
    return this.array ? ((await this.array.read()) as Uint32Array) : new Uint32Array();
  }

  async stateDict(): Promise<SavedCounts | undefined> {
    return this.array ? { shape: this.array.shape, values: [...(await this.read())] } : undefined;
  }

  loadStateDict(state: unknown): void {
    const { shape, values } = state as SavedCounts;
    this.of(shape).write(Uint32Array.from(values));
  }

  dispose(): void {
    this.array?.release();
    this.array = null;
  }
}

/**
 * Share of the examples whose class is among the `k` with the largest logits, from 0 to 1. Of equal
 * logits that of the lower class comes first, and NaN before all others.
 * Source: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.top_k_accuracy_score.html
 *
 * @example
 * const trainer = new Trainer(model, { optimizer, metrics: [new TopKAccuracy(5)] });
 * const { epochs } = await trainer.fit(loader, { validation }); // epochs[0].metrics.valTop5Accuracy
 */
export class TopKAccuracy implements Metric {
  readonly name: string;

  /**
   * @param k     Default 5.
   * @param name  Default 'top5Accuracy', with k in it.
   */
  constructor(
    readonly k = 5,
    name?: string,
  ) {
    if (!Number.isInteger(k) || k < 1) throw new ArgumentError('TopKAccuracy', 'k of 1 or more', k);
    this.name = name ?? `top${k}Accuracy`;
  }

  /** Its `read` gives NaN for no example. */
  start(): MetricCounter {
    const counts = new Counts();
    return {
      add: (logits, target) => {
        checkPredictions('TopKAccuracy', logits, target);
        countTopK(counts.of([2]), logits, target, this.k);
      },
      read: async () => {
        const [examples = 0, right = 0] = await counts.read();
        return right / examples;
      },
      stateDict: () => counts.stateDict(),
      loadStateDict: (state) => counts.loadStateDict(state),
      dispose: () => counts.dispose(),
    };
  }
}

/** How often each class was taken for each other one, counted batch by batch. */
export class Confusions {
  private readonly counts = new Counts();
  private classes = 0;

  /** Arguments as for a metric; targets that are none of the classes are left out. */
  add(logits: Tensor, target: Tensor): void {
    checkPredictions('confusion matrix', logits, target);
    const classes = logits.shape[1]!;
    if (this.classes !== 0 && this.classes !== classes) {
      throw new ArgumentError('confusion matrix', `logits of ${this.classes} classes`, classes);
    }
    this.classes = classes;
    countConfusions(this.counts.of([classes, classes]), logits, target);
  }

  /** Precision, recall and F1 so far. */
  async report(options: { zeroDivision?: number }): Promise<ClassificationReport> {
    return classificationReport(await this.counts.read(), this.classes, options);
  }

  stateDict(): Promise<unknown> {
    return this.counts.stateDict();
  }

  loadStateDict(state: unknown): void {
    this.counts.loadStateDict(state);
    this.classes = (state as SavedCounts).shape[0]!;
  }

  dispose(): void {
    this.counts.dispose();
  }
}

export interface ClassMetricOptions {
  /**
   * What the figures of the classes are made one by: 'macro' (default) their mean, 'weighted' their
   * mean by how often each is expected, 'micro' the figure of all examples taken together.
   */
  average?: Average;
  /** What stands for 0 / 0, as in scikit-learn. NaN leaves the class out of the mean. Default 0. */
  zeroDivision?: number;
  /** Default 'precision', 'recall' or 'f1'. */
  name?: string;
}

/** One of the figures of `classificationReport`, of all classes together. */
abstract class ClassMetric implements Metric {
  readonly name: string;
  private readonly average: Average;
  private readonly zeroDivision: number;

  constructor(
    private readonly figure: 'precision' | 'recall' | 'f1',
    { average = 'macro', zeroDivision = 0, name = figure }: ClassMetricOptions,
  ) {
    this.name = name;
    this.average = average;
    this.zeroDivision = zeroDivision;
  }

  start(): MetricCounter {
    const confusions = new Confusions();
    const { zeroDivision } = this;
    return {
      add: (logits, target) => confusions.add(logits, target),
      read: async () => (await confusions.report({ zeroDivision }))[this.average][this.figure],
      stateDict: () => confusions.stateDict(),
      loadStateDict: (state) => confusions.loadStateDict(state),
      dispose: () => confusions.dispose(),
    };
  }
}

/**
 * Of the examples taken for a class, the share that is of it.
 * Source: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.precision_score.html
 */
export class Precision extends ClassMetric {
  constructor(options: ClassMetricOptions = {}) {
    super('precision', options);
  }
}

/**
 * Of the examples of a class, the share that was taken for it.
 * Source: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.recall_score.html
 */
export class Recall extends ClassMetric {
  constructor(options: ClassMetricOptions = {}) {
    super('recall', options);
  }
}

/**
 * The harmonic mean of precision and recall.
 * Source: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.f1_score.html
 */
export class F1Score extends ClassMetric {
  constructor(options: ClassMetricOptions = {}) {
    super('f1', options);
  }
}
