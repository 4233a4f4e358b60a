import source from '../../../shaders/batchNorm.wgsl';
import rowsSource from '../../../shaders/rows.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { ArgumentError, DTypeError, formatShape, ShapeError } from '../../errors.js';
import { numelOf, sameShape, type Shape } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader, type ParamsOf } from '../../gpu/shader.js';
import {
  affineInputs,
  affineOf,
  checkAffine,
  type Affine,
  type AffineInputs,
} from '../kernels/affine.js';
import { castTo } from '../kernels/cast.js';
import { checkDevice, checkFloat } from '../kernels/checks.js';
import { partLaunch, rowLaunch } from '../kernels/rows.js';
import { sumTo } from '../kernels/sumTo.js';
import { Op, type Gradients } from '../op.js';

const shader = defineShader({
  name: 'batchNorm',
  source,
  params: {
    channels: 'u32',
    spatial: 'u32',
    planes: 'u32',
    count: 'u32',
    parts: 'u32',
    partSize: 'u32',
    momentum: 'f32',
    eps: 'f32',
  },
  flags: ['WEIGHT', 'BIAS', 'TRACK', 'CUMULATIVE', 'TRAINING', 'WIDE'],
  includes: { rows: rowsSource, threads },
});

export interface BatchNormOptions {
  /** Whether to normalize by the statistics of x, and to update the running ones. Default false. */
  training?: boolean;
  /** How much of the batch goes into the running statistics; null averages all batches. Default 0.1. */
  momentum?: number | null;
  /** Added to the variance. Default 1e-5. */
  eps?: number;
}

/** Written in place while training, and read else. */
export interface RunningStatistics {
  mean: GpuArray;
  variance: GpuArray;
  /** How many batches there were, a scalar of i32; counted up while training. */
  count: GpuArray | null;
}

type Launch = ReturnType<typeof partLaunch>;

/**
 * Batch normalization of `x`, (N, C, ...), by channel. With m elements in each channel:
 *
 *   y     = xhat w + b,   xhat = (x - mean) / sqrt(var + eps),   var = sum (x - mean)^2 / m
 *   db    = sum dy,       dw = sum dy xhat
 *   dx    = w / sqrt(var + eps) (dy - db / m - xhat dw / m)
 *   running = (1 - momentum) running + momentum [mean, var m / (m - 1)]
 *
 * Without `training`, mean and var are the running ones, and dx = w / sqrt(var + eps) dy.
 *
 * The variance is summed around the mean, part by part of a channel; Chan, Golub and LeVeque,
 * "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances" (1979), joins the
 * parts in order.
 */
export class BatchNorm extends Op {
  readonly name = 'batchNorm';
  private params!: ParamsOf<typeof shader>;
  private x!: GpuArray; // this and stats are saved for backward
  private stats!: GpuArray;
  private affine!: Affine<GpuArray>;

  /** @param given  Which of weight and bias, both (C), are inputs behind x. */
  constructor(
    private readonly options: BatchNormOptions,
    private readonly running: RunningStatistics | null,
    private readonly given: AffineInputs,
  ) {
    super();
  }

  forward(x: GpuArray, ...inputs: GpuArray[]): GpuArray {
    this.affine = affineOf(this.given, inputs);
    this.check(x);
    const { training = false } = this.options;
    const { shape, device } = x;
    const [n, channels] = shape as [number, number];
    const spatial = numelOf(shape.slice(2));
    const { momentum, eps = 1e-5 } = this.options;
    this.params = {
      channels,
      spatial,
      planes: n * channels,
      count: n * spatial,
      parts: 1,
      partSize: n * spatial,
      momentum: momentum ?? 0.1,
      eps,
    };
    this.x = this.save(x);
    this.stats = this.own(GpuArray.empty([channels, 4], 'f32', device));
    const [weight, bias] = [this.affine.weight, this.affine.bias].map(
      (array) => array && castTo(array, 'f32'),
    ) as [GpuArray | null, GpuArray | null];
    if (training) this.batchStatistics(weight);
    else this.runningStatistics(weight);

    const y = GpuArray.empty(shape, x.dtype, device);
    const { wide, ...size } = rowLaunch(device, n * channels, spatial);
    launch(shader, 'forward', {
      inputs: [x, this.stats, bias ?? this.stats],
      outputs: [y],
      params: this.params,
      flags: { BIAS: bias !== null, WIDE: wide },
      ...size,
    });
    weight?.release();
    bias?.release();
    return y;
  }

  backward(dy: GpuArray): Gradients {
    const { training = false } = this.options;
    const needs = affineOf(this.given, this.needs.slice(1));
    const sums = training || needs.weight || needs.bias ? this.sums(dy) : null;
    const dx = this.needs[0] ? this.gradient(dy, sums) : null;
    const gradients = { weight: null, bias: null } as Affine<GpuArray>;
    for (const name of ['weight', 'bias'] as const) {
      if (needs[name]) gradients[name] = castTo(sums![name], this.affine[name]!.dtype);
      sums?.[name].release();
    }
    return [dx, ...affineInputs(this.given, gradients)];
  }

