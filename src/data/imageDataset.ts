import source from '../../shaders/gatherImages.wgsl';
import threads from '../../shaders/threads.wgsl';
import { ArgumentError, ShapeError } from '../errors.js';
import type { Device } from '../gpu/device.js';
import { GpuArray } from '../gpu/gpuArray.js';
import { launch } from '../gpu/launch.js';
import { defineShader } from '../gpu/shader.js';
import { Tensor } from '../tensor/tensor.js';
import { Dataset } from './dataset.js';
import { gatherRows } from './gatherRows.js';

const shader = defineShader({
  name: 'gatherImages',
  source,
  params: { count: 'u32', imageSize: 'u32', planeSize: 'u32', start: 'u32' },
  includes: { threads },
});

/** Pixels v from 0 to 255 become (v / 255 - mean) / std, by channel. */
export interface Normalization {
  mean: readonly number[];
  std: readonly number[];
}

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
}

/** What a data set keeps on the GPU. */
interface Uploaded {
  /** The bytes of the images, four to a word. */
  pixels: GpuArray;
  labels: GpuArray;
  /** (C, 2): what a byte is multiplied with, and what is added then. */
  scaleShift: GpuArray;
}

/**
 * Images with labels: `[image (C, H, W) of f32, label of i32]`.
 *
 * The bytes are uploaded once, at the first batch; a kernel gathers and normalises each batch.
 */
export class ImageDataset extends Dataset {
  readonly length: number;
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
  readonly imageShape: readonly [channels: number, height: number, width: number];
  readonly classes: readonly string[];
  readonly normalization: Normalization;
  private uploaded: Uploaded | null = null;

  /** @throws ShapeError or ArgumentError if images, labels, classes and channels do not fit. */
  constructor({ images, labels, imageShape, classes, normalization }: ImageDatasetOptions) {
    super();
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
    this.normalization = normalization ?? {
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

  gather(order: GpuArray, start: number, count: number): Tensor[] {
    const { pixels, labels, scaleShift } = this.upload(order.device);
    const [channels, height, width] = this.imageShape;
    const planeSize = height * width;
    const x = GpuArray.empty([count, channels, height, width], 'f32', order.device);
    launch(shader, 'gather', {
      inputs: [pixels, order, scaleShift],
      outputs: [x],
      params: { count: x.numel, imageSize: channels * planeSize, planeSize, start },
      threads: x.numel,
    });
    return [new Tensor(x), new Tensor(gatherRows(labels, order, start, count))];
  }

  dispose(): void {
    for (const array of Object.values(this.uploaded ?? {})) (array as GpuArray).release();
    this.uploaded = null;
  }

  private upload(device: Device): Uploaded {
    if (this.uploaded?.pixels.device === device) return this.uploaded;
    this.dispose();
    const words = new Uint32Array(Math.ceil(this.images.length / 4));
    new Uint8Array(words.buffer).set(this.images);
    const { mean, std } = this.normalization;
    const scaleShift = Float32Array.from(
      mean.flatMap((m, c) => [1 / (255 * std[c]!), -m / std[c]!]),
    );
    return (this.uploaded = {
      pixels: GpuArray.from(words, [words.length], device),
      labels: GpuArray.from(Int32Array.from(this.labels), [this.length], device),
      scaleShift: GpuArray.from(scaleShift, [mean.length, 2], device),
    });
  }
}
