/**
 * What happens to each batch of images, on the GPU: in the kernel that gathers it from the bytes of a
 * data set where it can, and for colours in one after it. Pixels are from 0 to 1.
 * Source: https://docs.pytorch.org/vision/stable/transforms.html
 */
import { ArgumentError, ShapeError } from '../errors.js';
import { replayed } from '../gpu/recording.js';
import { defaultGenerator, type Generator } from '../random/generator.js';
import { Tensor } from '../tensor/tensor.js';
import { ImagePipeline } from './imagePipeline.js';
import {
  isRandom,
  type Normalization,
  type Range,
  type ResizeMode,
  type Size,
  type Transform,
} from './transform.js';

/** @throws ArgumentError unless the size is of one or two whole numbers of 1 or more. */
function checkSize(op: string, size: Size): void {
  const sides = typeof size === 'number' ? [size] : size;
  if (sides.length > 2 || !sides.every((side) => Number.isInteger(side) && side > 0))
    throw new ArgumentError(op, 'a size of whole pixels, [height, width] or one number', size);
}

function checkMode(op: string, mode: string): void {
  if (mode !== 'bilinear' && mode !== 'nearest')
    throw new ArgumentError(op, "mode 'bilinear' or 'nearest'", mode);
}

/**
 * Scales the image.
 *
 * @param size          [height, width]; one number is the length of the shorter side, and the longer
 *                      one follows it.
 * @param options.mode  Default 'bilinear'. As PyTorch's `interpolate` computes both, with
 *                      `alignCorners: false` and without antialiasing.
 * @throws ArgumentError for a size that is not of whole pixels.
 * Source: https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.Resize.html
 */
export function resize(size: Size, { mode = 'bilinear' }: { mode?: ResizeMode } = {}): Transform {
  checkSize('resize', size);
  checkMode('resize', mode);
  return { kind: 'resize', size, mode };
}

/**
 * Scales the image, without a change of its shape, to what fits in a size, and puts it in the middle
 * of a black image of that size.
 *
 * @throws ArgumentError for a size that is not of whole pixels.
 * Source: https://www.tensorflow.org/api_docs/python/tf/image/resize_with_pad
 */
export function resizeWithPad(
  size: Size,
  { mode = 'bilinear' }: { mode?: ResizeMode } = {},
): Transform {
  checkSize('resizeWithPad', size);
  checkMode('resizeWithPad', mode);
  return { kind: 'resizeWithPad', size, mode };
}

/**
 * Cuts out the middle; what lies outside a smaller image is black.
 *
 * @throws ArgumentError for a size that is not of whole pixels.
 * Source: https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.CenterCrop.html
 */
export function centerCrop(size: Size): Transform {
  checkSize('centerCrop', size);
  return { kind: 'centerCrop', size };
}

/**
 * Pads the image with black on all sides and cuts a piece out of it, at random.
 *
 * @param options.padding  Default 0.
 * @param options.size     Default the size of the image, which is then shifted by up to `padding`
 *                         pixels each way.
 * @throws ArgumentError unless padding is a whole number of 0 or more.
 * Source: https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.RandomCrop.html
 */
