import type { ImageDataset } from './imageDataset.js';
import type { Normalization } from './transform.js';

/**
 * Mean and standard deviation of each channel over the images of a data set, of pixels scaled to 0
 * to 1, before its transforms. A channel that never changes has std 1.
 *
 * @example
 * const photos = await sg.data.imageFolder('photos', { load: [resizeWithPad(64)] });
 * const normalization = sg.data.normalizationOf(photos);
 */
export function normalizationOf({
  images,
  imageShape,
}: Pick<ImageDataset, 'images' | 'imageShape'>): Normalization {
  const [channels, height, width] = imageShape;
  const pixels = height * width;
  const histograms = Array.from({ length: channels }, () => new Float64Array(256));
  for (let i = 0; i < images.length; i++) {
    histograms[Math.floor(i / pixels) % channels]![images[i]!]!++;
  }
  const figures = histograms.map((histogram) => {
    const count = histogram.reduce((a, b) => a + b, 0);
    const mean = histogram.reduce((sum, n, value) => sum + n * value, 0) / count;
    const squares = histogram.reduce((sum, n, value) => sum + n * (value - mean) ** 2, 0);
    return { mean: mean / 255, std: Math.sqrt(squares / count) / 255 || 1 };
  });
  return { mean: figures.map(({ mean }) => mean), std: figures.map(({ std }) => std) };
}
