/** Where the windows of convolutions lie, and the checks that pools share with them. */
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

/** Products that a convolution adds up, those with padding included; as many as of its gradients. */
export function multiplyAdds({ n, inChannels, outChannels, groups, h, w }: ConvGeometry): number {
  const perOutput = (inChannels / groups) * h.kernel * w.kernel;
  return n * outChannels * h.output * w.output * perOutput;
}

export interface ConvGeometryOptions {
  stride?: Pair;
  padding?: Pair | 'same' | 'valid';
  dilation?: Pair;
  groups?: number;
}

type Four = [number, number, number, number];

/** How much of the input a window covers, gaps included. */
export function extent({ kernel, dilation }: Pick<Axis, 'kernel' | 'dilation'>): number {
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
  const groups = checkChannels(op, '(K, C / groups, kH, kW)', x, weight, options.groups);
  const [n, inChannels, inH, inW] = x as Four;
  const [outChannels, perGroup, kH, kW] = weight as Four;
  if (outChannels % groups !== 0) {
    throw new ArgumentError(op, `groups that divide the ${outChannels} filters`, groups);
  }
  if (perGroup * groups !== inChannels) {
    throw new ShapeError(
      op,
      `input (N, ${perGroup * groups}, H, W) for weight ${formatShape(weight)} and groups ${groups}`,
      x,
      'The channels of the input must be weight.shape[1] * groups.',
    );
  }
  checkBias(op, bias, outChannels, weight);

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

export interface ConvTransposeGeometryOptions {
  stride?: Pair;
  padding?: Pair;
  outputPadding?: Pair;
  dilation?: Pair;
  groups?: number;
}

/**
 * The convolution whose input gradient a transposed convolution is: from its output to its input.
 *
 * @param op     Named in errors.
 * @param x      Shape of the input, (N, in, H, W).
 * @param weight (in, out / groups, kH, kW)
 * @param bias   (out), if there is one.
 * @throws ShapeError, ArgumentError
 */
export function convTransposeGeometry(
  op: string,
  x: Shape,
  weight: Shape,
  bias: Shape | undefined,
  options: ConvTransposeGeometryOptions,
): ConvGeometry {
  const groups = checkChannels(op, '(in, out / groups, kH, kW)', x, weight, options.groups);
  const [n, outChannels] = x as Four;
  const [weightIn, perGroup] = weight as Four;
  if (weightIn !== outChannels) {
    throw new ShapeError(
      op,
      `input (N, ${weightIn}, H, W) for weight ${formatShape(weight)}`,
      x,
      'The channels of the input must be weight.shape[0].',
    );
  }
  const inChannels = perGroup * groups;
  checkBias(op, bias, inChannels, weight);

  const strides = pairOf(op, 'stride', options.stride ?? 1, 1);
  const dilations = pairOf(op, 'dilation', options.dilation ?? 1, 1);
  const paddings = pairOf(op, 'padding', options.padding ?? 0, 0);
  const outputPaddings = pairOf(op, 'outputPadding', options.outputPadding ?? 0, 0);
  const axis = (i: 0 | 1): Axis => {
    const [output, kernel] = [x[2 + i]!, weight[2 + i]!];
    const [stride, dilation, padding] = [strides[i], dilations[i], paddings[i]];
    if (outputPaddings[i] >= Math.max(stride, dilation)) {
      throw new ArgumentError(
        op,
        `outputPadding below stride ${stride} or dilation ${dilation}`,
        outputPaddings[i],
      );
    }
    const covered = (output - 1) * stride + dilation * (kernel - 1) + 1;
    const input = covered - 2 * padding + outputPaddings[i];
    if (output === 0 || input < 1) {
      const name = i === 0 ? 'height' : 'width';
      throw new ShapeError(
        op,
        `an input whose result has ${name} 1 or more`,
        `${name} ${input} from an input of ${output}`,
        'Use less padding.',
      );
    }
    return { input, kernel, stride, dilation, padding, output };
  };
  return { n, inChannels, outChannels, groups, h: axis(0), w: axis(1) };
}

/** The checks of convolutions and transposed ones. @returns the groups. */
function checkChannels(op: string, form: string, x: Shape, weight: Shape, groups = 1): number {
  if (x.length !== 4) throw new ShapeError(op, 'input (N, C, H, W) or (C, H, W)', x);
  if (weight.length !== 4) throw new ShapeError(op, `weight ${form}`, weight);
  if (weight.includes(0)) throw new ShapeError(op, `weight ${form} without a zero`, weight);
  checkInteger(op, 'groups', groups, 1);
  if (x[1]! % groups !== 0) {
    throw new ArgumentError(op, `groups that divide the ${x[1]} channels of the input`, groups);
  }
  return groups;
}

function checkBias(op: string, bias: Shape | undefined, channels: number, weight: Shape): void {
  if (bias && !(bias.length === 1 && bias[0] === channels)) {
    throw new ShapeError(op, `bias (${channels},) for weight ${formatShape(weight)}`, bias);
  }
}

/** @throws ArgumentError unless it is 'zeros', the only one there is. */
export function checkPaddingMode(op: string, mode: string | undefined): void {
  if (mode !== undefined && mode !== 'zeros') {
    throw new ArgumentError(op, "paddingMode 'zeros'", `'${mode}'`, 'Pad the input beforehand.');
  }
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
  const output = Math.floor(slack / stride) + 1;
  return { input, kernel, stride, dilation, padding: before, output };
}

/** @throws ArgumentError unless `value` is one or two integers of at least `least`. */
export function pairOf(
  op: string,
  name: string,
  value: Pair,
  least: number,
): readonly [number, number] {
  const pair = typeof value === 'number' ? ([value, value] as const) : value;
  if (!Array.isArray(pair) || pair.length !== 2) {
    throw new ArgumentError(op, `${name} as a number or [height, width]`, JSON.stringify(value));
  }
  for (const number of pair) checkInteger(op, name, number as number, least);
  return pair as readonly [number, number];
}

/** @throws ArgumentError unless `value` is an integer of at least `least`. */
export function checkInteger(op: string, name: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least) {
    throw new ArgumentError(op, `${name} as an integer of at least ${least}`, value);
  }
}
