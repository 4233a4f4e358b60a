/** Figures and the report of a run, from plain numbers, as SVG and HTML text. */

export { architectureGraph } from './architecture.js';
export type { Architecture, ArchitectureNode, ArchitectureOptions } from './architecture.js';
export { lineChart, trainingCurves } from './charts.js';
export type {
  EpochValues,
  LineChartOptions,
  LineSeries,
  StepValues,
  TrainingCurves,
  TrainingHistory,
} from './charts.js';
export { confusionMatrixChart, perClassAccuracy } from './confusionMatrix.js';
export type { ClassAccuracy, ConfusionCounts, ConfusionMatrixOptions } from './confusionMatrix.js';
export { featureMaps } from './featureMaps.js';
export type { FeatureMapsOptions } from './featureMaps.js';
export { filterGrids, imageGrid, predictionCards, predictionGrid } from './imageGrid.js';
export type {
  FilterGrids,
  FilterGridsOptions,
  ImageBatch,
  ImageGridOptions,
  ImageScale,
  Predictions,
} from './imageGrid.js';
export { htmlReport } from './report.js';
export type {
  ReportAdapter,
  ReportData,
  ReportHeadline,
  ReportSummary,
  ReportSummaryRow,
} from './report.js';
