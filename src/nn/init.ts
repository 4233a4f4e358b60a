import { fill } from '../autograd/kernels/fill.js';
import { fillNormal, fillUniform } from '../autograd/kernels/random.js';
import { ArgumentError, ShapeError } from '../errors.js';
import type { Shape } from '../gpu/dtype.js';
import type { Tensor } from '../tensor/tensor.js';

/**
 * Initial values, written in place; each returns its tensor.
 * Source: https://docs.pytorch.org/docs/stable/nn.init.html
 */

/** A function that follows a layer, for its gain. */
export type Nonlinearity = 'linear' | 'conv2d' | 'sigmoid' | 'tanh' | 'relu' | 'leakyRelu';

export interface KaimingOptions {
  /** Slope of the leaky ReLU below zero. Default 0. */
  a?: number;
  /** Whether the variance is kept forward ('fanIn', default) or backward ('fanOut'). */
  mode?: 'fanIn' | 'fanOut';
  /** Default 'leakyRelu', which with a = 0 is ReLU. */
  nonlinearity?: Nonlinearity;
}

/** U(a, b) */
export function uniform_(tensor: Tensor, a = 0, b = 1): Tensor {
  fillUniform(tensor.array, a, b);
  return tensor;
}

/** N(mean, std^2) */
export function normal_(tensor: Tensor, mean = 0, std = 1): Tensor {
  fillNormal(tensor.array, mean, std);
  return tensor;
}

/** Every element `value`. */
export function constant_(tensor: Tensor, value: number): Tensor {
  fill(tensor.array, value);
  return tensor;
}

/** Every element 0. */
export function zeros_(tensor: Tensor): Tensor {
  return constant_(tensor, 0);
}

/** Every element 1. */
export function ones_(tensor: Tensor): Tensor {
  return constant_(tensor, 1);
}

/** U(-b, b), b = gain sqrt(6 / (fanIn + fanOut)): Glorot and Bengio, 2010. */
export function xavierUniform_(tensor: Tensor, gain = 1): Tensor {
  const { fanIn, fanOut } = fans('xavierUniform_', tensor.shape);
  const bound = gain * Math.sqrt(6 / (fanIn + fanOut));
  return uniform_(tensor, -bound, bound);
}

/** N(0, std^2), std = gain sqrt(2 / (fanIn + fanOut)): Glorot and Bengio, 2010. */
export function xavierNormal_(tensor: Tensor, gain = 1): Tensor {
  const { fanIn, fanOut } = fans('xavierNormal_', tensor.shape);
  return normal_(tensor, 0, gain * Math.sqrt(2 / (fanIn + fanOut)));
}

/** U(-b, b), b = gain sqrt(3 / fan): He et al., 2015. */
export function kaimingUniform_(tensor: Tensor, options: KaimingOptions = {}): Tensor {
  const bound = Math.sqrt(3) * kaimingStd('kaimingUniform_', tensor.shape, options);
  return uniform_(tensor, -bound, bound);
}

/** N(0, std^2), std = gain / sqrt(fan): He et al., 2015. */
export function kaimingNormal_(tensor: Tensor, options: KaimingOptions = {}): Tensor {
  return normal_(tensor, 0, kaimingStd('kaimingNormal_', tensor.shape, options));
}

/** By how much a function shrinks what passes through it. @param a  Slope of the leaky ReLU. */
export function calculateGain(nonlinearity: Nonlinearity, a = 0.01): number {
  switch (nonlinearity) {
    case 'linear':
    case 'conv2d':
    case 'sigmoid':
      return 1;
    case 'tanh':
      return 5 / 3;
    case 'relu':
      return Math.SQRT2;
    case 'leakyRelu':
      return Math.sqrt(2 / (1 + a * a));
    default:
      throw new ArgumentError(
        'calculateGain',
        'linear, conv2d, sigmoid, tanh, relu or leakyRelu',
        nonlinearity,
      );
  }
}

function kaimingStd(
  op: string,
  shape: Shape,
  { a = 0, mode = 'fanIn', nonlinearity = 'leakyRelu' }: KaimingOptions,
): number {
  return calculateGain(nonlinearity, a) / Math.sqrt(fans(op, shape)[mode]);
}

/** Inputs and outputs of one unit of a weight (out, in, ...): a filter counts each of its taps. */
function fans(op: string, shape: Shape): { fanIn: number; fanOut: number } {
  if (shape.length < 2) {
    throw new ShapeError(
      op,
      'a weight (out, in, ...) of two dimensions or more',
      shape,
      'Use uniform_ or normal_.',
    );
  }
  const [out, into, ...kernel] = shape as [number, number, ...number[]];
  const taps = kernel.reduce((product, size) => product * size, 1);
  return { fanIn: into * taps, fanOut: out * taps };
}
