export { Adam, type AdamOptions } from './adam.js';
export {
  Optimizer,
  type FilledGroup,
  type OptimizerState,
  type ParamGroup,
  type ParamState,
} from './optimizer.js';
export { SGD, type SGDOptions } from './sgd.js';
