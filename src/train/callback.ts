import type { EpochRecord, History, StepRecord } from './history.js';

export interface TrainingPlan {
  epochs: number;
  /** Batches of an epoch. */
  batches: number;
  /** Examples of an epoch. */
  examples: number;
}

/** Told how training goes; each method may be async, and training waits for it. */
export interface Callback {
  /** Pipelines compiled so far, before the first batch. */
  onCompile?(done: number, total: number): void;
  onTrainBegin?(plan: TrainingPlan): void | Promise<void>;
  onEpochBegin?(epoch: number): void | Promise<void>;
  /** After each batch is enqueued. @param batch  From 1, within the epoch. */
  onBatchEnd?(epoch: number, batch: number): void;
  /** When measured values have come back from the GPU. */
  onStep?(record: StepRecord): void;
  onEpochEnd?(record: EpochRecord): void | Promise<void>;
  onTrainEnd?(history: History): void | Promise<void>;
}
