export { accuracy } from './accuracy.js';
export type {
  Callback,
  CallbackState,
  CheckpointMoment,
  TrainingContext,
  TrainingPlan,
} from './callback.js';
export {
  checkGradients,
  GradientReport,
  type CheckGradientsOptions,
  type GradientRow,
} from './checkGradients.js';
export { CSVLogger } from './csvLogger.js';
export { EarlyStopping, type EarlyStoppingOptions } from './earlyStopping.js';
export { evaluate, predict, type EvaluateOptions, type Evaluation } from './evaluate.js';
export { featureMaps, type FeatureMaps } from './featureMaps.js';
export type { EpochRecord, History, StepRecord } from './history.js';
export { LambdaCallback } from './lambdaCallback.js';
export { LRSchedule, type LRScheduleOptions } from './lrSchedule.js';
export type { Metric, MetricCounter } from './metric.js';
export { F1Score, Precision, Recall, TopKAccuracy, type ClassMetricOptions } from './metrics.js';
export {
  ModelCheckpoint,
  type ModelCheckpointOptions,
  type SaveWeights,
} from './modelCheckpoint.js';
export type { MonitorMode, MonitorOptions } from './monitor.js';
export { mistakes, topPredictions, type TopPredictions } from './predictions.js';
export { ProgressBar, type ProgressBarOptions } from './progressBar.js';
export {
  classificationReport,
  confusionMatrix,
  type Average,
  type ClassFigures,
  type ClassificationReport,
} from './report.js';
export type { Stepper } from './stepper.js';
export { TerminateOnNaN } from './terminateOnNaN.js';
export { Trainer, type FitOptions, type TrainerOptions } from './trainer.js';
export {
  TrainingCheckpoint,
  type KeepCheckpoint,
  type TrainingCheckpointOptions,
} from './trainingCheckpoint.js';
export {
  encodeTrainingState,
  trainingValuesIn,
  type TrainingState,
  type TrainingValues,
} from './trainingState.js';
