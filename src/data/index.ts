export { DataLoader, type DataLoaderOptions } from './dataLoader.js';
export { Dataset, randomSplit, Subset } from './dataset.js';
export { decodeImage, encodePng, toGrey28, type Grey28Options, type Image } from './image.js';
export { ImageDataset, type ImageDatasetOptions } from './imageDataset.js';
export { decodeIdx, encodeIdx } from './idx.js';
export { mnist, MNIST_NORMALIZATION, type MnistDatasetOptions } from './mnistDataset.js';
export { TensorDataset } from './tensorDataset.js';
export * as transforms from './transforms.js';
export type { Normalization, Transform } from './transforms.js';
