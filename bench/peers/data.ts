/** Weights and batches: the same numbers in every process, made from a seed. */
import { outSizeOf, type Conv, type Network } from './cells.js';

export interface Values {
  shape: number[];
  data: Float32Array;
}

/**
 * Uniform numbers in (-bound, bound).
 * Source: mulberry32, https://github.com/bryc/code/blob/master/jshash/PRNGs.md.
 */
export function uniform(shape: number[], seed: number, bound = 1): Values {
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
  let state = Math.imul(seed + 1, 0x9e3779b1);
  for (let i = 0; i < data.length; i++) {
    state = (state + 0x6d2b79f5) | 0;
    let z = Math.imul(state ^ (state >>> 15), 1 | state);
    z = (z + Math.imul(z ^ (z >>> 7), 61 | z)) ^ z;
    data[i] = (((z ^ (z >>> 14)) >>> 0) / 2 ** 31 - 1) * bound;
  }
  return { shape, data };
}

/** The parameters and running statistics of a network by the keys of our state dict. */
export function weightsOf({ layers }: Network): Record<string, Values> {
  const weights: Record<string, Values> = {};
  layers.forEach((layer, i) => {
    if (layer.kind === 'norm') {
      const filled = (value: number): Values => ({
        shape: [layer.channels],
        data: new Float32Array(layer.channels).fill(value),
      });
      weights[`${layer.name}.weight`] = filled(1);
      weights[`${layer.name}.bias`] = filled(0);
      weights[`${layer.name}.running_mean`] = filled(0);
      weights[`${layer.name}.running_var`] = filled(1);
    } else if (layer.kind === 'conv' || layer.kind === 'linear') {
      const shape =
        layer.kind === 'conv'
          ? [layer.outC, layer.inC, layer.kernel, layer.kernel]
          : [layer.outSize, layer.inSize];
      const bound = Math.sqrt(3 / shape.slice(1).reduce((a, b) => a * b));
      weights[`${layer.name}.weight`] = uniform(shape, 10 + 2 * i, bound);
      weights[`${layer.name}.bias`] = uniform([shape[0]!], 11 + 2 * i, bound);
    }
  });
  return weights;
}

/** Images (batch, C, H, W) and labels (batch). */
export function batchOf(
  { inC, size, classes }: Network,
  batch: number,
): { images: Values; labels: Int32Array } {
  const chosen = uniform([batch], 2).data;
  return {
    images: uniform([batch, inC, size, size], 1),
    labels: Int32Array.from(chosen, (u) => Math.floor(((u + 1) / 2) * classes)),
  };
}

/** x, w and dy of a convolution. */
export function convData(conv: Conv): { x: Values; w: Values; dy: Values } {
  const { batch, inC, size, outC, kernel } = conv;
  const outSize = outSizeOf(conv);
  return {
    x: uniform([batch, inC, size, size], 3),
    w: uniform([outC, inC, kernel, kernel], 4, Math.sqrt(3 / (inC * kernel * kernel))),
    dy: uniform([batch, outC, outSize, outSize], 5),
  };
}

/** a and b of a product of square matrices. */
export function matmulData(size: number): { a: Values; b: Values } {
  return { a: uniform([size, size], 6), b: uniform([size, size], 7) };
}
