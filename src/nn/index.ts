export * as functional from './functional.js';
export * as init from './init.js';
export * as utils from './utils.js';
export {
  ELU,
  GELU,
  Hardtanh,
  Identity,
  LeakyReLU,
  LogSoftmax,
  PReLU,
  ReLU,
  ReLU6,
  Sigmoid,
  SiLU,
  Softmax,
  Softplus,
  Tanh,
} from './activations.js';
export { Conv2d, type Conv2dLayerOptions } from './conv2d.js';
export { ConvTranspose2d, type ConvTranspose2dLayerOptions } from './convTranspose2d.js';
export { Dropout, Dropout2d } from './dropout.js';
export { Flatten } from './flatten.js';
export { Linear, type LinearOptions } from './linear.js';
export { LocalResponseNorm } from './localResponseNorm.js';
export {
  BCEWithLogitsLoss,
  CrossEntropyLoss,
  HuberLoss,
  L1Loss,
  MSELoss,
  NLLLoss,
  SmoothL1Loss,
} from './losses.js';
export {
  Module,
  type LoadStateDictOptions,
  type LoadStateDictResult,
  type StateValue,
} from './module.js';
export {
  BatchNorm1d,
  BatchNorm2d,
  LayerNorm,
  type BatchNormLayerOptions,
  type LayerNormOptions,
} from './normalization.js';
export { Buffer, Parameter } from './parameter.js';
export { AdaptiveAvgPool2d, AdaptiveMaxPool2d, AvgPool2d, MaxPool2d } from './pooling.js';
export { L1, L2, Regularizer, type Regularized, type RegularizerOptions } from './regularizers.js';
export { Sequential } from './sequential.js';
export type { CompileOptions } from './compile.js';
export type { Summary, SummaryRow } from './summary.js';
