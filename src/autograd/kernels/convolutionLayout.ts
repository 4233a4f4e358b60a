/** How the direct kernels of a convolution deal out channels, taps, pixels and images. */
import { BYTES_PER_ELEMENT, type Shape } from '../../gpu/dtype.js';
import { BINDING_ALIGNMENT, type GpuArray } from '../../gpu/gpuArray.js';
import { extent, type Axis, type ConvGeometry } from './geometry.js';

/** Of conv2dChannels.wgsl. */
export const BLOCK_FLAGS = ['ONE', 'FOUR', 'SIX'] as const;
/** Of the kernels that multiply. */
export const TAP_FLAGS = ['TAPS_5', 'TAPS_4', 'TAPS_3', 'TAPS_2', 'RAGGED'] as const;

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

/** The rows of windows that each plane of the input has. */
export interface RowLayout {
  rows: number;
  /** The row of the input that the first one is: before row 0, as after the last one, there are zeros. */
  first: number;
  /** Rows of zeros that would come before the first. */
  padding: number;
}

/** @param clipped  Without rows of zeros, for a kernel that skips them. */
export function windowRows(h: Axis, clipped = false): RowLayout {
  const all = (h.output - 1) * h.stride + extent(h);
  if (!clipped) return { rows: all, first: -h.padding, padding: 0 };
  const first = Math.max(0, -h.padding);
  const rows = Math.max(0, Math.min(h.input, all - h.padding) - first);
  return { rows, first, padding: Math.max(0, h.padding) };
}

export interface Strips {
  /** Strips in a row of the output, and pixels in each. */
  count: number;
  pixels: number;
  /** vec4s in the window of a strip. */
  window: number;
  /** The window is a line of the input without the zeros around it: FULL in conv2d.wgsl. */
  full?: boolean;
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

/** vec4s of windows. */
export function windowQuads(
  { n, inChannels }: ConvGeometry,
  { rows }: RowLayout,
  { parts }: TapLayout,
  strips: Strips,
): number {
  return n * inChannels * rows * strips.count * parts * strips.window;
}

/**
 * Where the weight of an output channel, an input channel and a tap is:
 *   weightStart + group * strideGroup + out * strideOut + in * strideIn + kh * strideKh + kw * strideKw
 */
export interface WeightOrder {
  weightStart: number;
  strideGroup: number;
  strideOut: number;
  strideIn: number;
  strideKh: number;
  strideKw: number;
}

/** That of a contiguous (K, C / groups, kH, kW). */
export function contiguous(g: ConvGeometry): WeightOrder {
  const plane = g.h.kernel * g.w.kernel;
  const strideOut = (g.inChannels / g.groups) * plane;
  return {
    weightStart: 0,
    strideGroup: (g.outChannels / g.groups) * strideOut,
    strideOut,
    strideIn: plane,
    strideKh: g.w.kernel,
    strideKw: 1,
  };
}

/** Entries of packed weights, see conv2dPlaces.wgsl. */
export function weightEntries(g: ConvGeometry, blocks: Blocks, { parts }: TapLayout): number {
  return g.groups * blocks.count * (1 + (g.inChannels / g.groups) * g.h.kernel * parts);
}
