export * as functional from './functional.js';
export * as init from './init.js';
export { Identity, LogSoftmax, ReLU, Sigmoid, Softmax, Tanh } from './activations.js';
export { Conv2d, type Conv2dLayerOptions } from './conv2d.js';
export { Flatten } from './flatten.js';
export { Linear, type LinearOptions } from './linear.js';
export { CrossEntropyLoss } from './losses.js';
export {
  Module,
  type LoadStateDictOptions,
  type LoadStateDictResult,
  type StateValue,
} from './module.js';
export { Buffer, Parameter } from './parameter.js';
export { AvgPool2d, MaxPool2d } from './pooling.js';
export { Sequential } from './sequential.js';
export type { Summary, SummaryRow } from './summary.js';
