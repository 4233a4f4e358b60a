import activation from '../../../shaders/activation.wgsl';
import source from '../../../shaders/batchNorm.wgsl';
import epilogue from '../../../shaders/epilogue.wgsl';
import rowsSource from '../../../shaders/rows.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { ArgumentError, DTypeError, formatShape, ShapeError } from '../../errors.js';
import type { Device } from '../../gpu/device.js';
import { numelOf, sameShape, type Shape } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch, type LaunchOptions } from '../../gpu/launch.js';
import { defineShader, type ParamsOf } from '../../gpu/shader.js';
import { activationFlags, INCOMING_FLAGS, type Activation } from '../kernels/activation.js';
import {
  affineInputs,
  affineOf,
  checkAffine,
  type Affine,
  type AffineInputs,
} from '../kernels/affine.js';
import { castTo } from '../kernels/cast.js';
import { checkDevice, checkFloat } from '../kernels/checks.js';
import { fitBindings, giveBlock, partsOf, takeBlock, type Block } from '../kernels/parts.js';
import { partLaunch, rowLaunch, type RowLaunch } from '../kernels/rows.js';
import { Op, type Gradients } from '../op.js';

const shader = defineShader({
  name: 'batchNorm',
  source,
  params: {
    channels: 'u32',
    spatial: 'u32',
    count: 'u32',
    partSize: 'u32',
    rows: 'u32',
    firstPart: 'u32',
    firstChannel: 'u32',
    isFirst: 'u32',
    allParts: 'u32',
    allChannels: 'u32',
    allCount: 'u32',
    momentum: 'f32',
    eps: 'f32',
  },
  flags: [
    ...['EVAL', 'COUNTER', 'WEIGHT', 'BIAS', 'TRACK', 'CUMULATIVE', 'SUMMED', 'INPUT', 'WIDE'],
    ...INCOMING_FLAGS,
  ],
  includes: { activation, epilogue, rows: rowsSource, threads },
});

export interface BatchNormOptions {
  /** Whether to normalize by the statistics of x, and to update the running ones. Default false. */
  training?: boolean;
  /** How much of the batch goes into the running statistics; null averages all batches. Default 0.1. */
  momentum?: number | null;
  /** Added to the variance. Default 1e-5. */
  eps?: number;
  /** Applied to the result, in the same kernel. Default none. */
  activation?: Activation;
}

/** Written in place while training, and read else. */
export interface RunningStatistics {
  mean: GpuArray;
  variance: GpuArray;
  /** How many batches there were, a scalar of i32; counted up while training. */
  count: GpuArray | null;
}

type PieceParams = Pick<
  ParamsOf<typeof shader>,
  'channels' | 'count' | 'partSize' | 'rows' | 'firstPart' | 'firstChannel' | 'isFirst'
>;

/** Samples of x, or some channels of one: what the kernels are launched on. */
interface Piece {
  /** Its elements in x; null where it is all of x. */
  block: Block | null;
  params: PieceParams;
  size: RowLaunch;
}

/**
 * Batch normalization of `x`, (N, C, ...), by channel. With m elements in each channel, and a for the
 * activation, if there is one:
 *
 *   y     = a(z),   z = xhat w + b
 *   xhat  = (x - mean) / sqrt(var + eps),   var = sum (x - mean)^2 / m
 *   dz    = dy a'(z),   db = sum dz,   dw = sum dz xhat
 *   dx    = w / sqrt(var + eps) (dz - db / m - xhat dw / m)
 *   running = (1 - momentum) running + momentum [mean, var m / (m - 1)]
 *
 * Without `training`, mean and var are the running ones, and dx = w / sqrt(var + eps) dz.
 *
 * Two dispatches each way, the second of which finishes the sums of the first; one for what needs no
 * sums. y is not kept: backward computes z again.
 *
 * The variance is summed around the mean, part by part of a channel; Chan, Golub and LeVeque,
 * "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances" (1979), joins the
 * parts in order.
 */
export class BatchNorm extends Op {
  readonly name = 'batchNorm';
  private x!: GpuArray; // this and moments are saved for backward
  private moments!: GpuArray; // (allParts + 2, C, 4): see the shader
  private affine!: Affine<GpuArray>;
  private pieces!: readonly Piece[];
  private common!: Omit<ParamsOf<typeof shader>, keyof PieceParams>;

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
    const { training = false, momentum = 0.1, eps = 1e-5, activation } = this.options;
    const { running } = this;
    const { shape, device } = x;
    const [n, allChannels] = shape as [number, number];
    const spatial = numelOf(shape.slice(2));
    this.pieces = piecesOf(x);
    const last = this.pieces.at(-1)!.params;
    const allParts = last.firstPart + (last.channels && last.rows / last.channels);
    this.common = {
      ...{ spatial, allChannels, allParts, allCount: n * spatial },
      ...{ momentum: momentum ?? 0, eps },
    };
    this.x = this.save(x);
    this.moments = this.own(GpuArray.empty([allParts + 2, allChannels, 4], 'f32', device));
    const { moments } = this;
    const count = training && running?.count;
    if (training) {
      const outputs = count ? [moments, count] : [moments];
      this.run('statistics', { inputs: [x], outputs, flags: { COUNTER: Boolean(count) } }, [x]);
    }

