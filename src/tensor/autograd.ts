/** Gradients beyond `backward()`: the namespace `sg.autograd`. */
export { detectAnomaly, isAnomalyEnabled, setDetectAnomaly } from '../autograd/anomaly.js';
export { grad, type GradOptions } from './grad.js';
export {
  gradcheck,
  numericalGradient,
  type GradcheckOptions,
  type GradcheckReport,
  type NumericalGradientOptions,
} from './gradcheck.js';
