import type { Activation } from '../autograd/kernels/activation.js';
import type { Tensor } from '../tensor/tensor.js';
import { ReLU, Sigmoid, Tanh } from './activations.js';
import { Conv2d } from './conv2d.js';
import { Linear } from './linear.js';
import type { Module } from './module.js';
import { BatchNorm1d, BatchNorm2d } from './normalization.js';

/** A layer whose kernel can apply the activation that follows it. */
interface Fusing extends Module {
  forwardActivated(x: Tensor, activation: Activation): Tensor;
}

/** By class, and not by subclass: that may do something else. */
const FUSING = new Set<unknown>([Conv2d, Linear, BatchNorm1d, BatchNorm2d]);
const ACTIVATIONS = new Map<unknown, Activation>([
  [ReLU, 'relu'],
  [Sigmoid, 'sigmoid'],
  [Tanh, 'tanh'],
]);

/**
 * What computes a layer and the activation after it at once, with the same result; null where no
 * kernel does both, or where somebody has put a `forward` of their own on one of them.
 */
export function fused(layer: Module, next: Module | undefined): ((x: Tensor) => Tensor) | null {
  const activation = ACTIVATIONS.get(next?.constructor);
  if (!activation || !FUSING.has(layer.constructor)) return null;
  if (Object.hasOwn(layer, 'forward') || Object.hasOwn(next!, 'forward')) return null;
  return (x) => (layer as Fusing).forwardActivated(x, activation);
}
