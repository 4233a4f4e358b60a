export { DataLoader, type DataLoaderOptions, type DataLoaderState } from './dataLoader.js';
export { cifar10, CIFAR10_NORMALIZATION, cifar10Classes } from './cifar10.js';
export { Dataset, Subset } from './dataset.js';
export { fashionMnist, FASHION_MNIST_NORMALIZATION, fashionMnistClasses } from './fashionMnist.js';
export type { SourceOptions } from './findFiles.js';
export { toGrey28, type Grey28Options } from './grey28.js';
export { decodeImage, encodePng, type Image } from './image.js';
export { ImageDataset, type ImageDatasetOptions } from './imageDataset.js';
export { decodeIdx, encodeIdx } from './idx.js';
export { imageFolder, type ImageFolderOptions } from './imageFolder.js';
export type { ImageDataOptions, ImageSplits } from './imageSplits.js';
export { normalizationOf } from './normalizationOf.js';
export { mnist, MNIST_NORMALIZATION } from './mnistDataset.js';
export { toPlanes } from './planes.js';
export {
  kFold,
  randomSplit,
  stratifiedKFold,
  stratifiedSplit,
  validationSplit,
  type Fold,
  type SplitOptions,
  type StratifyOptions,
} from './splits.js';
export { TensorDataset, type TensorDatasetOptions } from './tensorDataset.js';
export * as transforms from './transforms.js';
export type { Normalization, Range, ResizeMode, Size, Transform } from './transform.js';
