import type { Reference } from '../support/checkOp.js';

export interface Moments {
  mean: number;
  /** Around the mean, divided by the number of values. */
  variance: number;
}

/** Of numbers, in two passes. */
export function moments(values: readonly number[]): Moments {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, variance: squares / values.length };
}

/** Mean and variance of each channel of x, (N, C, ...). */
export function channelMoments({ shape, data }: Reference): Moments[] {
  const channels = shape[1]!;
  const spatial = shape.slice(2).reduce((a, b) => a * b, 1);
  const values = Array.from({ length: channels }, (): number[] => []);
  data.forEach((value, i) => values[Math.floor(i / spatial) % channels]!.push(value));
  return values.map(moments);
}

export interface BatchNormReference {
  eps?: number;
  /** Of each channel; by default those of x. */
  running?: readonly Moments[];
}

/** Batch normalization of x, (N, C, ...), times weight plus bias, (C) each. */
export function batchNorm(
  x: Reference,
  weight: Reference | null,
  bias: Reference | null,
  { eps = 1e-5, running = channelMoments(x) }: BatchNormReference = {},
): Reference {
  const { shape, data } = x;
  const spatial = shape.slice(2).reduce((a, b) => a * b, 1);
  const y = data.map((value, i) => {
    const channel = Math.floor(i / spatial) % shape[1]!;
    const { mean, variance } = running[channel]!;
    const xhat = (value - mean) / Math.sqrt(variance + eps);
    return xhat * (weight?.data[channel] ?? 1) + (bias?.data[channel] ?? 0);
  });
  return { shape, data: y };
}

/** Layer normalization of rows of `size` elements, times weight plus bias, `size` elements each. */
export function layerNorm(
  { shape, data }: Reference,
  size: number,
  weight: Reference | null,
  bias: Reference | null,
  eps = 1e-5,
): Reference {
  const y = new Float64Array(data.length);
  for (let start = 0; start < data.length; start += size) {
    const { mean, variance } = moments([...data.subarray(start, start + size)]);
    for (let i = 0; i < size; i++) {
      const xhat = (data[start + i]! - mean) / Math.sqrt(variance + eps);
      y[start + i] = xhat * (weight?.data[i] ?? 1) + (bias?.data[i] ?? 0);
    }
  }
  return { shape, data: y };
}
