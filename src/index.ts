/** The public names of shadegrad, and nothing else. */
export * from './errors.js';
export { autocast, type AutocastOptions } from './autograd/autocast.js';
export { noGrad, tidy } from './autograd/scope.js';
export type { Device, DeviceInfo, MemoryInfo } from './gpu/device.js';
export type { SubgroupMatrix } from './gpu/subgroupMatrix.js';
export type { DType, Shape, TypedArray } from './gpu/dtype.js';
export { close, init, memory, resetPeakMemory, sync, type InitOptions } from './gpu/init.js';
export { meta } from './gpu/meta.js';
export { profile, type KernelProfile, type Profile, type ProfileOptions } from './gpu/profile.js';
export { measureRoofline, type Roofline } from './gpu/roofline.js';
export type { KernelTime } from './gpu/kernelTime.js';
export { timeKernels } from './gpu/timestamps.js';
export { Generator, manualSeed } from './random/generator.js';
export * as autograd from './tensor/autograd.js';
export { capture, type Captured } from './tensor/capture.js';
export { cat, chunk, split, stack, where } from './tensor/combine.js';
export {
  arange,
  eye,
  full,
  ones,
  onesLike,
  rand,
  randint,
  randn,
  tensor,
  zeros,
  zerosLike,
} from './tensor/creation.js';
export type { CreationOptions, RandomOptions, TensorOptions } from './tensor/creation.js';
export type { NestedNumbers } from './tensor/nested.js';
export { print, type PrintOptions } from './tensor/print.js';
export {
  Tensor,
  type GeluOptions,
  type GradientHook,
  type TensorBackwardOptions,
} from './tensor/tensor.js';
export * as data from './data/index.js';
export * as io from './data/io.js';
export * as models from './models/index.js';
export * as nn from './nn/index.js';
export { tune, type TuneOptions, type TuneResult } from './nn/tune.js';
export * as optim from './optim/index.js';
export * as train from './train/index.js';
export * as viz from './viz/index.js';
