import type { Module } from '../nn/index.js';
import type { Tensor } from '../tensor/tensor.js';
import type { EpochRecord, History, StepRecord } from './history.js';
import type { Stepper } from './stepper.js';
import type { TrainingState } from './trainingState.js';

export interface TrainingPlan {
  epochs: number;
  /** Batches of an epoch. */
  batches: number;
  /** Examples of an epoch. */
  examples: number;
}

/** The training that a callback is told about, as it stands. */
export interface TrainingContext {
  readonly model: Module;
  readonly optimizer: Stepper;
  readonly plan: TrainingPlan;
  /** What was measured so far; at `onEpochEnd` with the epoch that ends. */
  readonly history: History;
  /**
   * Batches so far of the epoch under way, 0 between epochs. As an epoch begins in which a checkpoint
   * was made, those that were done before it.
   */
  readonly batch: number;
  /** Times that the parameters were updated: batches, or groups of `accumulate` batches. */
  readonly updates: number;
  /**
   * Ends the training after the batch under way: at `onEpochEnd` no further epoch begins; within an
   * epoch its record covers the batches so far and is marked `partial`, without validation.
   */
  readonly stop: () => void;
  /**
   * All that training needs to go on from here, within `onCheckpoint`: see `encodeTrainingState`.
   * Waits for the GPU.
   * @throws ArgumentError for an optimizer that is not of `sg.optim`.
   */
  readonly state: () => Promise<TrainingState>;
}

/** What a callback remembers. */
export interface CallbackState {
  /** Plain data. */
  values: unknown;
  /** By key; the live ones. */
  tensors?: Readonly<Record<string, Tensor>>;
}

/** After what the state of the training is whole: an update, an epoch, or a batch that `Trainer.stop` made the last. */
export type CheckpointMoment = 'update' | 'epoch' | 'stop';

/**
 * Told how training goes; training waits for those that return a promise, but for `onStep`. What one
 * of them throws ends the training.
 *
 * @example
 * const enough: Callback = {
 *   onEpochEnd: ({ valLoss }, context) => {
 *     if (valLoss! < 0.01) context.stop();
 *   },
 * };
 */
export interface Callback {
  /** Pipelines compiled so far, before the first batch. */
  onCompile?(done: number, total: number): void;
  onTrainBegin?(plan: TrainingPlan, context: TrainingContext): void | Promise<void>;
  onEpochBegin?(epoch: number, context: TrainingContext): void | Promise<void>;
  /** After each batch is enqueued. @param batch  From 1, within the epoch. */
  onBatchEnd?(epoch: number, batch: number, context: TrainingContext): void;
  /**
   * When measured values have come back from the GPU, a few batches after their own. Training goes on
   * meanwhile: do not run the model here.
   */
  onStep?(record: StepRecord, context: TrainingContext): void | Promise<void>;
  onEpochEnd?(record: EpochRecord, context: TrainingContext): void | Promise<void>;
  onTrainEnd?(history: History, context: TrainingContext): void | Promise<void>;
  /** After all callbacks were told of an update, of an epoch, or of a stop within one. */
  onCheckpoint?(at: CheckpointMoment, context: TrainingContext): void | Promise<void>;
  /** When training ends with an error, which `fit` then throws. */
  onFailure?(error: unknown): void;
  /** For checkpoints: what it remembers from epoch to epoch. */
  stateDict?(): CallbackState;
  /** Takes back what `stateDict` gave, after `onTrainBegin`; the tensors are freed afterwards. */
  loadStateDict?(state: CallbackState): void;
}
