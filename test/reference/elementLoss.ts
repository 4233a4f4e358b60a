import type { Reference } from '../support/checkOp.js';
import { softplus } from './activations.js';

/** Losses of one element x with the target t, in float64; w and p are its weights. */
export const ELEMENT_LOSSES = {
  mseLoss: (x: number, t: number): number => (x - t) ** 2,
  l1Loss: (x: number, t: number): number => Math.abs(x - t),
  smoothL1Loss: (x: number, t: number, beta: number): number => {
    const size = Math.abs(x - t);
    return size < beta ? (size * size) / (2 * beta) : size - beta / 2;
  },
  huberLoss: (x: number, t: number, delta: number): number => {
    const size = Math.abs(x - t);
    return size < delta ? (size * size) / 2 : delta * (size - delta / 2);
  },
};

export const logisticLoss = (x: number, t: number, w = 1, p = 1): number =>
  w * ((1 - t) * x + (1 + (p - 1) * t) * softplus(-x));

/** The losses of all elements, reduced. */
export function reduceLosses(
  { shape, data }: Reference,
  reduction: 'mean' | 'sum' | 'none',
  lossOf: (x: number, i: number) => number,
): Reference {
  const losses = data.map(lossOf);
  if (reduction === 'none') return { shape, data: losses };
  const sum = losses.reduce((a, b) => a + b, 0);
  return { shape: [], data: new Float64Array([reduction === 'mean' ? sum / data.length : sum]) };
}
