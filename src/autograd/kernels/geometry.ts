/** Where the windows of convolutions and pools lie, and the checks that they share. */
import { ArgumentError, formatShape, ShapeError } from '../../errors.js';
import type { Shape } from '../../gpu/dtype.js';

/** One number for both, or [height, width]. */
export type Pair = number | readonly [height: number, width: number];

/**
 * Windows along one axis: element `tap` of window `i` is element
 * `i * stride + tap * dilation - padding` of the input, or padding where there is no such.
 */
export interface Axis {
  /** Elements of the input. */
  input: number;
  /** Elements of a window. */
  kernel: number;
  stride: number;
  dilation: number;
  /** Padding before the first element; negative where elements are left out instead. */
  padding: number;
  /** Number of windows. */
  output: number;
}

export interface ConvGeometry {
  /** N, images. */
  n: number;
  /** C, channels of the input. */
  inChannels: number;
  /** K, channels of the output. */
  outChannels: number;
  groups: number;
  h: Axis;
  w: Axis;
}

export interface PoolGeometry {
  n: number;
  channels: number;
  h: Axis;
  w: Axis;
}

export interface ConvGeometryOptions {
  stride?: Pair;
  padding?: Pair | 'same' | 'valid';
  dilation?: Pair;
  groups?: number;
}

export interface PoolGeometryOptions {
  kernelSize: Pair;
  stride?: Pair;
  padding?: Pair;
  dilation?: Pair;
  ceilMode?: boolean;
}

/** How much of the input a window covers, gaps included. */
export function extent({ kernel, dilation }: Axis): number {
  return dilation * (kernel - 1) + 1;
}

/**
 * @param op     Named in errors.
 * @param x      Shape of the input, (N, C, H, W).
 * @param weight (K, C / groups, kH, kW)
 * @param bias   (K), if there is one.
 * @throws ShapeError, ArgumentError
 */
export function convGeometry(
  op: string,
  x: Shape,
  weight: Shape,
  bias: Shape | undefined,
  options: ConvGeometryOptions,
): ConvGeometry {
  checkRank4(op, x);
  if (weight.length !== 4) throw new ShapeError(op, 'weight (K, C / groups, kH, kW)', weight);
  const [n, inChannels, inH, inW] = x as [number, number, number, number];
  const [outChannels, perGroup, kH, kW] = weight as [number, number, number, number];
  if (outChannels * perGroup * kH * kW === 0) {
    throw new ShapeError(op, 'weight (K, C / groups, kH, kW) without a zero', weight);
  }
  const groups = options.groups ?? 1;
  checkInteger(op, 'groups', groups, 1);
  if (inChannels % groups !== 0 || outChannels % groups !== 0) {
    throw new ArgumentError(
      op,
      `groups that divide the ${inChannels} channels of the input and the ${outChannels} of the weight`,
      groups,
    );
  }
  if (perGroup * groups !== inChannels) {
    throw new ShapeError(
      op,
      `input (N, ${perGroup * groups}, H, W) for weight ${formatShape(weight)} and groups ${groups}`,
      x,
      'The channels of the input must be weight.shape[1] * groups.',
    );
  }
  if (bias && !(bias.length === 1 && bias[0] === outChannels)) {
    throw new ShapeError(op, `bias (${outChannels},) for weight ${formatShape(weight)}`, bias);
  }

  const [strideH, strideW] = pairOf(op, 'stride', options.stride ?? 1, 1);
  const [dilationH, dilationW] = pairOf(op, 'dilation', options.dilation ?? 1, 1);
  const { padding = 0 } = options;
  if (padding === 'same' && (strideH !== 1 || strideW !== 1)) {
    throw new ArgumentError(
      op,
      "stride 1 with padding 'same'",
      `[${strideH}, ${strideW}]`,
      'Give the padding as numbers.',
    );
  }
  const [padH, padW] =
    padding === 'same'
      ? [dilationH * (kH - 1), dilationW * (kW - 1)]
      : pairOf(op, 'padding', padding === 'valid' ? 0 : padding, 0).map((pad) => 2 * pad);
  return {
    n,
    inChannels,
    outChannels,
    groups,
    h: axisOf(op, 'height', inH, kH, strideH, dilationH, padH!),
    w: axisOf(op, 'width', inW, kW, strideW, dilationW, padW!),
  };
}

/**
 * @param op  Named in errors.
 * @param x   Shape of the input, (N, C, H, W).
 * @throws ShapeError, ArgumentError
 */
export function poolGeometry(op: string, x: Shape, options: PoolGeometryOptions): PoolGeometry {
  checkRank4(op, x);
  const [n, channels, inH, inW] = x as [number, number, number, number];
  const kernel = pairOf(op, 'kernelSize', options.kernelSize, 1);
  const stride = pairOf(op, 'stride', options.stride ?? kernel, 1);
  const dilation = pairOf(op, 'dilation', options.dilation ?? 1, 1);
  const padding = pairOf(op, 'padding', options.padding ?? 0, 0);
  const [h, w] = ([0, 1] as const).map((i) => {
    const covered = dilation[i] * (kernel[i] - 1) + 1;
    if (2 * padding[i] > covered) {
      throw new ArgumentError(op, `padding of at most half a window (${covered})`, padding[i]);
    }
    return axisOf(
      op,
      i === 0 ? 'height' : 'width',
      i === 0 ? inH : inW,
      kernel[i],
      stride[i],
      dilation[i],
      2 * padding[i],
      options.ceilMode,
    );
  }) as [Axis, Axis];
  return { n, channels, h, w };
}

/** @param padding  Before and after together; what is left over of a half goes to the end. */
function axisOf(
  op: string,
  name: 'height' | 'width',
  input: number,
  kernel: number,
  stride: number,
  dilation: number,
  padding: number,
  ceilMode = false,
): Axis {
  const before = Math.floor(padding / 2);
  const slack = input + padding - (dilation * (kernel - 1) + 1);
  if (slack < 0 || input === 0) {
    throw new ShapeError(
      op,
      `an input of ${name} ${Math.max(1, input - slack)} or more for kernel ${kernel}, dilation ${dilation} and padding ${before}`,
      `${name} ${input}`,
      'Use a smaller kernel or more padding.',
    );
  }
  let output = (ceilMode ? Math.ceil(slack / stride) : Math.floor(slack / stride)) + 1;
  // With ceilMode a last window may hang over the end, but must not begin in the padding there.
  if (ceilMode && (output - 1) * stride >= input + before) output--;
  return { input, kernel, stride, dilation, padding: before, output };
}

function checkRank4(op: string, x: Shape): void {
  if (x.length === 4) return;
  const fix = x.length === 3 ? 'Add the batch dimension with unsqueeze(0).' : undefined;
  throw new ShapeError(op, 'input (N, C, H, W)', x, fix);
}

function pairOf(op: string, name: string, value: Pair, least: number): readonly [number, number] {
  const pair = typeof value === 'number' ? ([value, value] as const) : value;
  if (!Array.isArray(pair) || pair.length !== 2) {
    throw new ArgumentError(op, `${name} as a number or [height, width]`, JSON.stringify(value));
  }
  for (const number of pair) checkInteger(op, name, number as number, least);
  return pair as readonly [number, number];
}

function checkInteger(op: string, name: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least) {
    throw new ArgumentError(op, `${name} as an integer of at least ${least}`, value);
  }
}
