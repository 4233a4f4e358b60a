import type { Image } from './image.js';

/**
 * An image as networks take it: (C, H, W) bytes, from 0 to 255.
 *
 * @param channels  3, red, green and blue, or 1, grey by the weights that Pillow has. Transparency is
 *                  dropped. Default 3.
 */
export function toPlanes(
  { width, height, channels, data }: Image,
  planes: 1 | 3 = 3,
): { data: Uint8Array; shape: [channels: number, height: number, width: number] } {
  const pixels = width * height;
  const out = new Uint8Array(planes * pixels);
  const isColor = channels >= 3;
  for (let i = 0; i < pixels; i++) {
    const at = i * channels;
    const [r, g, b] = isColor
      ? [data[at]!, data[at + 1]!, data[at + 2]!]
      : [data[at]!, data[at]!, data[at]!];
    if (planes === 1) out[i] = Math.round((299 * r + 587 * g + 114 * b) / 1000);
    else {
      out[i] = r;
      out[pixels + i] = g;
      out[2 * pixels + i] = b;
    }
  }
  return { data: out, shape: [planes, height, width] };
}
