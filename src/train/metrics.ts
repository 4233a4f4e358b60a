import { ArgumentError } from '../errors.js';
import { Confusions, Counts } from './counts.js';
import type { Metric, MetricCounter } from './metric.js';
import { checkPredictions, countTopK } from './outcomes.js';
import type { Average } from './report.js';

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
