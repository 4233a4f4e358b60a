import type { Reference } from '../support/checkOp.js';

type Two = readonly [number, number];

export interface ConvTranspose2dReferenceOptions {
  stride?: Two;
  padding?: Two;
  outputPadding?: Two;
  dilation?: Two;
  groups?: number;
}

/** Each element of x (N, in, H, W) scattered by weight (in, out / groups, kH, kW), plus bias (out,). */
export function convTranspose2d(
  x: Reference,
  weight: Reference,
  bias: Reference | undefined,
  {
    stride = [1, 1],
    padding = [0, 0],
    outputPadding = [0, 0],
    dilation = [1, 1],
    groups = 1,
  }: ConvTranspose2dReferenceOptions,
): Reference {
  const [n, c, inH, inW] = x.shape as [number, number, number, number];
  const [, perGroup, kH, kW] = weight.shape as [number, number, number, number];
  const k = perGroup * groups;
  const outOf = (d: 0 | 1, size: number, kernel: number): number =>
    (size - 1) * stride[d] - 2 * padding[d] + dilation[d] * (kernel - 1) + outputPadding[d] + 1;
  const [outH, outW] = [outOf(0, inH, kH), outOf(1, inW, kW)];
  const data = new Float64Array(n * k * outH * outW);
  if (bias) data.forEach((_, i) => (data[i] = bias.data[Math.floor(i / (outH * outW)) % k]!));
  for (let image = 0; image < n; image++) {
    for (let channel = 0; channel < c; channel++) {
      const firstOut = Math.floor(channel / (c / groups)) * perGroup;
      for (let h = 0; h < inH; h++) {
        for (let w = 0; w < inW; w++) {
          const value = x.data[((image * c + channel) * inH + h) * inW + w]!;
          for (let out = 0; out < perGroup; out++) {
            for (let u = 0; u < kH; u++) {
              const i = h * stride[0] + u * dilation[0] - padding[0];
              if (i < 0 || i >= outH) continue;
              for (let v = 0; v < kW; v++) {
                const j = w * stride[1] + v * dilation[1] - padding[1];
                if (j < 0 || j >= outW) continue;
                data[((image * k + firstOut + out) * outH + i) * outW + j]! +=
                  value * weight.data[((channel * perGroup + out) * kH + u) * kW + v]!;
              }
            }
          }
        }
      }
    }
  }
  return { shape: [n, k, outH, outW], data };
}
