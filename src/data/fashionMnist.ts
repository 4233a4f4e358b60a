import { imageSplits, type ImageDataOptions, type ImageSplits } from './imageSplits.js';
import { loadMnistBytes, MNIST_FILES, type MnistFiles } from './mnist.js';
import type { Normalization } from './transform.js';

/** Names of the classes, by label. */
export const fashionMnistClasses: readonly string[] = [
  ...['T-shirt/top', 'Trouser', 'Pullover', 'Dress', 'Coat'],
  ...['Sandal', 'Shirt', 'Sneaker', 'Bag', 'Ankle boot'],
];

/** Mean and standard deviation of the training pixels, scaled to 0 to 1. */
export const FASHION_MNIST_NORMALIZATION: Normalization = { mean: [0.286], std: [0.353] };

/** The files of Fashion-MNIST: 60,000 pictures of clothes to train and 10,000 to test. */
export const FASHION_MNIST: MnistFiles = {
  ...MNIST_FILES,
  name: 'Fashion-MNIST',
  subFolders: ['FashionMNIST/raw', 'raw'],
  dataFolder: 'fashion-mnist',
  mirrors: [
    'https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/',
    'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/',
  ],
  sha256Of: 'gz',
  sha256: {
    trainImages: '3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84',
    trainLabels: 'a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845',
    testImages: '346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073',
    testLabels: '67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5',
  },
};

/**
 * Fashion-MNIST: 60,000 images of clothes to train and 10,000 to test, (1, 28, 28) each, bright on
 * black, in the form of MNIST.
 *
 * Looked for in `root`, or else in the folder `fashion-mnist` in $SHADEGRAD_DATA, and on the
 * network: 31 MB, kept in the cache.
 *
 * Source: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking
 * Machine Learning Algorithms", https://github.com/zalandoresearch/fashion-mnist.
 *
 * @throws ResourceError or DataFormatError if the files are nowhere or are damaged.
 */
export async function fashionMnist(options: ImageDataOptions = {}): Promise<ImageSplits> {
  const bytes = await loadMnistBytes(options, FASHION_MNIST);
  return imageSplits(bytes, { imageShape: [1, 28, 28], classNames: fashionMnistClasses }, options);
}
