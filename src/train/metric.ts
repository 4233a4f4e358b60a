import { fill } from '../autograd/kernels/fill.js';
import { ArgumentError } from '../errors.js';
import { currentDevice } from '../gpu/device.js';
import { GpuArray } from '../gpu/gpuArray.js';
import type { Tensor } from '../tensor/tensor.js';
import { checkPredictions, countConfusions, countTopK } from './outcomes.js';
import { classificationReport, type Average } from './report.js';

/**
 * A figure of the predictions of many batches, counted on the GPU, so that no batch waits for a
 * readback. Give them to a `Trainer` or to `evaluate`, or write your own.
 */
export interface Metric {
  /** Under which it is found in `EpochRecord.metrics`; there with 'val' before it for validation data. */
  readonly name: string;
  /**
   * Enqueues the counting of one batch, and reads nothing back: a captured step runs it once.
   *
   * @param logits  (N, C).
   * @param target  (N) class indices, or (N, C) probabilities.
   */
  add(logits: Tensor, target: Tensor): void;
  /** The figure over what was added since the last `reset()`. */
  read(): Promise<number>;
  /** Forgets what was added. */
  reset(): void;
  /** Frees what it counts with; `add` starts anew. */
  dispose(): void;
}

/** Counters on the GPU that are made, all 0, when they are first used. */
abstract class Counting {
  private counts: GpuArray | null = null;

  reset(): void {
    if (this.counts) fill(this.counts, 0);
  }

  dispose(): void {
    this.counts?.release();
    this.counts = null;
  }

  protected countersOf(shape: readonly number[]): GpuArray {
    const { counts } = this;
    if (counts && counts.numel !== shape.reduce((a, b) => a * b, 1)) {
      const fix = 'Call dispose() before it counts for another model.';
      throw new ArgumentError(
        this.constructor.name,
        `counts ${counts.shape.join(' x ')}`,
        shape,
        fix,
      );
    }
    return (this.counts ??= fill(GpuArray.empty(shape, 'u32', currentDevice()), 0));
  }

  protected async values(): Promise<Uint32Array> {
    return this.counts ? ((await this.counts.read()) as Uint32Array) : new Uint32Array();
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
export class TopKAccuracy extends Counting implements Metric {
  readonly name: string;

  /**
   * @param k     Default 5.
   * @param name  Default 'top5Accuracy', with k in it.
   */
  constructor(
    readonly k = 5,
    name?: string,
  ) {
    super();
    if (!Number.isInteger(k) || k < 1) throw new ArgumentError('TopKAccuracy', 'k of 1 or more', k);
    this.name = name ?? `top${k}Accuracy`;
  }

  add(logits: Tensor, target: Tensor): void {
    checkPredictions('TopKAccuracy.add', logits, target);
    countTopK(this.countersOf([2]), logits, target, this.k);
  }

  /** NaN for no example. */
  async read(): Promise<number> {
    const [examples = 0, right = 0] = await this.values();
    return right / examples;
  }
}

/** How often each class was taken for each other one, counted batch by batch. */
export class Confusions extends Counting {
  private classes = 0;

  /** Arguments as for `Metric.add`; targets that are none of the classes are left out. */
  add(logits: Tensor, target: Tensor): void {
    checkPredictions('Confusions.add', logits, target);
    const classes = logits.shape[1]!;
    countConfusions(this.countersOf([classes, classes]), logits, target);
    this.classes = classes;
  }

  /** (C, C), row-major: row = expected class, column = predicted class. Empty before the first `add`. */
  async read(): Promise<{ matrix: Uint32Array; numClasses: number }> {
    return { matrix: await this.values(), numClasses: this.classes };
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
  private readonly confusions = new Confusions();
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

  add(logits: Tensor, target: Tensor): void {
    this.confusions.add(logits, target);
  }

  async read(): Promise<number> {
    const { matrix, numClasses } = await this.confusions.read();
    const report = classificationReport(matrix, numClasses, { zeroDivision: this.zeroDivision });
    return report[this.average][this.figure];
  }

  reset(): void {
    this.confusions.reset();
  }

  dispose(): void {
    this.confusions.dispose();
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
