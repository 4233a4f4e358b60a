/** The layouts that the convolution kernels read: whole vec4fs, and no edges to check. */
import activation from '../../../shaders/activation.wgsl';
import channels from '../../../shaders/conv2dChannels.wgsl';
import channelsLastSource from '../../../shaders/conv2dChannelsLast.wgsl';
import incoming from '../../../shaders/conv2dIncoming.wgsl';
import weightsSource from '../../../shaders/conv2dWeights.wgsl';
import windowsSource from '../../../shaders/conv2dWindows.wgsl';
import epilogue from '../../../shaders/epilogue.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader, type ParamsOf } from '../../gpu/shader.js';
import { extent, type Axis, type ConvGeometry } from './geometry.js';

/** What a kernel may apply to each result. */
export type Activation = 'relu' | 'sigmoid' | 'tanh';

const ACTIVATION_FLAGS = { relu: 'RELU', sigmoid: 'SIGMOID', tanh: 'TANH' } as const;
const INCOMING_FLAGS = ['ACTIVATED', 'RELU', 'SIGMOID', 'TANH'] as const;

const windowsShader = defineShader({
  name: 'conv2dWindows',
  source: windowsSource,
  params: {
    planes: 'u32',
    inH: 'u32',
    inW: 'u32',
    rows: 'u32',
    strips: 'u32',
    parts: 'u32',
    window: 'u32',
    pixels: 'u32',
    phases: 'u32',
    taps: 'u32',
    strideW: 'u32',
    dilationW: 'u32',
    paddingH: 'i32',
    paddingW: 'i32',
  },
  flags: INCOMING_FLAGS,
  includes: { conv2dIncoming: incoming, epilogue, activation, threads },
});

const weightsShader = defineShader({
  name: 'conv2dWeights',
  source: weightsSource,
  params: {
    groups: 'u32',
    blocks: 'u32',
    inChannels: 'u32',
    outChannels: 'u32',
    kernelH: 'u32',
    kernelW: 'u32',
    parts: 'u32',
    phases: 'u32',
    taps: 'u32',
    start: 'i32',
    strideGroup: 'i32',
    strideOut: 'i32',
    strideIn: 'i32',
    strideH: 'i32',
    strideW: 'i32',
  },
  flags: ['BIAS', 'SIX'],
  includes: { conv2dChannels: channels, threads },
});

const channelsLastShader = defineShader({
  name: 'conv2dChannelsLast',
  source: channelsLastSource,
  params: {
    lines: 'u32',
    width: 'u32',
    groups: 'u32',
    blocks: 'u32',
    channels: 'u32',
    h: 'u32',
    w: 'u32',
  },
  flags: [...INCOMING_FLAGS, 'SIX'],
  includes: { conv2dChannels: channels, conv2dIncoming: incoming, epilogue, activation, threads },
});

/** What a convolution or one of its gradients reads: x, or dL/dy and the activation it is after. */
export interface Incoming {
  array: GpuArray;
  /** The activation that made `activated`, through which the gradient `array` has yet to go. */
  activation?: Activation;
  activated?: GpuArray;
}

export function activationFlags(name: Activation | undefined): { [flag in string]?: boolean } {
  return name ? { [ACTIVATION_FLAGS[name]]: true } : {};
}

export function incomingArrays({ array, activated }: Incoming): GpuArray[] {
  return activated ? [array, activated] : [array];
}

export function incomingFlags({ activation, activated }: Incoming): { [flag in string]?: boolean } {
  return activated ? { ...activationFlags(activation), ACTIVATED: true } : {};
}

/** Blocks of channels, of which one is what a thread computes. */
export interface Blocks {
  size: 8 | 6;
  /** Blocks in each group. */
  count: number;
}

/** The size that leaves fewer channels of the last block idle. */
export function blocksOf(channelsPerGroup: number): Blocks {
  const [eights, sixes] = [Math.ceil(channelsPerGroup / 8), Math.ceil(channelsPerGroup / 6)];
  return sixes * 6 < eights * 8 ? { size: 6, count: sixes } : { size: 8, count: eights };
}

/** How a row of taps is dealt out, see conv2dWindows.wgsl. */
export interface TapLayout {
  taps: 1 | 3 | 5;
  phases: number;
  parts: number;
}

/** As few parts as there are without many idle taps. */
export function tapLayout({ kernel, stride, dilation }: Axis): TapLayout {
  // Taps that are strideW elements apart share the window of neighbouring pixels.
  const phases = stride % dilation === 0 ? Math.min(stride / dilation, kernel) : kernel;
  const perPhase = Math.ceil(kernel / phases);
  if (perPhase === 1) return { taps: 1, phases, parts: phases };
  const [threes, fives] = [Math.ceil(perPhase / 3), Math.ceil(perPhase / 5)];
  return threes * 3 < fives * 5
    ? { taps: 3, phases, parts: phases * threes }
    : { taps: 5, phases, parts: phases * fives };
}

/** Rows of windows that each plane of the input has. */
export function windowRows(h: Axis): number {
  return (h.output - 1) * h.stride + extent(h);
}

