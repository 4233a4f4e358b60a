/**
 * What kernels must give, element by element in plain loops with sums in float64: enough to check
 * some elements of a result before it is timed. The tests check all of them.
 */
import type { Convolution } from '../test/reference/conv2dElements.js';
import {
  biasGradientAt,
  inputGradientAt,
  outputAt,
  weightGradientAt,
} from '../test/reference/conv2dElements.js';

type Numbers = ArrayLike<number>;

/** Gives the element at a place of a result. */
export type ElementAt = (at: number) => number;

const SAMPLES = 48;
const TOLERANCE = 1e-3;

/** @throws Error if `actual` is not as expected at some elements, by norm of the difference over norm. */
export function expectSampled(actual: Numbers, expected: ElementAt, what: string): void {
  const step = Math.max(1, actual.length / SAMPLES);
  let [difference, norm] = [0, 0];
  for (let i = 0; i < Math.min(SAMPLES, actual.length); i++) {
    // Not multiples of a power of two, which kernels have their blocks at.
    const at = Math.min(actual.length - 1, Math.floor(i * step + (i % 7)));
    const value = expected(at);
    difference += (actual[at]! - value) ** 2;
    norm += value ** 2;
  }
  const error = Math.sqrt(difference / (norm || 1));
  if (!(error <= TOLERANCE))
    throw new Error(`${what} is wrong: relative error ${error.toExponential(1)} in samples`);
}

/** Sizes of a convolution with square planes and windows. */
export interface ConvSizes {
  batch: number;
  inChannels: number;
  size: number;
  outChannels: number;
  kernel: number;
  stride: number;
  padding: number;
  groups: number;
}

export function outSize({ size, kernel, stride, padding }: ConvSizes): number {
  return Math.floor((size + 2 * padding - kernel) / stride) + 1;
}

/** y, dx, dw and db of a convolution. */
export function convolution(
  sizes: ConvSizes,
  data: { x: Numbers; weight: Numbers; bias: Numbers; dy: Numbers },
): Record<'y' | 'dx' | 'dw' | 'db', ElementAt> {
  const { batch, inChannels, size, outChannels, kernel, stride, padding, groups } = sizes;
  const out = outSize(sizes);
  const inside = inChannels * size * size;
  const outside = outChannels * out * out;
  const part = (shape: number[], values: Numbers, from = 0): Convolution['x'] => {
    const length = shape.reduce((a, b) => a * b, 1);
    return { shape, data: Float64Array.from({ length }, (_, i) => values[from + i]!) };
  };
  const weight = part([outChannels, inChannels / groups, kernel, kernel], data.weight);
  const images = Array.from({ length: batch }, (_, n): Convolution => ({
    x: part([1, inChannels, size, size], data.x, n * inside),
    weight,
    bias: part([outChannels], data.bias),
    dy: part([1, outChannels, out, out], data.dy, n * outside),
    ...{ stride, padding, groups },
  }));
  const overImages =
    (of: (image: Convolution, at: number) => number): ElementAt =>
    (at) =>
      images.reduce((sum, image) => sum + of(image, at), 0);
  return {
    y: (at) => outputAt(images[Math.floor(at / outside)]!, at % outside),
    dx: (at) => inputGradientAt(images[Math.floor(at / inside)]!, at % inside),
    dw: overImages(weightGradientAt),
    db: overImages(biasGradientAt),
  };
}

/** A B for A (m, k) and B (k, n), either of which may be stored as its transpose. */
export function product(
  { m, n, k }: { m: number; n: number; k: number },
  a: Numbers,
  b: Numbers,
  {
    transposeA = false,
    transposeB = false,
    bias,
  }: {
    transposeA?: boolean;
    transposeB?: boolean;
    bias?: Numbers;
  } = {},
): ElementAt {
  return (at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    let sum = bias?.[j] ?? 0;
    for (let l = 0; l < k; l++) {
      sum += a[transposeA ? l * m + i : i * k + l]! * b[transposeB ? j * k + l : l * n + j]!;
    }
    return sum;
  };
}

