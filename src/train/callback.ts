import type { EpochRecord, History, StepRecord } from './history.js';

export interface TrainingPlan {
  epochs: number;
  /** Batches of an epoch. */
  batches: number;
  /** Examples of an epoch. */
  examples: number;
}

/**
 * Told how training goes; training waits for those that return a promise. What one of them throws
 * ends the training.
 */
export interface Callback {
  /** Pipelines compiled so far, before the first batch. */
  onCompile?(done: number, total: number): void;
  onTrainBegin?(plan: TrainingPlan): void | Promise<void>;
  onEpochBegin?(epoch: number): void | Promise<void>;
  /** After each batch is enqueued. @param batch  From 1, within the epoch. */
  onBatchEnd?(epoch: number, batch: number): void;
  /** When measured values have come back from the GPU, a few batches after their own. */
  onStep?(record: StepRecord): void | Promise<void>;
  onEpochEnd?(record: EpochRecord): void | Promise<void>;
  onTrainEnd?(history: History): void | Promise<void>;
  /** When training ends with an error, which `fit` then throws. */
  onFailure?(error: unknown): void;
}
