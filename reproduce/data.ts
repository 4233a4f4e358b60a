/** The data of an experiment. */
import { createHash } from 'node:crypto';
import { data } from 'shadegrad';
import type { DataName, Experiment, Version } from './experiments.js';

const LOADERS: Readonly<
  Record<DataName, (options: data.ImageDataOptions) => Promise<data.ImageSplits>>
> = { mnist: data.mnist, 'fashion-mnist': data.fashionMnist, cifar10: data.cifar10 };

/** Images to train with, to validate with and to test with; the latter two may be none. */
export interface Parts {
  train: data.Dataset;
  validation: data.Dataset | null;
  test: data.Dataset | null;
  /** SHA-256 of all bytes: images and labels to train with, then those to test with. */
  digest: string;
  dispose(): void;
}

/**
 * Pixels are from 0 to 1. Of a data set that has fewer images than asked for, all are taken.
 * @throws ResourceError or DataFormatError if the files are nowhere or are damaged.
 */
export async function loadParts(
  { data: name, side }: Experiment,
  { images, testImages, validation }: Version,
): Promise<Parts> {
  const transforms = side ? [data.transforms.resizeWithPad(side)] : [];
  const { train, test } = await LOADERS[name]({ transforms });
  const chosen = firstOf(train, images);
  const split = validation ? data.validationSplit(chosen, validation, { shuffle: false }) : null;
  return {
    train: split?.train ?? chosen,
    validation: split?.validation ?? null,
    test: testImages > 0 ? firstOf(test, testImages) : null,
    digest: digestOf(train, test),
    dispose() {
      train.dispose();
      test.dispose();
    },
  };
}

function firstOf(dataset: data.Dataset, count: number): data.Subset {
  const length = Math.min(count, dataset.length);
  return new data.Subset(
    dataset,
    Uint32Array.from({ length }, (_, i) => i),
  );
}

function digestOf(...parts: readonly data.ImageDataset[]): string {
  const hash = createHash('sha256');
  for (const { images, labels } of parts) hash.update(images).update(labels);
  return hash.digest('hex');
}
