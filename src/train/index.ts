export type { Callback, TrainingPlan } from './callback.js';
export { CSVLogger } from './csvLogger.js';
export { evaluate, predict, type Evaluation } from './evaluate.js';
export type { EpochRecord, History, StepRecord } from './history.js';
export { accuracy, confusionMatrix } from './metrics.js';
export { ProgressBar, type ProgressBarOptions } from './progressBar.js';
export { Trainer, type FitOptions, type Stepper, type TrainerOptions } from './trainer.js';
