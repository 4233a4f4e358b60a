import fs from 'node:fs';
import path from 'node:path';
import { ArgumentError, data, Generator, type Shape } from 'shadegrad';

/** The data set that a model file names; MNIST in files of versions that had no other. */
export function dataNameOf({ data }: { data: string }): string {
  return DATA_NAMES.includes(data) ? data : 'mnist';
}

/** What is taken off the pixels of a data set: 'standard' by its mean and deviation, or nothing. */
export type NormalizationChoice = 'standard' | '0-1';

/** Where images come from, as the command line says it. */
export interface DataSource {
  data: string;
  root?: string;
}

/** Images to train and to test with, as they are in their files. */
export interface RawData {
  /** For people: `Fashion-MNIST`. */
  title: string;
  train: data.ImageDataset;
  test: data.ImageDataset;
  /** Of the pixels to train with. */
  normalization: data.Normalization;
}

interface NamedSet {
  title: string;
  load: (options: { root?: string }) => Promise<data.ImageSplits>;
  normalization: data.Normalization;
}

const NAMED: Readonly<Record<string, NamedSet>> = {
  mnist: { title: 'MNIST', load: data.mnist, normalization: data.MNIST_NORMALIZATION },
  'fashion-mnist': {
    title: 'Fashion-MNIST',
    load: data.fashionMnist,
    normalization: data.FASHION_MNIST_NORMALIZATION,
  },
  cifar10: { title: 'CIFAR-10', load: data.cifar10, normalization: data.CIFAR10_NORMALIZATION },
};

export const DATA_NAMES: readonly string[] = [...Object.keys(NAMED), 'folder'];

/** What a folder may call the images to test with. */
const TEST_FOLDERS = ['test', 'val', 'validation'];
/** Share of a folder without such a part that is tested with. */
const TEST_SHARE = 0.2;

/**
 * Reads the images.
 *
 * @param input    C, H and W of the network, which a folder's images are fitted to.
 * @param openGpu  Called before images of a folder are fitted, on the GPU.
 */
export async function readData(
  source: DataSource,
  input: Shape,
  openGpu: () => Promise<unknown>,
): Promise<RawData> {
  const named = NAMED[source.data];
  if (!named) return readFolder(source, input, openGpu);
  const { train, test } = await named.load({ root: source.root });
  return { title: named.title, train, test, normalization: named.normalization };
}

async function readFolder(
  { root }: DataSource,
  [channels, height, width]: Shape,
  openGpu: () => Promise<unknown>,
): Promise<RawData> {
  if (root === undefined || !fs.existsSync(root)) {
    const expected = '--root with the folder of the images, which has a sub-folder for each class';
    throw new ArgumentError('--data folder', expected, root ?? 'none');
  }
  const parts = TEST_FOLDERS.map((name) => path.join(root, name));
  const testRoot = parts.find((folder) => fs.existsSync(folder));
  await openGpu();
  const read = (folder: string): Promise<data.ImageDataset> =>
    data.imageFolder(folder, {
      channels: channels === 1 ? 1 : 3,
      load: [data.transforms.resizeWithPad([height!, width!])],
    });
  const title = path.basename(path.resolve(root));
  if (testRoot !== undefined && fs.existsSync(path.join(root, 'train'))) {
    const train = await read(path.join(root, 'train'));
    const test = await read(testRoot);
    if (test.classNames.join() !== train.classNames.join()) {
      const expected = `the classes of ${path.join(root, 'train')} in ${testRoot}`;
      throw new ArgumentError('--data folder', expected, test.classNames.join(', '));
    }
    return { title, train, test, normalization: data.normalizationOf(train) };
  }
  const all = await read(root);
  // The same part whatever the seed of a run, so that `evaluate` meets no image of the training.
  const [train, test] = data
    .stratifiedSplit(all, [1 - TEST_SHARE, TEST_SHARE], { generator: new Generator(0) })
    .map(({ indices }) => part(all, [...indices])) as [data.ImageDataset, data.ImageDataset];
  if (test.length === 0) {
    const expected = 'images enough to test with a fifth of each class';
    throw new ArgumentError('--data folder', expected, `${all.length} in ${root}`);
  }
  return { title, train, test, normalization: data.normalizationOf(train) };
}

/** Some images of a data set, as one of its own. */
export function part(dataset: data.ImageDataset, indices: readonly number[]): data.ImageDataset {
  const { imageShape, classNames, labels } = dataset;
  return new data.ImageDataset({
    ...{ images: dataset.imagesAt(indices).data, imageShape, classNames },
    labels: Uint16Array.from(indices, (index) => labels[index]!),
  });
}

/** What makes images of a shape as large as a network's input, both (C, H, W). */
export function fittedTo(
  [, height, width]: Shape,
  [, ownHeight, ownWidth]: Shape,
): data.Transform[] {
  const fits = ownHeight === height && ownWidth === width;
  return fits ? [] : [data.transforms.resizeWithPad([height!, width!])];
}

/** The same images, made into batches for a network: augmented, resized where they must be, normalised. */
export function prepared(
  dataset: data.ImageDataset,
  {
    input,
    normalization,
    augment = [],
  }: { input: Shape; normalization: data.Normalization; augment?: readonly data.Transform[] },
): data.ImageDataset {
  const { images, labels, imageShape, classNames } = dataset;
  const transforms = [...augment, ...fittedTo(input, imageShape)];
  return new data.ImageDataset({
    ...{ images, labels, imageShape, classNames },
    ...{ transforms, normalization },
  });
}

/** What `--normalize` stands for. */
export function normalizationFor(
  choice: NormalizationChoice,
  { normalization, train }: RawData,
): data.Normalization {
  if (choice === 'standard') return normalization;
  const each = (value: number): number[] => Array<number>(train.imageShape[0]).fill(value);
  return { mean: each(0), std: each(1) };
}
