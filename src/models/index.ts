export { AlexNet, type AlexNetOptions } from './alexnet.js';
export {
  alexNetCifar,
  alexNetCifarRegularizers,
  type AlexNetCifarOptions,
} from './alexnetCifar.js';
export { convNet, type ConvNetOptions } from './convNet.js';
export { LeNet5, type LeNet5Options } from './lenet5.js';
export { leNetRelu, type LeNetReluOptions } from './leNetRelu.js';
export { leNetTanh, type LeNetTanhOptions } from './leNetTanh.js';
export { mlp, type MlpOptions } from './mlp.js';
export { create, inputShapeOf, names, optionsFor, recipeFor, type Recipe } from './registry.js';
export { simpleConvNet, type SimpleConvNetOptions } from './simpleConvNet.js';