  /** Fills `stats` from x, and brings the running statistics up to date. */
  private batchStatistics(weight: GpuArray | null): void {
    const { x, stats, running, params } = this;
    const { device } = x;
    if (running?.count) {
      const workgroups = [1, 1, 1] as const;
      launch(shader, 'count', { inputs: [], outputs: [running.count], params, workgroups });
    }
    if (x.numel === 0) return;
    const { parts, partSize, wide, ...size } = this.partLaunch();
    const moments = GpuArray.empty([parts, params.channels, 4], 'f32', device);
    launch(shader, 'statistics', {
      inputs: [x],
      outputs: [moments],
      params: { ...params, parts, partSize },
      flags: { WIDE: wide },
      ...size,
    });
    const { wide: wideParts, ...channelSize } = rowLaunch(device, params.channels, parts);
    launch(shader, 'combine', {
      inputs: [moments, weight ?? moments, running?.count ?? moments],
      outputs: running ? [stats, running.mean, running.variance] : [stats],
      params: { ...params, parts, partSize },
      flags: {
        WEIGHT: weight !== null,
        TRACK: running !== null,
        CUMULATIVE: this.options.momentum === null,
        WIDE: wideParts,
      },
      ...channelSize,
    });
    moments.release();
  }

  private runningStatistics(weight: GpuArray | null): void {
    const { mean, variance } = this.running!;
    launch(shader, 'fromRunning', {
      inputs: [mean, variance, weight ?? mean],
      outputs: [this.stats],
      params: this.params,
      flags: { WEIGHT: weight !== null },
      threads: this.params.channels,
    });
  }

  /** Of dy xhat and dy: the gradients of weight and bias, in f32. */
  private sums(dy: GpuArray): { weight: GpuArray; bias: GpuArray } {
    const { channels } = this.params;
    const { parts, partSize, wide, ...size } = this.partLaunch();
    const [bias, weight] = [0, 1].map(() =>
      GpuArray.empty([parts, channels], 'f32', dy.device),
    ) as [GpuArray, GpuArray];
    launch(shader, 'sums', {
      inputs: [this.x, dy, this.stats],
      outputs: [bias, weight],
      params: { ...this.params, parts, partSize },
      flags: { WIDE: wide },
      ...size,
    });
    return { weight: sumTo(weight, [channels]), bias: sumTo(bias, [channels]) };
  }

  private gradient(dy: GpuArray, sums: { weight: GpuArray; bias: GpuArray } | null): GpuArray {
    const { planes, spatial } = this.params;
    const { training = false } = this.options;
    const dx = GpuArray.empty(dy.shape, dy.dtype, dy.device);
    const { wide, ...size } = rowLaunch(dy.device, planes, spatial);
    launch(shader, 'backward', {
      inputs: [this.x, dy, this.stats, sums?.bias ?? this.stats, sums?.weight ?? this.stats],
      outputs: [dx],
      params: this.params,
      flags: { TRAINING: training, WIDE: wide },
      ...size,
    });
    return dx;
  }

  /** Without spatial dimensions it is channels that lie next to each other: a thread for each. */
  private partLaunch(): Launch {
    const { channels, count, spatial } = this.params;
    return partLaunch(this.x.device, channels, count, spatial === 1 ? false : undefined);
  }

  private check(x: GpuArray): void {
    const { name, running } = this;
    const { training = false, momentum = 0.1 } = this.options;
    checkFloat(name, 'x', x);
    if (x.shape.length < 2) throw new ShapeError(name, 'x (N, C) or (N, C, ...)', x.shape);
    const [n, channels] = x.shape as [number, number];
    if (running) {
      const { mean, variance, count } = running;
      checkDevice(name, [x, mean, variance, ...(count ? [count] : [])]);
      checkRunning(name, 'runningMean', mean, [channels], 'f32');
      checkRunning(name, 'runningVar', variance, [channels], 'f32');
      if (count) checkRunning(name, 'numBatchesTracked', count, [], 'i32');
    } else if (!training) {
      throw new ArgumentError(
        name,
        'runningMean and runningVar where it is not training',
        null,
        'Pass them, or { training: true }.',
      );
    }
    if (training && running && momentum === null && !running.count) {
      throw new ArgumentError(name, 'numBatchesTracked with momentum null', null);
    }
    if (training && n * numelOf(x.shape.slice(2)) === 1) {
      throw new ShapeError(
        name,
        'more than 1 value per channel when training',
        x.shape,
        'Use a larger batch, or call eval().',
      );
    }
    checkAffine(name, this.affine, [channels], x);
  }
}

function checkRunning(
  op: string,
  name: string,
  array: GpuArray,
  shape: Shape,
  dtype: 'f32' | 'i32',
): void {
  if (!sameShape(array.shape, shape)) {
    throw new ShapeError(op, `${name} ${formatShape(shape)}, the channels of x`, array.shape);
  }
  if (array.dtype !== dtype) throw new DTypeError(op, `${name} of ${dtype}`, array.dtype);
}
