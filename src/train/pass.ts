import type { DataLoader } from '../data/dataLoader.js';
import { Optimizer } from '../optim/optimizer.js';
import type { Tensor } from '../tensor/tensor.js';
import type { EpochRecord, StepRecord } from './history.js';
import { Counters, type Metric } from './metric.js';
import type { Stepper } from './stepper.js';
import { means, Tally, type Totals } from './tally.js';
import { Updates, type UpdateRule } from './updates.js';

/** How often the running loss is read back and noted. */
const RECORDS_PER_EPOCH = 50;

/** What every epoch of a training is made with. */
export interface PassParts {
  rule: UpdateRule;
  metrics: readonly Metric[];
  loader: DataLoader;
  /** Whether full batches are captured. */
  captures: boolean;
}

/** An epoch under way, as plain data. */
export interface PassState {
  batch: number;
  seconds: number;
  totals: Totals;
  /** The totals when the running loss was noted last. */
  noted: Totals;
  metrics: Readonly<Record<string, unknown>>;
}

/** One epoch of training: its updates, and what is counted and measured meanwhile. */
export class Pass {
  /** Batches so far. */
  batch = 0;
  private readonly tally = new Tally();
  private readonly counters: Counters;
  private readonly updates: Updates;
  private started = performance.now();
  private lastNoted: Totals = { lossSum: 0, examples: 0, right: 0 };
  private noting: Promise<void> = Promise.resolve();

  /**
   * @param epoch  From 1.
   * @param tell   Is given what was measured, once it has come back from the GPU.
   */
  constructor(
    private readonly parts: PassParts,
    private readonly epoch: number,
    private readonly tell: (record: StepRecord) => Promise<void>,
  ) {
    const { rule, metrics, loader, captures } = parts;
    this.counters = new Counters(metrics);
    this.updates = new Updates(rule, loader, this.tally, this.counters, captures);
  }

  /** Updates of the parameters so far. */
  get updateCount(): number {
    return this.updates.count;
  }

  /** Whether an update waits for more batches. */
  get isMidUpdate(): boolean {
    return this.batch < this.parts.loader.length && this.batch % this.parts.rule.accumulate !== 0;
  }

  /** Whether telling what was measured has failed, which `settle` then throws. */
  failed = false;

  async take(x: Tensor, target: Tensor): Promise<void> {
    this.batch++;
    await this.updates.take(x, target, this.batch);
  }

  /** All that `take` may enqueue, for a dry run. */
  rehearse(): void {
    const [x, target] = this.parts.loader.sample();
    this.updates.rehearse(x!, target!);
  }

  /** Reads the running loss back where it is time for it, without waiting. */
  note(): void {
    const { length } = this.parts.loader;
    if (this.batch % Math.max(1, Math.round(length / RECORDS_PER_EPOCH)) !== 0) return;
    const { batch, epoch } = this;
    this.noting = Promise.all([this.noting, this.tally.read()]).then(async ([, now]) => {
      const before = this.lastNoted;
      this.lastNoted = now;
      await this.tell({
        step: (epoch - 1) * length + batch,
        epoch: epoch - 1 + batch / length,
        ...means({
          lossSum: now.lossSum - before.lossSum,
          examples: now.examples - before.examples,
          right: now.right - before.right,
        }),
      });
    });
    this.noting.catch(() => (this.failed = true)); // the loop stops, and `settle` throws
  }

  /** Waits until all that was read back is told. */
  async settle(): Promise<void> {
    await this.noting;
  }

  /** What was measured so far. */
  async record(): Promise<EpochRecord> {
    const totals = await this.tally.read();
    const { seconds, epoch } = this;
    const examplesPerSecond = totals.examples / seconds;
    const record: EpochRecord = { epoch, ...means(totals), seconds, examplesPerSecond };
    const metrics = await this.counters.read();
    if (metrics) record.metrics = metrics;
    const lr = learningRateOf(this.parts.rule.optimizer);
    if (lr !== undefined) record.lr = lr;
    if (this.batch < this.parts.loader.length) record.partial = true;
    return record;
  }

  async state(): Promise<PassState> {
    await this.settle();
    const [totals, metrics] = await Promise.all([this.tally.read(), this.counters.stateDict()]);
    return { batch: this.batch, seconds: this.seconds, totals, noted: this.lastNoted, metrics };
  }

  /** Goes on from a state. */
  load({ batch, seconds, totals, noted, metrics }: PassState): void {
    this.batch = batch;
    this.started = performance.now() - 1000 * seconds;
    this.tally.load(totals);
    this.lastNoted = noted;
    this.counters.loadStateDict(metrics);
  }

  async dispose(): Promise<void> {
    await this.noting.catch(() => {}); // whoever settles throws it
    for (const one of [this.updates, this.tally, this.counters]) one.dispose();
  }

  private get seconds(): number {
    return (performance.now() - this.started) / 1000;
  }
}

function learningRateOf(optimizer: Stepper): number | undefined {
  if (!(optimizer instanceof Optimizer)) return undefined;
  return (optimizer as Optimizer<{ lr?: number }>).paramGroups[0]?.lr;
}
