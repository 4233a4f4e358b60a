import type { SingleBar } from 'cli-progress';
import type { Callback, TrainingContext, TrainingPlan } from './callback.js';
import type { EpochRecord, StepRecord } from './history.js';

/** Lines an epoch where there is no terminal. */
const LINES_PER_EPOCH = 5;

export interface ProgressBarOptions {
  /** Where lines go. Default `console.log`. */
  log?: (line: string) => void;
}

/**
 * Shows how training goes: a bar on a terminal, some plain lines an epoch elsewhere (pipes, CI,
 * browsers).
 */
export class ProgressBar implements Callback {
  private readonly log: (line: string) => void;
  private plan: TrainingPlan = { epochs: 0, batches: 0, examples: 0 };
  private bar: SingleBar | null = null;
  private started = 0;
  private linesShown = 0;
  /** Batches of the epoch that were done before it was started. */
  private before = 0;

  constructor({ log = console.log }: ProgressBarOptions = {}) {
    this.log = log;
  }

  async onTrainBegin(plan: TrainingPlan): Promise<void> {
    this.plan = plan;
    this.bar = await terminalBar();
  }

  onEpochBegin(epoch: number, { batch }: TrainingContext): void {
    this.started = performance.now();
    this.before = batch;
    this.linesShown = Math.floor((batch / this.plan.batches) * LINES_PER_EPOCH);
    this.bar?.start(this.plan.batches, batch, { epoch, epochs: this.plan.epochs, measured: '' });
  }

  onBatchEnd(_epoch: number, batch: number): void {
    this.bar?.update(batch);
  }

  onStep(record: StepRecord): void {
    const measured = `loss ${record.loss.toFixed(4)}  accuracy ${percent(record.accuracy)}  ${this.rate(record)}`;
    if (this.bar) {
      this.bar.update({ measured });
      return;
    }
    const share = record.epoch % 1;
    if (share * LINES_PER_EPOCH < this.linesShown + 1) return;
    this.linesShown++;
    this.log(
      `epoch ${Math.ceil(record.epoch)}/${this.plan.epochs}  ${percent(share, 0)}  ${measured}`,
    );
  }

  onEpochEnd({ epoch, loss, accuracy, valLoss, valAccuracy, seconds }: EpochRecord): void {
    this.bar?.stop();
    const validation =
      valLoss === undefined
        ? ''
        : `  validation loss ${valLoss.toFixed(4)}  accuracy ${percent(valAccuracy!)}`;
    this.log(
      `epoch ${epoch}/${this.plan.epochs}  loss ${loss.toFixed(4)}  accuracy ${percent(accuracy)}${validation}  ${seconds.toFixed(0)} s`,
    );
  }

  onTrainEnd(): void {
    this.bar?.stop(); // of an epoch that ended before its first batch
  }

  onFailure(): void {
    this.bar?.stop(); // which shows the cursor again
  }

  private rate({ epoch }: StepRecord): string {
    const share = (epoch % 1 || 1) - this.before / this.plan.batches;
    const examples = share * this.plan.examples;
    return `${Math.round((examples / (performance.now() - this.started)) * 1000)} images/s`;
  }
}

function percent(share: number, digits = 2): string {
  return `${(share * 100).toFixed(digits)}%`;
}

/** A bar of cli-progress where standard output is a terminal, else null. */
async function terminalBar(): Promise<SingleBar | null> {
  if (typeof process === 'undefined' || !process.stdout?.isTTY) return null;
  const name = 'cli-progress'; // a name that bundlers do not follow: browsers have no terminal
  const { default: progress } = (await import(
    /* @vite-ignore */ /* webpackIgnore: true */ name
  )) as {
    default: typeof import('cli-progress');
  };
  return new progress.SingleBar({
    format:
      'epoch {epoch}/{epochs}  {bar}  {value}/{total} batches  {eta_formatted} left  {measured}',
    barsize: 24,
    hideCursor: true,
    clearOnComplete: true,
    stream: process.stdout,
    etaBuffer: 100,
  });
}
