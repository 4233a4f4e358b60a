/** The layouts that the convolution kernels read: whole vec4s, and no edges to check. */
import activation from '../../../shaders/activation.wgsl';
import channels from '../../../shaders/conv2dChannels.wgsl';
import channelsLastSource from '../../../shaders/conv2dChannelsLast.wgsl';
import incoming from '../../../shaders/conv2dIncoming.wgsl';
import tapsSource from '../../../shaders/conv2dTaps.wgsl';
import weightsSource from '../../../shaders/conv2dWeights.wgsl';
import windowsSource from '../../../shaders/conv2dWindows.wgsl';
import epilogue from '../../../shaders/epilogue.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { BYTES_PER_ELEMENT, type DType, type Shape } from '../../gpu/dtype.js';
import { BINDING_ALIGNMENT, GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader, type ParamsOf } from '../../gpu/shader.js';
import { INCOMING_FLAGS, incomingFlags, type Incoming } from './activation.js';
import { extent, type Axis, type ConvGeometry } from './geometry.js';

/** Of conv2dChannels.wgsl. */
export const BLOCK_FLAGS = ['ONE', 'FOUR', 'SIX'] as const;
/** Of the kernels that multiply. */
export const TAP_FLAGS = ['TAPS_5', 'TAPS_4', 'TAPS_3', 'TAPS_2', 'RAGGED'] as const;

const windowsShader = defineShader({
  name: 'conv2dWindows',
  source: windowsSource,
  params: {
    start: 'u32',
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
    kernelW: 'u32',
    strideW: 'u32',
    dilationW: 'u32',
    paddingH: 'i32',
    paddingW: 'i32',
  },
  flags: INCOMING_FLAGS,
  includes: { conv2dTaps: tapsSource, conv2dIncoming: incoming, epilogue, activation, threads },
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
  flags: ['BIAS', ...BLOCK_FLAGS],
  includes: { conv2dTaps: tapsSource, conv2dChannels: channels, threads },
});

const channelsLastShader = defineShader({
  name: 'conv2dChannelsLast',
  source: channelsLastSource,
  params: {
    lines: 'u32',
    rows: 'u32',
    width: 'u32',
    groups: 'u32',
    blocks: 'u32',
    channels: 'u32',
    h: 'u32',
    w: 'u32',
    start: 'u32',
  },
  flags: [...INCOMING_FLAGS, ...BLOCK_FLAGS],
  includes: { conv2dChannels: channels, conv2dIncoming: incoming, epilogue, activation, threads },
});

/** (C, H, W) as a batch of one; any other shape as it is. */
export function batched(shape: Shape): Shape {
  return shape.length === 3 ? [1, ...shape] : shape;
}

/** Blocks of channels, of which one is what a thread computes. */
export interface Blocks {
  size: 8 | 6 | 4 | 1;
  /** Blocks in each group. */
  count: number;
  /** vec4s that a block takes. */
  quads: 1 | 2;
}

/** The size that leaves fewer channels of the last block idle. */
export function blocksOf(channelsPerGroup: number): Blocks {
  if (channelsPerGroup <= 4) return { size: channelsPerGroup === 1 ? 1 : 4, count: 1, quads: 1 };
  const [eights, sixes] = [Math.ceil(channelsPerGroup / 8), Math.ceil(channelsPerGroup / 6)];
  return sixes * 6 < eights * 8
    ? { size: 6, count: sixes, quads: 2 }
    : { size: 8, count: eights, quads: 2 };
}

export function blockFlags({ size }: Blocks): { [flag in string]?: boolean } {
  return { ONE: size === 1, FOUR: size === 4, SIX: size === 6 };
}

/** How a row of taps is dealt out, see conv2dTaps.wgsl. */
export interface TapLayout {
  /** 1 to 5. */
  taps: number;
  phases: number;
  parts: number;
  /** Parts without an idle tap: the first ones. */
  wholeParts: number;
}

