import { ArgumentError, OutOfMemoryError, ShapeError } from '../errors.js';
import { isDryRun, type Device } from '../gpu/device.js';
import { numelOf, type Shape } from '../gpu/dtype.js';
import { GpuArray } from '../gpu/gpuArray.js';
import { replayed } from '../gpu/recording.js';
import { defaultGenerator, type Generator } from '../random/generator.js';
import { Tensor } from '../tensor/tensor.js';
import { Dataset } from './dataset.js';
import { ImagePipeline } from './imagePipeline.js';
import type { Normalization, Transform } from './transform.js';

export interface ImageDatasetOptions {
  /** (N, C, H, W), one byte each. */
  images: Uint8Array;
  /** (N), each the index of a class. */
  labels: Uint8Array | Uint16Array;
  /** C, H and W of one image. */
  imageShape: readonly [channels: number, height: number, width: number];
  /** Names of the classes. */
  classNames: readonly string[];
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
  override readonly labels: Uint8Array | Uint16Array;
  /** C, H and W of what `images` holds. */
  readonly imageShape: readonly [channels: number, height: number, width: number];
  override readonly classNames: readonly string[];
  readonly normalization: Normalization;
  readonly transforms: readonly Transform[];
  private readonly pipeline: ImagePipeline;
  private uploaded: Uploaded | null = null;

  /** @throws ShapeError or ArgumentError if images, labels, classes, channels and transforms do not fit. */
  constructor(options: ImageDatasetOptions) {
    super();
    const { images, labels, imageShape, classNames, normalization, transforms = [] } = options;
    const bytes = labels.length * numelOf(imageShape);
    if (images.length !== bytes) {
      throw new ShapeError(
        'ImageDataset',
        `${bytes} bytes of images for ${labels.length} labels`,
        `${images.length} bytes`,
      );
    }
    const wrong = labels.find((label) => label >= classNames.length);
    if (wrong !== undefined)
      throw new ArgumentError('ImageDataset', `labels under ${classNames.length}`, wrong);
    this.length = labels.length;
    this.images = images;
    this.labels = labels;
    this.imageShape = imageShape;
    this.classNames = classNames;
    this.transforms = transforms;
    this.pipeline = new ImagePipeline(
      'ImageDataset',
      imageShape,
      'bytes',
      transforms,
      normalization,
    );
    this.normalization = this.pipeline.normalization;
  }

  /** C, H and W of the images of a batch, which transforms may have resized. */
  get sampleShape(): readonly [channels: number, height: number, width: number] {
    return this.pipeline.shape;
  }

  /** The bytes of image `i`, (C, H, W). */
  image(i: number): Uint8Array {
    const size = this.images.length / this.length;
    return this.images.subarray(i * size, (i + 1) * size);
  }

  /**
   * The bytes of some images, in this order, as `sg.viz` draws them.
   * @throws ArgumentError for an index that it has not.
   */
  imagesAt(indices: readonly number[]): { data: Uint8Array; shape: Shape } {
    const size = numelOf(this.imageShape);
    const data = new Uint8Array(indices.length * size);
    indices.forEach((index, i) => {
      if (!(Number.isInteger(index) && index >= 0 && index < this.length)) {
        throw new ArgumentError('imagesAt', `indices under ${this.length}`, index);
      }
      data.set(this.image(index), i * size);
    });
    return { data, shape: [indices.length, ...this.imageShape] };
  }

  gather(
    order: GpuArray,
    start: number,
    count: number,
    generator: Generator = defaultGenerator,
  ): Tensor[] {
    const { device } = order;
    const { pieces, labels } = this.upload(device);
    const y = GpuArray.empty([count], 'i32', device);
    const draw = this.pipeline.random ? replayed(device, () => generator.next()) : undefined;
    const batches = pieces.map((piece) => ({ ...piece, order, start, labels, y }));
    return [new Tensor(this.pipeline.run(device, batches, count, draw)), new Tensor(y)];
  }

  dispose(): void {
    for (const { pixels } of this.uploaded?.pieces ?? []) pixels.release();
    this.uploaded?.labels.release();
    this.uploaded = null;
    this.pipeline.dispose();
  }

  private upload(device: Device): Uploaded {
    if (this.uploaded?.labels.device === device) return this.uploaded;
    const made = {
      pieces: this.uploadPixels(device),
      labels: GpuArray.from(Int32Array.from(this.labels), [this.length], device),
    };
    if (isDryRun()) return made; // without memory, so nothing to keep
    this.dispose();
    return (this.uploaded = made);
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
