export { Adam, AdamW, type AdamOptions } from './adam.js';
export * as lr from './lr.js';
export { GradScaler, type GradScalerOptions, type GradScalerState } from './gradScaler.js';
export {
  Optimizer,
  type FilledGroup,
  type OptimizerState,
  type ParamGroup,
  type ParamState,
} from './optimizer.js';
export { RMSprop, type RMSpropOptions } from './rmsprop.js';
export { SGD, type SGDOptions } from './sgd.js';
