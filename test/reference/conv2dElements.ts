import type { Reference } from '../support/checkOp.js';

/** A convolution of one image that is too large to be computed whole in plain loops. */
export interface Convolution {
  x: Reference; // (1, C, H, W)
  weight: Reference; // (K, C / groups, kH, kW)
  bias: Reference; // (K,)
  dy: Reference; // (1, K, outH, outW)
  stride: number;
  padding: number;
  groups: number;
}

/** y at (0, k, i, j). */
export function outputAt(c: Convolution, at: number): number {
  const [, , outH, outW] = c.dy.shape as [number, number, number, number];
  const [filters, perGroup, kH, kW] = c.weight.shape as [number, number, number, number];
  const [k, i, j] = [Math.floor(at / outW / outH), Math.floor(at / outW) % outH, at % outW];
  const first = Math.floor(k / (filters / c.groups)) * perGroup;
  let sum = c.bias.data[k]!;
  for (let channel = 0; channel < perGroup; channel++) {
    for (let u = 0; u < kH; u++) {
      for (let v = 0; v < kW; v++) {
        const x = inputAt(
          c,
          first + channel,
          i * c.stride + u - c.padding,
          j * c.stride + v - c.padding,
        );
        sum += x * c.weight.data[((k * perGroup + channel) * kH + u) * kW + v]!;
      }
    }
  }
  return sum;
}

/** dx at (0, c, h, w). */
export function inputGradientAt(c: Convolution, at: number): number {
  const [, , inH, inW] = c.x.shape as [number, number, number, number];
  const [, k, outH, outW] = c.dy.shape as [number, number, number, number];
  const [, perGroup, kH, kW] = c.weight.shape as [number, number, number, number];
  const [channel, h, w] = [Math.floor(at / inW / inH), Math.floor(at / inW) % inH, at % inW];
  const group = Math.floor(channel / perGroup);
  let sum = 0;
  for (let u = 0; u < kH; u++) {
    for (let v = 0; v < kW; v++) {
      const [i, j] = [(h + c.padding - u) / c.stride, (w + c.padding - v) / c.stride];
      if (!Number.isInteger(i) || !Number.isInteger(j)) continue;
      if (i < 0 || i >= outH || j < 0 || j >= outW) continue;
      for (let out = (group * k) / c.groups; out < ((group + 1) * k) / c.groups; out++) {
        const tap = ((out * perGroup + (channel % perGroup)) * kH + u) * kW + v;
        sum += c.dy.data[(out * outH + i) * outW + j]! * c.weight.data[tap]!;
      }
    }
  }
  return sum;
}

/** dW at (k, c, u, v). */
export function weightGradientAt(c: Convolution, at: number): number {
  const [, , outH, outW] = c.dy.shape as [number, number, number, number];
  const [filters, perGroup, kH, kW] = c.weight.shape as [number, number, number, number];
  const [u, v] = [Math.floor(at / kW) % kH, at % kW];
  const k = Math.floor(at / (perGroup * kH * kW));
  const channel =
    Math.floor(k / (filters / c.groups)) * perGroup + (Math.floor(at / (kH * kW)) % perGroup);
  let sum = 0;
  for (let i = 0; i < outH; i++) {
    for (let j = 0; j < outW; j++) {
      const x = inputAt(c, channel, i * c.stride + u - c.padding, j * c.stride + v - c.padding);
      sum += x * c.dy.data[(k * outH + i) * outW + j]!;
    }
  }
  return sum;
}

/** db at k. */
export function biasGradientAt({ dy }: Convolution, k: number): number {
  const plane = dy.shape[2]! * dy.shape[3]!;
  return dy.data.subarray(k * plane, (k + 1) * plane).reduce((sum, value) => sum + value, 0);
}

function inputAt({ x }: Convolution, channel: number, h: number, w: number): number {
  const [, , inH, inW] = x.shape as [number, number, number, number];
  const inside = h >= 0 && h < inH && w >= 0 && w < inW;
  return inside ? x.data[(channel * inH + h) * inW + w]! : 0;
}