/** As few parts as there can be, of as few taps. */
export function tapLayout({ kernel, stride, dilation }: Axis): TapLayout {
  // Taps that are strideW elements apart share the window of neighbouring pixels.
  const phases = stride % dilation === 0 ? Math.min(stride / dilation, kernel) : kernel;
  const perPhase = Math.ceil(kernel / phases);
  const each = Math.ceil(perPhase / MOST_TAPS);
  const parts = phases * each;
  // The last phases have one tap less, which parts share where there are several.
  const short = each === 1 && perPhase > 1 ? phases * perPhase - kernel : 0;
  return { taps: Math.ceil(perPhase / each), phases, parts, wholeParts: parts - short };
}

export function tapFlags({ taps, parts, wholeParts }: TapLayout): { [flag in string]?: boolean } {
  return {
    TAPS_5: taps >= 5,
    TAPS_4: taps >= 4,
    TAPS_3: taps >= 3,
    TAPS_2: taps >= 2,
    RAGGED: wholeParts < parts,
  };
}

const MOST_TAPS = 5;

/** Rows of windows that each plane of the input has. */
export function windowRows(h: Axis): number {
  return (h.output - 1) * h.stride + extent(h);
}

export interface Strips {
  /** Strips in a row of the output, and pixels in each. */
  count: number;
  pixels: number;
  /** vec4s in the window of a strip. */
  window: number;
}

/** Some of the work: images, and of each of them rows of the output. */
export interface Portion {
  image: number;
  images: number;
  row: number;
  rows: number;
}

/**
 * The whole work if it fits, else in portions of fewer images, and if one is too many of fewer rows.
 *
 * @param fits  Whether each array that is read or written for so much can be bound.
 */
export function portionsOf(
  n: number,
  allRows: number,
  fits: (images: number, rows: number) => boolean,
): Portion[] {
  let [mostImages, mostRows] = [n, allRows];
  while (mostImages > 1 && !fits(mostImages, mostRows)) mostImages = Math.ceil(mostImages / 2);
  while (mostRows > 1 && !fits(mostImages, mostRows)) mostRows = Math.ceil(mostRows / 2);
  const portions: Portion[] = [];
  for (let image = 0; image < n; image += mostImages) {
    const images = Math.min(mostImages, n - image);
    for (let row = 0; row < allRows; row += mostRows) {
      portions.push({ image, images, row, rows: Math.min(mostRows, allRows - row) });
    }
  }
  return portions;
}

/** The convolution that gives this portion of the output, of images of its own. */
export function portionOf(g: ConvGeometry, { images, row, rows }: Portion): ConvGeometry {
  return { ...g, n: images, h: { ...g.h, padding: g.h.padding - row * g.h.stride, output: rows } };
}

/** True if so many images of the batch can be bound. */
export function canBind(batch: GpuArray, images: number): boolean {
  const bytes = images * imageSize(batch) * BYTES_PER_ELEMENT[batch.dtype] + 2 * BINDING_ALIGNMENT;
  return Math.min(bytes, batch.bytes) <= batch.device.bindingLimit;
}

/**
 * Images of a batch, (N, ...), in an array that can be bound, and the element where they start
 * there. Shares the batch's memory; to be released.
 */
export function imagesOf(
  batch: GpuArray,
  { image, images }: Portion,
): { array: GpuArray; start: number } {
  const first = image * imageSize(batch);
  if (batch.bytes <= batch.device.bindingLimit) return { array: batch.share(), start: first };
  const start = first % (BINDING_ALIGNMENT / BYTES_PER_ELEMENT.f16); // good for any dtype
  return { array: batch.part(first - start, [start + images * imageSize(batch)]), start };
}

function imageSize(batch: GpuArray): number {
  return batch.numel / batch.shape[0]!;
}

/** As imagesOf, of both arrays. */
function incomingOf(
  { array, activated }: Incoming,
  portion: Portion,
): { arrays: GpuArray[]; start: number } {
  const source = imagesOf(array, portion);
  return {
    arrays: activated ? [source.array, imagesOf(activated, portion).array] : [source.array],
    start: source.start,
  };
}

