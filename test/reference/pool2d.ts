import type { Reference } from '../support/checkOp.js';

type Two = readonly [number, number];

export interface Pool2dReferenceOptions {
  kernelSize: Two;
  stride?: Two;
  padding?: Two;
  dilation?: Two;
  ceilMode?: boolean;
  /** Of the mean. */
  countIncludePad?: boolean;
}

/** The elements of one window: those inside of x, and how many there are with the padding. */
interface Window {
  values: number[];
  padded: number;
}

function pool(
  x: Reference,
  {
    kernelSize,
    stride = kernelSize,
    padding = [0, 0],
    dilation = [1, 1],
    ceilMode = false,
  }: Pool2dReferenceOptions,
  value: (window: Window) => number,
): Reference {
  const [n, c, ...size] = x.shape as [number, number, number, number];
  const [outH, outW] = ([0, 1] as const).map((d) => {
    const slack = size[d]! + 2 * padding[d] - dilation[d] * (kernelSize[d] - 1) - 1;
    let count = 1 + (ceilMode ? Math.ceil(slack / stride[d]) : Math.floor(slack / stride[d]));
    // The last window must begin inside of x or in the padding before it.
    if (ceilMode && (count - 1) * stride[d] >= size[d]! + padding[d]) count--;
    return count;
  }) as [number, number];
  const [inH, inW] = size as [number, number];
  const data = new Float64Array(n * c * outH * outW);
  let at = 0;
  for (let plane = 0; plane < n * c; plane++) {
    for (let i = 0; i < outH; i++) {
      for (let j = 0; j < outW; j++) {
        const window: Window = { values: [], padded: 0 };
        for (let u = 0; u < kernelSize[0]; u++) {
          for (let v = 0; v < kernelSize[1]; v++) {
            const h = i * stride[0] + u * dilation[0] - padding[0];
            const w = j * stride[1] + v * dilation[1] - padding[1];
            if (h < inH + padding[0] && w < inW + padding[1]) window.padded++;
            if (h < 0 || h >= inH || w < 0 || w >= inW) continue;
            window.values.push(x.data[(plane * inH + h) * inW + w]!);
          }
        }
        data[at++] = value(window);
      }
    }
  }
  return { shape: [n, c, outH, outW], data };
}

/** The maximum over each window of x (N, C, H, W); -Inf where a window has no element. */
export function maxPool2d(x: Reference, options: Pool2dReferenceOptions): Reference {
  return pool(x, options, ({ values }) => Math.max(...values));
}

/** The mean over each window of x (N, C, H, W). */
export function avgPool2d(x: Reference, options: Pool2dReferenceOptions): Reference {
  const { countIncludePad = true } = options;
  return pool(
    x,
    options,
    ({ values, padded }) =>
      values.reduce((a, b) => a + b, 0) / (countIncludePad ? padded : values.length),
  );
}
