/**
 * What a data set of images does to each batch, in the kernel that gathers it from the bytes.
 * Source: https://docs.pytorch.org/vision/stable/transforms.html
 */
import { ArgumentError } from '../errors.js';

/** Pixels v from 0 to 255 become (v / 255 - mean) / std, by channel. */
export interface Normalization {
  mean: readonly number[];
  std: readonly number[];
}

/** Made by the functions below. */
export type Transform =
  | { readonly kind: 'randomCrop'; readonly padding: number }
  | { readonly kind: 'randomHorizontalFlip' | 'randomVerticalFlip'; readonly p: number }
  | { readonly kind: 'normalize'; readonly normalization: Normalization };

/**
 * Pads the image with black on all sides and cuts a piece of its own size out of it, at random: the
 * image is shifted by up to `padding` pixels each way.
 *
 * @throws ArgumentError unless padding is a whole number of 0 or more.
 * Source: https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.RandomCrop.html
 */
export function randomCrop({ padding }: { padding: number }): Transform {
  if (!Number.isInteger(padding) || padding < 0 || padding >= 2 ** 15)
    throw new ArgumentError('randomCrop', 'padding of 0 to 32767 whole pixels', padding);
  return { kind: 'randomCrop', padding };
}

/**
 * Mirrors the image, left to right, with probability p.
 *
 * @param options.p  Default 0.5.
 * @throws ArgumentError unless p lies from 0 to 1.
 * Source: https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.RandomHorizontalFlip.html
 */
export function randomHorizontalFlip({ p = 0.5 }: { p?: number } = {}): Transform {
  return flip('randomHorizontalFlip', p);
}

/** The same, upside down. */
export function randomVerticalFlip({ p = 0.5 }: { p?: number } = {}): Transform {
  return flip('randomVerticalFlip', p);
}

function flip(kind: 'randomHorizontalFlip' | 'randomVerticalFlip', p: number): Transform {
  if (!(p >= 0 && p <= 1)) throw new ArgumentError(kind, 'p from 0 to 1', p);
  return { kind, p };
}

/**
 * Pixels, which are from 0 to 1, minus the mean and over the deviation of their channel. The last
 * one of a list.
 *
 * Source: https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.Normalize.html
 */
export function normalize(normalization: Normalization): Transform {
  return { kind: 'normalize', normalization };
}

/** Transforms one after the other, from lists within lists too. */
export function compose(
  transforms: readonly (Transform | readonly Transform[])[],
): readonly Transform[] {
  return transforms.flat();
}

/** Those that give the same each time: what test images go through. */
export function withoutRandom(transforms: readonly Transform[]): readonly Transform[] {
  return transforms.filter(({ kind }) => kind === 'normalize');
}

/** The kinds of steps in shaders/gatherImages.wgsl. */
const KINDS = { randomCrop: 1, randomHorizontalFlip: 2, randomVerticalFlip: 3 } as const;

/** What the kernel is given. */
export interface TransformPlan {
  /** Kind and parameter of each random transform. */
  steps: Uint32Array;
  /** Of the last transform, if it is one. */
  normalization: Normalization | undefined;
}

/** @throws ArgumentError for a normalization before the end of the list. */
export function planTransforms(op: string, transforms: readonly Transform[]): TransformPlan {
  let normalization: Normalization | undefined;
  const steps: number[] = [];
  for (const transform of transforms) {
    if (normalization) {
      const order = transforms.map(({ kind }) => kind).join(', ');
      throw new ArgumentError(op, 'normalize as the last of the transforms', order);
    }
    if (transform.kind === 'normalize') normalization = transform.normalization;
    else if (transform.kind === 'randomCrop') steps.push(KINDS[transform.kind], transform.padding);
    else steps.push(KINDS[transform.kind], bitsOf(transform.p));
  }
  return { steps: Uint32Array.from(steps), normalization };
}

function bitsOf(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0]!;
}
