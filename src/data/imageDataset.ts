import source from '../../shaders/gatherImages.wgsl';
import philox from '../../shaders/philox.wgsl';
import threads from '../../shaders/threads.wgsl';
import { ArgumentError, OutOfMemoryError, ShapeError } from '../errors.js';
import type { Device } from '../gpu/device.js';
import { numelOf } from '../gpu/dtype.js';
import { GpuArray } from '../gpu/gpuArray.js';
import { launch } from '../gpu/launch.js';
import { defineShader } from '../gpu/shader.js';
import { defaultGenerator, type Generator } from '../random/generator.js';
import { Tensor } from '../tensor/tensor.js';
import { Dataset } from './dataset.js';
import { planTransforms, type Normalization, type Transform } from './transforms.js';

const shader = defineShader({
  name: 'gatherImages',
  source,
  params: {
    count: 'u32',
    channels: 'u32',
    height: 'u32',
    width: 'u32',
    span: 'u32',
    start: 'u32',
    first: 'u32',
    images: 'u32',
    steps: 'u32',
    seed0: 'u32',
    seed1: 'u32',
    offset: 'u32',
  },
  includes: { philox, threads },
});

/** Pixels of a thread: a software adapter wants few threads with much to do each. */
const SPAN = { software: Infinity, hardware: 4 };

export interface ImageDatasetOptions {
  /** (N, C, H, W), one byte each. */
  images: Uint8Array;
  /** (N), each the index of a class. */
  labels: Uint8Array;
  /** C, H and W of one image. */
  imageShape: readonly [channels: number, height: number, width: number];
  /** Names of the classes. */
  classes: readonly string[];
  /** One mean and one std for each channel. Default 0 and 1: pixels from 0 to 1. */
  normalization?: Normalization;
  /** What each batch goes through, in this order; `normalize` instead of `normalization`. Default none. */
  transforms?: readonly Transform[];
}

/** What a data set keeps on the GPU. */
interface Uploaded {
  /** The bytes of the images, four to a word, in pieces that can be bound. */
  pieces: { pixels: GpuArray; first: number; images: number }[];
  labels: GpuArray;
  /** (C, 2): what a byte is multiplied with, and what is added then. */
  channels: GpuArray;
  /** Kind and parameter of each random transform. */
  steps: GpuArray;
}

/**
 * Images with labels: `[image (C, H, W) of f32, label of i32]`.
 *
 * The bytes are uploaded once, at the first batch; a kernel gathers, transforms and normalises each
 * batch. Random transforms draw from the generator of the DataLoader, one position a batch.
 */
export class ImageDataset extends Dataset {
  readonly length: number;
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
  readonly imageShape: readonly [channels: number, height: number, width: number];
  readonly classes: readonly string[];
  readonly normalization: Normalization;
  readonly transforms: readonly Transform[];
  private readonly steps: Uint32Array;
  private uploaded: Uploaded | null = null;

  /** @throws ShapeError or ArgumentError if images, labels, classes and channels do not fit. */
  constructor(options: ImageDatasetOptions) {
    super();
    const { images, labels, imageShape, classes, normalization, transforms = [] } = options;
    const [channels, height, width] = imageShape;
    const bytes = labels.length * channels * height * width;
    if (images.length !== bytes) {
      throw new ShapeError(
        'ImageDataset',
        `${bytes} bytes of images for ${labels.length} labels`,
        `${images.length} bytes`,
      );
    }
    const wrong = labels.find((label) => label >= classes.length);
    if (wrong !== undefined)
      throw new ArgumentError('ImageDataset', `labels under ${classes.length}`, wrong);
    this.length = labels.length;
    this.images = images;
    this.labels = labels;
    this.imageShape = imageShape;
    this.classes = classes;
    this.transforms = transforms;
    const plan = planTransforms('ImageDataset', transforms);
    if (plan.normalization && normalization)
      throw new ArgumentError('ImageDataset', 'normalization or the transform normalize', 'both');
    this.steps = plan.steps;
    this.normalization = normalization ??
      plan.normalization ?? {
        mean: Array<number>(channels).fill(0),
        std: Array<number>(channels).fill(1),
      };
    const { mean, std } = this.normalization;
    if (mean.length !== channels || std.length !== channels || std.some((value) => !(value > 0))) {
      throw new ArgumentError(
        'ImageDataset',
        `a mean and a std above 0 for each of ${channels} channels`,
        `mean [${mean.join(', ')}], std [${std.join(', ')}]`,
      );
    }
  }

  /** The bytes of image `i`, (C, H, W). */
  image(i: number): Uint8Array {
    const size = this.images.length / this.length;
    return this.images.subarray(i * size, (i + 1) * size);
  }

  gather(
    order: GpuArray,
    start: number,
    count: number,
    generator: Generator = defaultGenerator,
  ): Tensor[] {
    const { device } = order;
    const { pieces, labels, channels, steps } = this.upload(device);
    const [planes, height, width] = this.imageShape;
    const x = GpuArray.empty([count, planes, height, width], 'f32', device);
    const y = GpuArray.empty([count], 'i32', device);
    const span = Math.min(SPAN[device.info.software ? 'software' : 'hardware'], width);
    const random = this.steps.length > 0;
    const draw = random ? generator.next() : { seed0: 0, seed1: 0, offset: 0 };
    for (const { pixels, first, images } of pieces) {
      launch(shader, 'gather', {
        inputs: [pixels, order, channels, labels, steps],
        outputs: [x, y],
        params: {
          ...{ count, channels: planes, height, width, span, start, first, images },
          ...{ steps: this.steps.length / 2, ...draw },
        },
        threads: count * planes * height * Math.ceil(width / span),
      });
    }
    return [new Tensor(x), new Tensor(y)];
  }

  dispose(): void {
    const { pieces = [], ...rest } = this.uploaded ?? {};
    for (const { pixels } of pieces) pixels.release();
    for (const array of Object.values(rest) as GpuArray[]) array.release();
    this.uploaded = null;
  }

  private upload(device: Device): Uploaded {
    if (this.uploaded?.labels.device === device) return this.uploaded;
    this.dispose();
    const { mean, std } = this.normalization;
    const scaleShift = Float32Array.from(
      mean.flatMap((m, c) => [1 / (255 * std[c]!), -m / std[c]!]),
    );
    const steps = this.steps.length > 0 ? this.steps : new Uint32Array(2);
    return (this.uploaded = {
      pieces: this.uploadPixels(device),
      labels: GpuArray.from(Int32Array.from(this.labels), [this.length], device),
      channels: GpuArray.from(scaleShift, [mean.length, 2], device),
      steps: GpuArray.from(steps, [steps.length / 2, 2], device),
    });
  }

  private uploadPixels(device: Device): Uploaded['pieces'] {
    const size = numelOf(this.imageShape);
    const most = Math.floor(device.bindingLimit / (size || 1));
    if (most === 0) {
      const limit = `images of at most ${device.bindingLimit} bytes, which this adapter can bind`;
      throw new OutOfMemoryError(`ImageDataset: expected ${limit}, got ${size}`);
    }
    const pieces: Uploaded['pieces'] = [];
    for (let first = 0; first < this.length; first += most) {
      const images = Math.min(most, this.length - first);
      const words = new Uint32Array(Math.ceil((images * size) / 4));
      new Uint8Array(words.buffer).set(this.images.subarray(first * size, (first + images) * size));
      pieces.push({ pixels: GpuArray.from(words, [words.length], device), first, images });
    }
    return pieces;
  }
}
