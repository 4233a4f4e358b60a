export type { Callback, TrainingPlan } from './callback.js';
export { CSVLogger } from './csvLogger.js';
export type { EpochRecord, History, StepRecord } from './history.js';
export { accuracy, confusionMatrix } from './metrics.js';
export { ProgressBar, type ProgressBarOptions } from './progressBar.js';
export {
  Trainer,
  type Evaluation,
  type FitOptions,
  type Stepper,
  type TrainerOptions,
} from './trainer.js';
