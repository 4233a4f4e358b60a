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
}
