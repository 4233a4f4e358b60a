import type { SourceOptions } from './findFiles.js';
import { ImageDataset, type ImageDatasetOptions } from './imageDataset.js';
import type { Normalization, Transform } from './transform.js';
import { withoutRandom } from './transforms.js';

export interface ImageDataOptions extends SourceOptions {
  /** One mean and one std for each channel. Default: pixels from 0 to 1. */
  normalization?: Normalization;
  /** What each batch goes through; the test images leave out what is random. Default none. */
  transforms?: readonly Transform[];
}

/** Images to train with and images to test with. */
export interface ImageSplits {
  train: ImageDataset;
  test: ImageDataset;
}

type Bytes = Pick<ImageDatasetOptions, 'images' | 'labels'>;

/** The data sets of two parts of bytes, which share all but their random transforms. */
export function imageSplits(
  { train, test }: { train: Bytes; test: Bytes },
  common: Pick<ImageDatasetOptions, 'imageShape' | 'classNames'>,
  { normalization, transforms = [] }: ImageDataOptions,
): ImageSplits {
  const dataset = ({ images, labels }: Bytes, transforms: readonly Transform[]): ImageDataset =>
    new ImageDataset({ ...common, images, labels, normalization, transforms });
  return { train: dataset(train, transforms), test: dataset(test, withoutRandom(transforms)) };
}
