export type { Callback, TrainingContext, TrainingPlan } from './callback.js';
export { CSVLogger } from './csvLogger.js';
export { evaluate, predict, type EvaluateOptions, type Evaluation } from './evaluate.js';
export type { EpochRecord, History, StepRecord } from './history.js';
export {
  F1Score,
  Precision,
  Recall,
  TopKAccuracy,
  type ClassMetricOptions,
  type Metric,
} from './metric.js';
export { accuracy, confusionMatrix } from './metrics.js';
export { ProgressBar, type ProgressBarOptions } from './progressBar.js';
export {
  classificationReport,
  type Average,
  type ClassFigures,
  type ClassificationReport,
} from './report.js';
export type { Stepper } from './stepper.js';
export { Trainer, type FitOptions, type TrainerOptions } from './trainer.js';
