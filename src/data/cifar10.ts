/**
 * CIFAR-10 in its binary form: records of a byte for the label and 3 planes of 32 x 32 bytes, red,
 * green and blue, in rows from the top.
 *
 * Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images" (2009),
 * https://www.cs.toronto.edu/~kriz/cifar.html.
 */
import { DataFormatError } from '../errors.js';
import { findFiles, type DataFiles, type FoundFile } from './findFiles.js';
import { imageSplits, type ImageDataOptions, type ImageSplits } from './imageSplits.js';
import type { Normalization } from './transform.js';

const IMAGE_SHAPE = [3, 32, 32] as const;
const IMAGE_BYTES = 3 * 32 * 32;
const RECORD_BYTES = 1 + IMAGE_BYTES;

/** Names of the classes, by label, as in the file batches.meta.txt. */
export const cifar10Classes: readonly string[] = [
  ...['airplane', 'automobile', 'bird', 'cat', 'deer'],
  ...['dog', 'frog', 'horse', 'ship', 'truck'],
];

/** Mean and standard deviation of the training pixels by channel, scaled to 0 to 1. */
export const CIFAR10_NORMALIZATION: Normalization = {
  mean: [0.4914, 0.4822, 0.4465],
  std: [0.247, 0.2435, 0.2616],
};

/** The files of CIFAR-10: 50,000 images to train, in five batches, and 10,000 to test. */
export const CIFAR10 = {
  name: 'CIFAR-10',
  files: {
    batch1: 'data_batch_1.bin',
    batch2: 'data_batch_2.bin',
    batch3: 'data_batch_3.bin',
    batch4: 'data_batch_4.bin',
    batch5: 'data_batch_5.bin',
    test: 'test_batch.bin',
  },
  subFolders: ['cifar-10-batches-bin'],
  dataFolder: 'cifar10',
  mirrors: ['https://www.cs.toronto.edu/~kriz/'],
  archive: {
    file: 'cifar-10-binary.tar.gz',
    sha256: 'c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd',
  },
} satisfies DataFiles;

/** Images and labels of some records. */
export interface Cifar10Bytes {
  /** (count, 3, 32, 32). */
  images: Uint8Array;
  /** (count), each from 0 to 9. */
  labels: Uint8Array;
}

/**
 * Takes files of records apart, one after the other.
 *
 * @throws DataFormatError  A file is empty or ends within a record, or a label is no class: the
 *   offset is that of the place.
 */
export function decodeCifar10(files: readonly FoundFile[]): Cifar10Bytes {
  const count = files.reduce((sum, file) => sum + recordsOf(file), 0);
  const images = new Uint8Array(count * IMAGE_BYTES);
  const labels = new Uint8Array(count);
  let i = 0;
  for (const { bytes, file } of files) {
    for (let at = 0; at < bytes.length; at += RECORD_BYTES, i++) {
      const label = bytes[at]!;
      if (label >= cifar10Classes.length) {
        const problem = `expected labels from 0 to 9, got ${label} in record ${at / RECORD_BYTES}`;
        throw new DataFormatError(file, problem, at, AGAIN);
      }
      labels[i] = label;
      images.set(bytes.subarray(at + 1, at + RECORD_BYTES), i * IMAGE_BYTES);
    }
  }
  return { images, labels };
}

function recordsOf({ bytes, file }: FoundFile): number {
  const records = Math.floor(bytes.length / RECORD_BYTES);
  const rest = bytes.length % RECORD_BYTES;
  if (records > 0 && rest === 0) return records;
  const problem = `expected records of ${RECORD_BYTES} bytes, got ${rest} bytes as record ${records}`;
  throw new DataFormatError(file, problem, bytes.length - rest, `The file is cut short. ${AGAIN}`);
}

const AGAIN = 'Download the file again or restore it from a copy.';

/**
 * CIFAR-10: 50,000 images to train and 10,000 to test, (3, 32, 32) each, of ten classes.
 *
 * Looked for in `root`, which may have the files or `cifar-10-binary.tar.gz`, or else in the folder
 * `cifar10` in $SHADEGRAD_DATA, and on the network: 170 MB, kept in the cache. Browsers may not
 * fetch from its publisher: put the files beside the page and give their address as `root`.
 *
 * @example
 * const { randomCrop, randomHorizontalFlip, normalize } = sg.data.transforms;
 * const { train, test } = await sg.data.cifar10({
 *   transforms: [
 *     randomCrop({ padding: 4 }),
 *     randomHorizontalFlip(),
 *     normalize(sg.data.CIFAR10_NORMALIZATION),
 *   ],
 * });
 * @throws ResourceError or DataFormatError if the files are nowhere or are damaged.
 */
export async function cifar10(options: ImageDataOptions = {}): Promise<ImageSplits> {
  const { test, ...batches } = await findFiles<keyof typeof CIFAR10.files>(CIFAR10, options);
  const bytes = { train: decodeCifar10(Object.values(batches)), test: decodeCifar10([test]) };
  return imageSplits(bytes, { imageShape: IMAGE_SHAPE, classNames: cifar10Classes }, options);
}