export interface Strips {
  /** Strips in a row of the output, and pixels in each. */
  count: number;
  pixels: number;
  /** vec4fs in the window of a strip. */
  window: number;
}

/** The input as the multiplying kernels read it. */
export function packWindows(
  x: Incoming,
  { n, inChannels, h, w }: ConvGeometry,
  { taps, phases, parts }: TapLayout,
  strips: Strips,
): GpuArray {
  const planes = n * inChannels;
  const rows = windowRows(h);
  const quads = planes * rows * strips.count * parts * strips.window;
  const windows = GpuArray.empty([quads, 4], 'f32', x.array.device);
  launch(windowsShader, 'pack', {
    inputs: incomingArrays(x),
    outputs: [windows],
    params: {
      planes,
      inH: h.input,
      inW: w.input,
      rows,
      strips: strips.count,
      parts,
      window: strips.window,
      pixels: strips.pixels,
      phases,
      taps,
      strideW: w.stride,
      dilationW: w.dilation,
      paddingH: h.padding,
      paddingW: w.padding,
    },
    flags: incomingFlags(x),
    threads: quads,
  });
  return windows;
}

/** dy, (N, K, H, W), with its channels last and its rows rounded up to `width` pixels. */
export function packChannelsLast(
  dy: Incoming,
  groups: number,
  { size, count }: Blocks,
  width: number,
): GpuArray {
  const [n, k, h, w] = dy.array.shape as [number, number, number, number];
  const quads = n * h * width * groups * count * 2;
  const packed = GpuArray.empty([quads, 4], 'f32', dy.array.device);
  launch(channelsLastShader, 'pack', {
    inputs: incomingArrays(dy),
    outputs: [packed],
    params: { lines: n * h, width, groups, blocks: count, channels: k / groups, h, w },
    flags: { ...incomingFlags(dy), SIX: size === 6 },
    threads: quads,
  });
  return packed;
}

/**
 * Where the weight of an output channel, an input channel and a tap is:
 *   start + group * strideGroup + out * strideOut + in * strideIn + kh * strideH + kw * strideW
 */
export interface WeightOrder {
  start: number;
  strideGroup: number;
  strideOut: number;
  strideIn: number;
  strideH: number;
  strideW: number;
}

/** That of a contiguous (K, C / groups, kH, kW). */
export function contiguous(g: ConvGeometry): WeightOrder {
  const plane = g.h.kernel * g.w.kernel;
  const strideOut = (g.inChannels / g.groups) * plane;
  return {
    start: 0,
    strideGroup: (g.outChannels / g.groups) * strideOut,
    strideOut,
    strideIn: plane,
    strideH: g.w.kernel,
    strideW: 1,
  };
}

/** How many vec4fs packed weights have. */
export function packedWeightQuads(g: ConvGeometry, blocks: Blocks, layout: TapLayout): number {
  const perChannel = g.h.kernel * layout.parts * layout.taps;
  return g.groups * blocks.count * (1 + (g.inChannels / g.groups) * perChannel) * 2;
}

/** @param g  Of the convolution that they are for: an input gradient has its own. */
export function packWeights(
  weight: GpuArray,
  bias: GpuArray | undefined,
  g: ConvGeometry,
  order: WeightOrder,
  blocks: Blocks,
  layout: TapLayout,
): GpuArray {
  const quads = packedWeightQuads(g, blocks, layout);
  const packed = GpuArray.empty([quads, 4], 'f32', weight.device);
  launch(weightsShader, 'pack', {
    inputs: bias ? [weight, bias] : [weight],
    outputs: [packed],
    params: weightParams(g, order, blocks, layout),
    flags: { BIAS: bias !== undefined, SIX: blocks.size === 6 },
    threads: quads,
  });
  return packed;
}

/** The inverse of packWeights for contiguous weights. */
export function unpackWeights(
  packed: GpuArray,
  g: ConvGeometry,
  blocks: Blocks,
  layout: TapLayout,
): { weight: GpuArray; bias: GpuArray } {
  const shape = [g.outChannels, g.inChannels / g.groups, g.h.kernel, g.w.kernel];
  const weight = GpuArray.empty(shape, 'f32', packed.device);
  const bias = GpuArray.empty([g.outChannels], 'f32', packed.device);
  launch(weightsShader, 'unpack', {
    inputs: [packed],
    outputs: [weight, bias],
    params: weightParams(g, contiguous(g), blocks, layout),
    flags: { SIX: blocks.size === 6 },
    threads: packedWeightQuads(g, blocks, layout),
  });
  return { weight, bias };
}

function weightParams(
  g: ConvGeometry,
  order: WeightOrder,
  blocks: Blocks,
  { taps, phases, parts }: TapLayout,
): ParamsOf<typeof weightsShader> {
  return {
    groups: g.groups,
    blocks: blocks.count,
    inChannels: g.inChannels / g.groups,
    outChannels: g.outChannels / g.groups,
    kernelH: g.h.kernel,
    kernelW: g.w.kernel,
    parts,
    phases,
    taps,
    ...order,
  };
}
