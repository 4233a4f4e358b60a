/** One pass over the training data. */
export interface EpochRecord {
  /** From 1. */
  epoch: number;
  /** Mean loss over the examples of the pass, as the weights changed. */
  loss: number;
  /** Share of them predicted right, from 0 to 1. */
  accuracy: number;
  /** Mean loss on the validation data after the pass, if there is any. */
  valLoss?: number;
  /** Share of the validation data predicted right, from 0 to 1. */
  valAccuracy?: number;
  /** By name, those that the `Trainer` was given; with 'val' before the name on the validation data. */
  metrics?: Readonly<Record<string, number>>;
  /** The learning rate of the first parameter group as the pass ended, of optimizers of `sg.optim`. */
  lr?: number;
  /** True where training was stopped within the pass: figures are of the batches until then. */
  partial?: true;
  /** Wall time of the pass, validation excluded. */
  seconds: number;
  /** Training examples a second. */
  examplesPerSecond: number;
}

/** Means over the batches since the record before. */
export interface StepRecord {
  /** Batches so far, over all epochs. */
  step: number;
  /** Passes so far, with its fraction: 1.5 is half-way through the second. */
  epoch: number;
  loss: number;
  accuracy: number;
}

/** What a training run measured. */
export interface History {
  epochs: EpochRecord[];
  /** About fifty an epoch. */
  steps: StepRecord[];
  /** The first epoch with the lowest `valLoss`, or `loss` without validation; 0 before there is one. */
  bestEpoch: number;
  /** True where `Trainer.stop` ended it before its time. */
  interrupted?: true;
}

/** Notes one more epoch. */
export function addEpoch(history: History, record: EpochRecord): void {
  history.epochs.push(record);
  const lossOf = ({ loss, valLoss }: EpochRecord): number => valLoss ?? loss;
  const best = history.epochs.find(({ epoch }) => epoch === history.bestEpoch);
  const improves = !best || lossOf(record) < lossOf(best);
  if (improves && !record.partial && !Number.isNaN(lossOf(record))) {
    history.bestEpoch = record.epoch;
  }
}