    const [weight, bias] = [this.affine.weight, this.affine.bias].map(
      (array) => array && castTo(array, 'f32'),
    ) as [GpuArray | null, GpuArray | null];
    const y = GpuArray.empty(shape, x.dtype, device);
    const statistics = running ? [running.mean, running.variance] : [];
    const tracks = training && running !== null && x.numel > 0;
    const flags = {
      ...{ EVAL: !training, WEIGHT: weight !== null, BIAS: bias !== null },
      ...{ TRACK: tracks, CUMULATIVE: momentum === null },
      ...activationFlags(activation),
    };
    const read = [x, weight ?? x, bias ?? x, ...(training ? [count || x] : statistics)];
    const written = [moments, y, ...(tracks ? statistics : [])];
    this.run('forward', { inputs: read, outputs: written, flags }, [x, y]);
    weight?.release();
    bias?.release();
    return y;
  }
  backward(dy: GpuArray): Gradients {
    const { x, moments, common } = this;
    const { device } = dy;
    const { training = false, activation } = this.options;
    const needs = affineOf(this.given, this.needs.slice(1));
    const isSummed = training || Boolean(needs.weight ?? needs.bias);
    const flags = { ...activationFlags(activation), ACTIVATED: activation !== undefined };
    let sums: GpuArray | null = null;
    if (isSummed) {
      sums = GpuArray.empty([common.allParts, common.allChannels, 2], 'f32', device);
      this.run('sums', { inputs: [x, dy, moments], outputs: [sums], flags }, [x, dy]);
    }

    const ofAffine = sums && {
      bias: this.parameterGradient('bias', needs, device),
      weight: this.parameterGradient('weight', needs, device),
    };
    const dx = this.needs[0] ? GpuArray.empty(x.shape, x.dtype, device) : null;
    const outputs = [...(ofAffine ? [ofAffine.bias, ofAffine.weight] : []), ...(dx ? [dx] : [])];
    this.run(
      'backward',
      {
        inputs: [x, dy, moments, sums ?? moments],
        outputs,
        flags: { ...flags, EVAL: !training, SUMMED: sums !== null, INPUT: dx !== null },
      },
      [x, dy, ...(dx ? [dx] : [])],
    );
    sums?.release();
    const gradients = { weight: null, bias: null } as Affine<GpuArray>;
    for (const name of ['weight', 'bias'] as const) {
      if (needs[name]) gradients[name] = castTo(ofAffine![name], this.affine[name]!.dtype);
      ofAffine?.[name].release();
    }
    return [dx, ...affineInputs(this.given, gradients)];
  }

  /** Where the kernel writes the gradient of weight or bias, which it has in f32. */
  private parameterGradient(
    name: 'weight' | 'bias',
    needs: Affine<boolean>,
    device: Device,
  ): GpuArray {
    if (!needs[name] || this.affine[name]!.dtype !== 'f32')
      return GpuArray.empty([this.common.allChannels], 'f32', device);
    return this.gradientFor(name === 'bias' && this.given.weight ? 2 : 1, device);
  }

  /** Launches on all pieces; `cut` are those of the arrays that are as large as x. */
  private run(
    entry: 'statistics' | 'forward' | 'sums' | 'backward',
    { inputs, outputs, flags }: Pick<LaunchOptions<typeof shader>, 'inputs' | 'outputs' | 'flags'>,
    cut: readonly GpuArray[],
  ): void {
    for (const { block, params, size } of this.pieces) {
      const take = (array: GpuArray): GpuArray =>
        block && cut.includes(array) ? takeBlock(array, block) : array.share();
      const [from, to] = [inputs.map(take), outputs.map(take)];
      const { wide, ...rest } = size;
      launch(shader, entry, {
        inputs: from,
        outputs: to,
        params: { ...this.common, ...params },
        flags: { ...flags, WIDE: wide },
        ...rest,
      });
      for (const array of from) array.release();
      to.forEach((array, i) => {
        if (block && cut.includes(outputs[i]!)) giveBlock(array, outputs[i]!, block);
        else array.release();
      });
    }
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

/** All of x, or where that is larger than a binding some samples, or some channels of one sample. */
function piecesOf(x: GpuArray): Piece[] {
  const { shape, device } = x;
  const [n, all] = shape as [number, number];
  const spatial = numelOf(shape.slice(2));
  const groups = planesOf(x, n, all, spatial);
  const isWhole = groups.length === 1;
  const channelsOf = (planes: number): number => (isWhole ? all : Math.min(planes, all));
  const widest = Math.max(...groups.map(([, planes]) => channelsOf(planes)));
  let firstPart = 0;
  let nextPart = 0;
  return groups.map(([firstPlane, planes]): Piece => {
    const channels = channelsOf(planes);
    const count = isWhole ? n * spatial : (planes / channels) * spatial;
    // Without spatial dimensions it is channels that lie next to each other: a thread for each.
    const wide = spatial === 1 ? false : undefined;
    const { parts, partSize, ...cut } = partLaunch(device, widest, count, wide);
    const firstChannel = isWhole ? 0 : firstPlane % all;
    if (firstChannel === 0) firstPart = nextPart; // else they are other channels of the same parts
    nextPart = firstPart + parts;
    const rows = parts * channels;
    const offset = firstPlane * spatial;
    return {
      block: isWhole ? null : { offset, size: 1, step: 0, length: planes * spatial },
      params: {
        ...{ channels, count, partSize, rows, firstPart, firstChannel },
        isFirst: Number(firstPlane < all || isWhole),
      },
      size: rowLaunch(device, Math.max(rows, 1), partSize, cut.wide), // one row counts the batches
    };
  });
}

/** Planes of each piece as [first, count]. */
function planesOf(
  x: GpuArray,
  n: number,
  channels: number,
  spatial: number,
): (readonly [number, number])[] {
  if (fitBindings([x])) return [[0, n * channels]];
  if (x.bytes / n <= x.device.bindingLimit) {
    return partsOf(n, channels * spatial, x).map(([first, count]) => [
      first * channels,
      count * channels,
    ]);
  }
  const ofSample = partsOf(channels, spatial, x);
  return Array.from({ length: n }, (_, sample) =>
    ofSample.map(([first, count]) => [sample * channels + first, count] as const),
  ).flat();
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
