import { ShapeError } from '../errors.js';
import type { Activation } from '../autograd/kernels/activation.js';
import type { Shape } from '../gpu/dtype.js';
import type { Tensor } from '../tensor/tensor.js';
import * as functional from './functional.js';
import { ones_, zeros_ } from './init.js';
import { Module } from './module.js';
import { Buffer, Parameter } from './parameter.js';

export interface BatchNormLayerOptions {
  /** Added to the variance. Default 1e-5. */
  eps?: number;
  /** How much of each batch goes into the running statistics; null averages all batches. Default 0.1. */
  momentum?: number | null;
  /** Whether it learns a weight and a bias of each channel. Default true. */
  affine?: boolean;
  /** Whether it keeps running statistics for inference; else it uses the batch's. Default true. */
  trackRunningStats?: boolean;
}

/** What BatchNorm1d and BatchNorm2d have in common. */
abstract class BatchNorm extends Module {
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  readonly runningMean: Buffer | null;
  readonly runningVar: Buffer | null;
  readonly numBatchesTracked: Buffer | null;
  readonly eps: number;
  readonly momentum: number | null;

  constructor(
    readonly numFeatures: number,
    {
      eps = 1e-5,
      momentum = 0.1,
      affine = true,
      trackRunningStats = true,
    }: BatchNormLayerOptions = {},
  ) {
    super();
    this.eps = eps;
    this.momentum = momentum;
    this.weight = affine ? new Parameter([numFeatures]) : null;
    this.bias = affine ? new Parameter([numFeatures]) : null;
    this.runningMean = trackRunningStats ? new Buffer([numFeatures]) : null;
    this.runningVar = trackRunningStats ? new Buffer([numFeatures]) : null;
    this.numBatchesTracked = trackRunningStats ? new Buffer([], 'i32') : null;
    if (this.weight) ones_(this.weight);
    if (this.bias) zeros_(this.bias);
    this.resetRunningStats();
  }

  /** Back to mean 0, variance 1 and no batches. */
  resetRunningStats(): void {
    if (this.runningMean) zeros_(this.runningMean);
    if (this.runningVar) ones_(this.runningVar);
    if (this.numBatchesTracked) zeros_(this.numBatchesTracked);
  }

  forward(x: Tensor): Tensor {
    return this.normalize(x);
  }

  /** The activation of `forward(x)`, computed by the same kernel. */
  forwardActivated(x: Tensor, activation: Activation): Tensor {
    return this.normalize(x, activation);
  }

  private normalize(x: Tensor, activation?: Activation): Tensor {
    this.checkInput(x.shape);
    const { runningMean, runningVar, numBatchesTracked, momentum, eps } = this;
    return functional.batchNorm(x, runningMean, runningVar, this.weight, this.bias, {
      training: this.training || !runningMean,
      momentum,
      eps,
      numBatchesTracked,
      activation,
    });
  }

  /** What the input must look like. */
  protected abstract readonly inputShapes: Readonly<Record<number, string>>;

  private checkInput(shape: Shape): void {
    const { constructor, inputShapes, numFeatures } = this;
    const expected = `input ${Object.values(inputShapes).join(' or ')}`;
    if (!(shape.length in inputShapes)) throw new ShapeError(constructor.name, expected, shape);
    if (shape[1] !== numFeatures) {
      throw new ShapeError(constructor.name, `${expected} with C = ${numFeatures}`, shape);
    }
  }

  override extraRepr(): string {
    return `${this.numFeatures} channels`;
  }
}

/**
 * Batch normalization of features, or of the channels of a sequence: with the mean and variance of
 * the batch while training, with running ones after `eval()`.
 *
 * @param numFeatures  C, the channels of the input.
 *
 * Shape: (N, C) or (N, C, L) -> the same.
 * Parameters: `weight` (C) of 1 and `bias` (C) of 0. Buffers: `runningMean` (C) of 0, `runningVar`
 *   (C) of 1 (unbiased), `numBatchesTracked`, a scalar of i32; forward updates them on the GPU.
 * @throws ShapeError for other channels, and for one value per channel while training.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html
 */
export class BatchNorm1d extends BatchNorm {
  protected override get inputShapes(): Record<number, string> {
    return { 2: '(N, C)', 3: '(N, C, L)' };
  }
}

/**
 * Batch normalization of the channels of images: with the mean and variance of the batch while
 * training, with running ones after `eval()`.
 *
 * @param numFeatures  C, the channels of the input.
 *
 * Shape: (N, C, H, W) -> the same. Parameters, buffers and errors: as those of BatchNorm1d.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html
 *
 * @example
 * new Sequential(new Conv2d(3, 64, 3, { bias: false }), new BatchNorm2d(64), new ReLU());
 */
export class BatchNorm2d extends BatchNorm {
  protected override get inputShapes(): Record<number, string> {
    return { 4: '(N, C, H, W)' };
  }
}

export interface LayerNormOptions {
  /** Added to the variance. Default 1e-5. */
  eps?: number;
  /** Whether it learns a weight and a bias of each element. Default true. */
  elementwiseAffine?: boolean;
  /** Whether there is a bias, if it learns. Default true. */
  bias?: boolean;
}

/**
 * Layer normalization: the elements of the last dimensions brought to mean 0 and variance 1.
 *
 * @param normalizedShape  Those dimensions, or the size of the last one.
 *
 * Shape: (..., normalizedShape) -> the same.
 * Parameters: `weight` of 1 and `bias` of 0, both (normalizedShape).
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LayerNorm.html
 *
 * @example
 * new LayerNorm(512).forward(x); // (8, 100, 512) -> (8, 100, 512)
 */
export class LayerNorm extends Module {
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  readonly normalizedShape: Shape;
  readonly eps: number;

  constructor(
    normalizedShape: number | Shape,
    { eps = 1e-5, elementwiseAffine = true, bias = true }: LayerNormOptions = {},
  ) {
    super();
    this.normalizedShape = [normalizedShape].flat() as Shape;
    this.eps = eps;
    this.weight = elementwiseAffine ? new Parameter(this.normalizedShape) : null;
    this.bias = elementwiseAffine && bias ? new Parameter(this.normalizedShape) : null;
    if (this.weight) ones_(this.weight);
    if (this.bias) zeros_(this.bias);
  }

  forward(x: Tensor): Tensor {
    return functional.layerNorm(x, this.normalizedShape, this.weight, this.bias, this.eps);
  }

  override extraRepr(): string {
    return this.normalizedShape.join('x');
  }
}
