export { close, init, memory, sync, type InitOptions } from './gpu/init.js';
export { noGrad, tidy } from './autograd/scope.js';
export { full, ones, tensor, zeros } from './tensor/creation.js';
export { Tensor } from './tensor/tensor.js';
