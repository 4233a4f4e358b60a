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
import { addInPlace } from '../kernels/accumulate.js';
import { castTo } from '../kernels/cast.js';
import { checkDevice, checkFloat } from '../kernels/checks.js';
import { fitBindings, giveBlock, partsOf, takeBlock, type Block } from '../kernels/parts.js';
import { fill } from '../kernels/fill.js';
import { partLaunch, rowLaunch } from '../kernels/rows.js';
import { planCopy, stridedCopy } from '../kernels/stridedCopy.js';
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

/** Samples of x, or some channels of one: what the kernels are launched on. */
interface Piece {
  params: ParamsOf<typeof shader>;
  /** The first channel. */
  channel: number;
  inputs: GpuArray[];
  outputs: GpuArray[];
  /** What there is for each channel. */
  ofChannels: GpuArray[];
}

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
    this.inPieces([x], [y], [this.stats, bias ?? this.stats], (piece) => {
      const { wide, ...size } = rowLaunch(device, piece.params.planes, spatial);
      launch(shader, 'forward', {
        inputs: [...piece.inputs, ...piece.ofChannels],
        outputs: piece.outputs,
        params: piece.params,
        flags: { BIAS: bias !== null, WIDE: wide },
        ...size,
      });
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
    const pieces: { array: GpuArray; channel: number }[] = [];
    this.inPieces([x], [], [], ({ params, channel, inputs }) => {
      const { parts, partSize, wide, ...size } = this.partLaunch(params);
      const array = GpuArray.empty([parts, params.channels, 4], 'f32', device);
      launch(shader, 'statistics', {
        inputs,
        outputs: [array],
        params: { ...params, count: countOf(params), parts, partSize },
        flags: { WIDE: wide },
        ...size,
      });
      pieces.push({ array, channel });
    });
    const moments = joinMoments(pieces, params.channels);
    const parts = moments.shape[0]!;
    const { wide: wideParts, ...channelSize } = rowLaunch(device, params.channels, parts);
    launch(shader, 'combine', {
      inputs: [moments, weight ?? moments, running?.count ?? moments],
      outputs: running ? [stats, running.mean, running.variance] : [stats],
      params: { ...params, parts },
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
    const { channels: all } = this.params;
    const empty = (...shape: number[]): GpuArray => GpuArray.empty(shape, 'f32', dy.device);
    const total: GpuArray[] = []; // of dy, and of dy xhat
    this.inPieces([this.x, dy], [], [this.stats], ({ params, channel, inputs, ofChannels }) => {
      const { channels } = params;
      const { parts, partSize, wide, ...size } = this.partLaunch(params);
      const sums = [empty(parts, channels), empty(parts, channels)];
      launch(shader, 'sums', {
        inputs: [...inputs, ...ofChannels],
        outputs: sums,
        params: { ...params, count: countOf(params), parts, partSize },
        flags: { WIDE: wide },
        ...size,
      });
      sums.forEach((array, i) => {
        const sum = sumTo(array, [channels]);
        if (inputs[0] === this.x) {
          total[i] = sum;
          return;
        }
        const into = (total[i] ??= fill(empty(all), 0));
        const block = { offset: channel, size: 1, step: 0, length: channels };
        const some = takeBlock(into, block);
        addInPlace(some, sum);
        giveBlock(some, into, block);
      });
    });
    const [bias, weight] = total as [GpuArray, GpuArray];
    return { weight, bias };
  }

  /**
   * Calls `work` with everything, or where x is larger than a binding with some samples after the
   * others, or with some channels of each sample.
   */
  private inPieces(
    inputs: GpuArray[],
    outputs: GpuArray[],
    ofChannels: GpuArray[],
    work: (piece: Piece) => void,
  ): void {
    const { params, x } = this;
    if (fitBindings([x])) {
      work({ params, channel: 0, inputs, outputs, ofChannels });
      return;
    }
    const { channels: all, planes, spatial } = params;
    const sample = x.bytes / (planes / all);
    const groups =
      sample <= x.device.bindingLimit
        ? partsOf(planes / all, all * spatial, x).map(([first, count]) => [
            first * all,
            count * all,
          ])
        : Array.from({ length: planes / all }, (_, n) =>
            partsOf(all, spatial, x).map(([first, count]) => [n * all + first, count]),
          ).flat();
    for (const [first, count] of groups as [number, number][]) {
      const channel = first % all;
      const channels = Math.min(count, all);
      const block = { offset: first * spatial, size: 1, step: 0, length: count * spatial };
      const ofAll = (array: GpuArray): Block => {
        const each = array.numel / all;
        return { offset: channel * each, size: 1, step: 0, length: channels * each };
      };
      const taken = outputs.map((array) => takeBlock(array, block));
      const piece = {
        params: { ...params, channels, planes: count },
        channel,
        inputs: inputs.map((array) => takeBlock(array, block)),
        outputs: taken,
        ofChannels: ofChannels.map((array) => takeBlock(array, ofAll(array))),
      };
      work(piece);
      for (const array of [...piece.inputs, ...piece.ofChannels]) array.release();
      outputs.forEach((array, i) => giveBlock(taken[i]!, array, block));
    }
  }

  private gradient(dy: GpuArray, sums: { weight: GpuArray; bias: GpuArray } | null): GpuArray {
    const { training = false } = this.options;
    const dx = GpuArray.empty(dy.shape, dy.dtype, dy.device);
    const ofChannels = [this.stats, sums?.bias ?? this.stats, sums?.weight ?? this.stats];
    this.inPieces([this.x, dy], [dx], ofChannels, (piece) => {
      const { planes, spatial } = piece.params;
      const { wide, ...size } = rowLaunch(dy.device, planes, spatial);
      launch(shader, 'backward', {
        inputs: [...piece.inputs, ...piece.ofChannels],
        outputs: piece.outputs,
        params: piece.params,
        flags: { TRAINING: training, WIDE: wide },
        ...size,
      });
    });
    return dx;
  }

  /** Without spatial dimensions it is channels that lie next to each other: a thread for each. */
  private partLaunch(params: ParamsOf<typeof shader>): Launch {
    const { channels, spatial } = params;
    const wide = spatial === 1 ? false : undefined;
    return partLaunch(this.x.device, channels, countOf(params), wide);
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

/** Elements of each channel of a piece. */
function countOf({ planes, channels, spatial }: ParamsOf<typeof shader>): number {
  return channels === 0 ? 0 : (planes / channels) * spatial;
}

/** (parts, channels, 4) of all pieces, which it takes over; what is missing is of size 0. */
function joinMoments(
  pieces: readonly { array: GpuArray; channel: number }[],
  channels: number,
): GpuArray {
  if (pieces.length === 1) return pieces[0]!.array;
  let parts = 0;
  let start = 0;
  const places = pieces.map(({ array, channel }) => {
    if (channel === 0) start = parts;
    parts = Math.max(parts, start + array.shape[0]!);
    return (start * channels + channel) * 4;
  });
  const moments = fill(GpuArray.empty([parts, channels, 4], 'f32', pieces[0]!.array.device), 0);
  pieces.forEach(({ array }, i) => {
    const to = { strides: [channels * 4, 4, 1], offset: places[i]! };
    stridedCopy(planCopy(array.shape, { to }), array, moments);
    array.release();
  });
  return moments;
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