export function randomCrop({ padding = 0, size }: { padding?: number; size?: Size }): Transform {
  if (!Number.isInteger(padding) || padding < 0 || padding >= 2 ** 15)
    throw new ArgumentError('randomCrop', 'padding of 0 to 32767 whole pixels', padding);
  if (size !== undefined) checkSize('randomCrop', size);
  return { kind: 'randomCrop', padding, size };
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

export interface ColorJitterOptions {
  /** The factor is drawn from max(0, 1 - brightness) to 1 + brightness, or from a range. Default 0. */
  brightness?: number | Range;
  /** Alike. Default 0. */
  contrast?: number | Range;
  /** Alike. Default 0. */
  saturation?: number | Range;
  /** The turn of the hue is drawn from -hue to hue, or from a range, of a whole turn. Default 0. */
  hue?: number | Range;
}

/**
 * Changes brightness, contrast, saturation and hue of each image by factors of its own, in an order
 * of its own, with results from 0 to 1:
 *
 *   brightness   f * v
 *   contrast     f * v + (1 - f) * mean of the image's grey
 *   saturation   f * v + (1 - f) * grey,   grey = 0.2989 r + 0.587 g + 0.114 b
 *   hue          turned by f, where a whole turn is 1
 *
 * Of grey images, saturation and hue stay.
 *
 * @throws ArgumentError for a range below 0, or beyond half a turn of the hue.
 * Source: https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.ColorJitter.html
 */
export function colorJitter({
  brightness = 0,
  contrast = 0,
  saturation = 0,
  hue = 0,
}: ColorJitterOptions): Transform {
  const factor = (name: string, given: number | Range): Range => {
    const range: Range =
      typeof given === 'number' ? [given < 0 ? NaN : Math.max(0, 1 - given), 1 + given] : given;
    if (!(range[0] >= 0 && range[1] >= range[0] && range[1] < Infinity))
      throw new ArgumentError('colorJitter', `${name} of 0 or more, or a range above 0`, given);
    return range;
  };
  const turn: Range = typeof hue === 'number' ? [hue < 0 ? NaN : -hue, hue] : hue;
  if (!(turn[0] >= -0.5 && turn[1] >= turn[0] && turn[1] <= 0.5))
    throw new ArgumentError('colorJitter', 'hue of 0 to 0.5, or a range from -0.5 to 0.5', hue);
  const ranges = {
    brightness: factor('brightness', brightness),
    contrast: factor('contrast', contrast),
    saturation: factor('saturation', saturation),
    hue: turn,
  };
  return { kind: 'colorJitter', ranges };
}

/** Of the colours of ImageNet's images, from 0 to 1: eigenvalues and, in columns, eigenvectors. */
const IMAGENET_COLORS = {
  eigenvalues: [0.2175, 0.0188, 0.0045],
  eigenvectors: [
    [-0.5675, 0.7192, 0.4009],
    [-0.5808, -0.0045, -0.814],
    [-0.5836, -0.6948, 0.4203],
  ],
};

export interface LightingOptions {
  /** Standard deviation of the three random numbers. Default 0.1. */
  std?: number;
  /** Of the covariance of the colours of the training images. Default ImageNet's. */
  eigenvalues?: readonly number[];
  /** A row for each of red, green and blue, a column for each eigenvalue. Default ImageNet's. */
  eigenvectors?: readonly (readonly number[])[];
}

/**
 * Adds to each image a random colour along the principal components of colour, as AlexNet's training
 * did:
 *
 *   v[c] + sum over i of eigenvectors[c][i] * eigenvalues[i] * a[i],   a[i] from N(0, std)
 *
 * Results are not limited to 0 to 1.
 *
 * @throws ArgumentError for a deviation below 0, or other than three components.
 * Source: A. Krizhevsky, I. Sutskever, G. Hinton, "ImageNet Classification with Deep Convolutional
 * Neural Networks" (NIPS 2012), section 4.1.
 */
export function lighting({
  std = 0.1,
  eigenvalues = IMAGENET_COLORS.eigenvalues,
  eigenvectors = IMAGENET_COLORS.eigenvectors,
}: LightingOptions = {}): Transform {
  if (!(std >= 0 && std < Infinity)) throw new ArgumentError('lighting', 'std of 0 or more', std);
  for (const row of [eigenvalues, eigenvectors, ...eigenvectors]) {
    if (row.length !== 3)
      throw new ArgumentError('lighting', '3 eigenvalues and 3 rows of 3', row.length);
  }
  return { kind: 'lighting', std, eigenvalues, eigenvectors };
}

/**
 * Cuts a square hole into each image, around a pixel drawn at random; what of it lies outside the
 * image is lost.
 *
 * @param size          Length of its sides in pixels.
 * @param options.fill  What the hole has, from 0 to 1, for all channels or for each. Default 0; the
 *                      mean of `normalize` gives what the paper has.
 * @throws ArgumentError unless size is a whole number of 1 or more.
 * Source: T. DeVries, G. Taylor, "Improved Regularization of Convolutional Neural Networks with
 * Cutout", https://arxiv.org/abs/1708.04552.
 */
export function cutout(
  size: number,
  { fill = 0 }: { fill?: number | readonly number[] } = {},
): Transform {
  checkSize('cutout', size);
  return { kind: 'cutout', size, fill };
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

/**
 * Puts a batch through transforms, without gradients.
 *
 * @param x          (N, C, H, W) of f32, from 0 to 1.
 * @param generator  What random ones draw from, one position. Default the one that `manualSeed` seeds.
 * @returns The images, (N, C, ...) of the size that the transforms give them.
 * @throws ShapeError or ArgumentError for a batch that the transforms are not for.
 *
 * @example
 * const { apply, centerCrop, resize } = sg.data.transforms;
 * const x = apply(photos, [resize(256), centerCrop(224)]);
 */
export function apply(
  x: Tensor,
  transforms: readonly Transform[],
  generator: Generator = defaultGenerator,
): Tensor {
  const [count, ...imageShape] = x.shape;
  if (imageShape.length !== 3 || x.dtype !== 'f32')
    throw new ShapeError('transforms.apply', 'x (N, C, H, W) of f32', x.shape);
  const pipeline = new ImagePipeline(
    'transforms.apply',
    imageShape as [number, number, number],
    'floats',
    transforms,
  );
  const { device } = x.array;
  const draw = pipeline.random ? replayed(device, () => generator.next()) : undefined;
  try {
    return new Tensor(pipeline.run(device, x.array, count!, draw));
  } finally {
    pipeline.dispose();
  }
}

/**
 * The same each time, and of the same size: what test images go through. The middle takes the place
 * of a random piece.
 */
export function withoutRandom(transforms: readonly Transform[]): readonly Transform[] {
  return transforms.flatMap((transform) => {
    if (transform.kind === 'randomCrop' && transform.size !== undefined)
      return centerCrop(transform.size);
    return isRandom(transform) ? [] : transform;
  });
}
