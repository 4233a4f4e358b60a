export { AlexNet, type AlexNetOptions } from './alexnet.js';
export { alexNetCifar, type AlexNetCifarOptions } from './alexnetCifar.js';
export { LeNet5, type LeNet5Options } from './lenet5.js';
export { create, inputShapeOf, names } from './registry.js';
