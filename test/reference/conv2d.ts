import type { Reference } from '../support/checkOp.js';

type Two = readonly [number, number];

export interface Conv2dReferenceOptions {
  stride?: Two;
  /** Before the first row and column. */
  padding?: Two;
  /** After the last ones. Default: as before. */
  paddingEnd?: Two;
  dilation?: Two;
  groups?: number;
}

/** Cross-correlation of x (N, C, H, W) with weight (K, C / groups, kH, kW), plus bias (K,). */
export function conv2d(
  x: Reference,
  weight: Reference,
  bias: Reference | undefined,
  {
    stride = [1, 1],
    padding = [0, 0],
    paddingEnd = padding,
    dilation = [1, 1],
    groups = 1,
  }: Conv2dReferenceOptions,
): Reference {
  const [n, c, inH, inW] = x.shape as [number, number, number, number];
  const [k, perGroup, kH, kW] = weight.shape as [number, number, number, number];
  const outOf = (d: 0 | 1, size: number, kernel: number): number =>
    Math.floor(
      (size + padding[d] + paddingEnd[d] - dilation[d] * (kernel - 1) - 1) / stride[d] + 1,
    );
  const [outH, outW] = [outOf(0, inH, kH), outOf(1, inW, kW)];
  const data = new Float64Array(n * k * outH * outW);
  let at = 0;
  for (let image = 0; image < n; image++) {
    for (let out = 0; out < k; out++) {
      const firstIn = Math.floor(out / (k / groups)) * perGroup;
      for (let i = 0; i < outH; i++) {
        for (let j = 0; j < outW; j++) {
          let sum = bias ? bias.data[out]! : 0;
          for (let channel = 0; channel < perGroup; channel++) {
            for (let u = 0; u < kH; u++) {
              const h = i * stride[0] + u * dilation[0] - padding[0];
              if (h < 0 || h >= inH) continue;
              for (let v = 0; v < kW; v++) {
                const w = j * stride[1] + v * dilation[1] - padding[1];
                if (w < 0 || w >= inW) continue;
                sum +=
                  x.data[((image * c + firstIn + channel) * inH + h) * inW + w]! *
                  weight.data[((out * perGroup + channel) * kH + u) * kW + v]!;
              }
            }
          }
          data[at++] = sum;
        }
      }
    }
  }
  return { shape: [n, k, outH, outW], data };
}
