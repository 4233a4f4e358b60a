import type { Reference } from '../support/checkOp.js';

/** x (N, C, ...) over (k + alpha / size * sum of squares over `size` channels)^beta. */
export function localResponseNorm(
  x: Reference,
  size: number,
  { alpha = 1e-4, beta = 0.75, k = 1 }: { alpha?: number; beta?: number; k?: number } = {},
): Reference {
  const [n, channels, ...rest] = x.shape as [number, number, ...number[]];
  const pixels = rest.reduce((a, b) => a * b, 1);
  const data = new Float64Array(x.data.length);
  for (let image = 0; image < n; image++) {
    for (let c = 0; c < channels; c++) {
      for (let pixel = 0; pixel < pixels; pixel++) {
        const at = (channel: number): number => (image * channels + channel) * pixels + pixel;
        let squares = 0;
        for (let tap = 0; tap < size; tap++) {
          const channel = c - Math.floor(size / 2) + tap;
          if (channel >= 0 && channel < channels) squares += x.data[at(channel)]! ** 2;
        }
        data[at(c)] = x.data[at(c)]! / (k + (alpha / size) * squares) ** beta;
      }
    }
  }
  return { shape: x.shape, data };
}
