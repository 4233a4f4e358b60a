import type { Tensor } from '../tensor/tensor.js';

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