/** y and dx of a pooling of square planes without padding. */
export function pooling(
  sizes: { size: number; kernel: number; stride: number; mode: 'max' | 'avg' },
  x: Numbers,
  dy: Numbers,
): { y: ElementAt; dx: ElementAt } {
  const { size, kernel, stride, mode } = sizes;
  const out = Math.floor((size - kernel) / stride) + 1;
  /** The elements of the window of an output, by their place in x. */
  const window = (at: number): number[] => {
    const plane = Math.floor(at / (out * out));
    const [i, j] = [Math.floor(at / out) % out, at % out];
    const first = plane * size * size + i * stride * size + j * stride;
    return Array.from(
      { length: kernel * kernel },
      (_, k) => first + Math.floor(k / kernel) * size + (k % kernel),
    );
  };
  const largest = (places: number[]): number =>
    places.reduce((best, place) => (x[place]! > x[best]! ? place : best));
  return {
    y: (at) => {
      const places = window(at);
      if (mode === 'max') return x[largest(places)]!;
      return places.reduce((sum, place) => sum + x[place]!, 0) / places.length;
    },
    dx: (at) => {
      const plane = Math.floor(at / (size * size));
      let sum = 0;
      for (let k = 0; k < out * out; k++) {
        const places = window(plane * out * out + k);
        if (!places.includes(at)) continue;
        const gradient = dy[plane * out * out + k]!;
        if (mode === 'avg') sum += gradient / places.length;
        else if (largest(places) === at) sum += gradient;
      }
      return sum;
    },
  };
}

/** y and dx of a batch normalization of (N, C, pixels) by its own statistics, without weights. */
export function batchNorm(
  { channels, pixels, eps }: { channels: number; pixels: number; eps: number },
  x: Numbers,
  dy: Numbers,
): { y: ElementAt; dx: ElementAt } {
  const count = x.length / channels;
  const channelOf = (at: number): number => Math.floor(at / pixels) % channels;
  const mean = (channel: number, value: ElementAt): number => {
    let sum = 0;
    for (let at = 0; at < x.length; at++) if (channelOf(at) === channel) sum += value(at);
    return sum / count;
  };
  const moments = new Map<number, { mean: number; deviation: number; dy: number; dyX: number }>();
  const momentsOf = (channel: number) => {
    const known = moments.get(channel);
    if (known) return known;
    const center = mean(channel, (at) => x[at]!);
    const deviation = Math.sqrt(mean(channel, (at) => (x[at]! - center) ** 2) + eps);
    const made = {
      ...{ mean: center, deviation },
      dy: mean(channel, (at) => dy[at]!),
      dyX: mean(channel, (at) => (dy[at]! * (x[at]! - center)) / deviation),
    };
    moments.set(channel, made);
    return made;
  };
  const normalized = (at: number): number => {
    const { mean: center, deviation } = momentsOf(channelOf(at));
    return (x[at]! - center) / deviation;
  };
  return {
    y: normalized,
    dx: (at) => {
      const { deviation, dy: meanDy, dyX } = momentsOf(channelOf(at));
      return (dy[at]! - meanDy - normalized(at) * dyX) / deviation;
    },
  };
}

/** y and dx of a local response normalization of (N, C, pixels). */
export function localResponse(
  options: {
    channels: number;
    pixels: number;
    size: number;
    alpha: number;
    beta: number;
    k: number;
  },
  x: Numbers,
  dy: Numbers,
): { y: ElementAt; dx: ElementAt } {
  const { channels, pixels, size, alpha, beta, k } = options;
  /** Places of the channels around one, `before` and `after` it. */
  const around = (at: number, before: number, after: number): number[] => {
    const c = Math.floor(at / pixels) % channels;
    const places: number[] = [];
    for (let other = c - before; other <= c + after; other++) {
      if (other >= 0 && other < channels) places.push(at + (other - c) * pixels);
    }
    return places;
  };
  const [before, after] = [Math.floor(size / 2), Math.ceil(size / 2) - 1];
  const scale = (at: number): number =>
    k + (alpha / size) * around(at, before, after).reduce((sum, i) => sum + x[i]! ** 2, 0);
  return {
    y: (at) => x[at]! * scale(at) ** -beta,
    dx: (at) =>
      dy[at]! * scale(at) ** -beta -
      ((2 * alpha * beta) / size) *
        x[at]! *
        // The windows that this element is in are those of the channels around it, mirrored.
        around(at, after, before).reduce(
          (sum, i) => sum + dy[i]! * x[i]! * scale(i) ** (-beta - 1),
          0,
        ),
  };
}

/** Mean cross-entropy of logits (N, C), and its gradient. */
export function crossEntropy(
  classes: number,
  logits: Numbers,
  target: Numbers,
): { loss: number; dx: ElementAt } {
  const rows = logits.length / classes;
  const total = (row: number): number => {
    let sum = 0;
    for (let c = 0; c < classes; c++) sum += Math.exp(logits[row * classes + c]!);
    return sum;
  };
  let loss = 0;
  for (let row = 0; row < rows; row++)
    loss += (Math.log(total(row)) - logits[row * classes + target[row]!]!) / rows;
  return {
    loss,
    dx: (at) => {
      const row = Math.floor(at / classes);
      const isTarget = at % classes === target[row] ? 1 : 0;
      return (Math.exp(logits[at]!) / total(row) - isTarget) / rows;
    },
  };
}
