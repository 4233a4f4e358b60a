export { LeNet5, type LeNet5Options } from './lenet5.js';
export { create, inputShapeOf, names } from './registry.js';