/** Bytes of what packWindows makes. */
export function windowBytes(
  { n, inChannels, h }: ConvGeometry,
  { parts }: TapLayout,
  strips: Strips,
  dtype: DType,
): number {
  const quads = n * inChannels * windowRows(h) * strips.count * parts * strips.window;
  return quads * 4 * BYTES_PER_ELEMENT[dtype];
}

/**
 * The input as the multiplying kernels read it.
 *
 * @param g  Of the portion.
 */
export function packWindows(
  x: Incoming,
  portion: Portion,
  g: ConvGeometry,
  layout: TapLayout,
  strips: Strips,
): GpuArray {
  const { n, inChannels, h, w } = g;
  const { taps, phases, parts } = layout;
  const { dtype, device } = x.array;
  const planes = n * inChannels;
  const rows = windowRows(h);
  const quads = planes * rows * strips.count * parts * strips.window;
  // Without channels there are none, but something must be bound.
  const windows = GpuArray.empty([Math.max(1, quads), 4], dtype, device);
  const { arrays, start } = incomingOf(x, portion);
  launch(windowsShader, 'pack', {
    inputs: arrays,
    outputs: [windows],
    params: {
      start,
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
      kernelW: w.kernel,
      strideW: w.stride,
      dilationW: w.dilation,
      paddingH: h.padding,
      paddingW: w.padding,
    },
    flags: incomingFlags(x),
    threads: quads,
  });
  for (const array of arrays) array.release();
  return windows;
}

/** vec4fs for each image and row of what packChannelsLast makes. */
export function channelsLastQuads(groups: number, { count, quads }: Blocks, width: number): number {
  return width * groups * count * quads;
}

/**
 * dy, (N, K, H, W), with its channels last and its rows rounded up to `width` pixels, in f32:
 * (pixels, vec4fs of each, 4).
 */
export function packChannelsLast(
  dy: Incoming,
  portion: Portion,
  groups: number,
  blocks: Blocks,
  width: number,
): GpuArray {
  const [, k, h, w] = dy.array.shape as [number, number, number, number];
  const { images, row, rows } = portion;
  const lines = images * rows;
  const quads = lines * channelsLastQuads(groups, blocks, width);
  const shape = [lines * width, groups * blocks.count * blocks.quads * 4];
  const packed = GpuArray.empty(shape, 'f32', dy.array.device);
  const { arrays, start } = incomingOf(dy, portion);
  launch(channelsLastShader, 'pack', {
    inputs: arrays,
    outputs: [packed],
    params: {
      lines,
      rows,
      width,
      groups,
      blocks: blocks.count,
      channels: k / groups,
      h,
      w,
      start: start + row * w,
    },
    flags: { ...incomingFlags(dy), ...blockFlags(blocks) },
    threads: quads,
  });
  for (const array of arrays) array.release();
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

/** How many vec4s packed weights have. */
export function packedWeightQuads(g: ConvGeometry, blocks: Blocks, layout: TapLayout): number {
  const perChannel = g.h.kernel * layout.parts * layout.taps;
  return g.groups * blocks.count * (1 + (g.inChannels / g.groups) * perChannel) * blocks.quads;
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
  const packed = GpuArray.empty([quads, 4], weight.dtype, weight.device);
  launch(weightsShader, 'pack', {
    inputs: bias ? [weight, bias] : [weight],
    outputs: [packed],
    params: weightParams(g, order, blocks, layout),
    flags: { BIAS: bias !== undefined, ...blockFlags(blocks) },
    threads: quads,
  });
  return packed;
}

/** The inverse of packWeights for contiguous weights, in `dtype`. */
export function unpackWeights(
  packed: GpuArray,
  dtype: DType,
  g: ConvGeometry,
  blocks: Blocks,
  layout: TapLayout,
): { weight: GpuArray; bias: GpuArray } {
  const shape = [g.outChannels, g.inChannels / g.groups, g.h.kernel, g.w.kernel];
  const weight = GpuArray.empty(shape, dtype, packed.device);
  const bias = GpuArray.empty([g.outChannels], dtype, packed.device);
  launch(weightsShader, 'unpack', {
    inputs: [packed],
    outputs: [weight, bias],
    params: weightParams(g, contiguous(g), blocks, layout),
    flags: blockFlags(blocks),
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
