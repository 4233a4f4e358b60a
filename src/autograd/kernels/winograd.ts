/**
 * Convolutions and their gradients by minimal filtering: fewer products, for additions before and
 * after them. See winogradLines.wgsl for one dimension. In two, with N = M + R - 1, a tile of N x N
 * elements meets a filter of R x R in N N products and gives M x M results, summed over channels:
 *
 *   y    = A^T (sum over c of (G w G^T) * (B^T x B)) A          tiles of x overlap by R - 1
 *   dx   = A^T (sum over k of (G w' G^T) * (B^T dy B)) A        w' is w turned by half a turn
 *   dw   = A^T (sum over tiles of (G dy G^T) * (B^T x B)) A     tiles of dy have M x M elements
 *
 * So each is two transforms, one batch of N N products of matrices, and one transform back:
 *
 *   y    (N N, K, C / groups) (N N, C, T) -> (N N, K, T)                  for T tiles
 *   dx   (N N, K, C / groups)^T (N N, K, T) -> (N N, C, T)
 *   dw   (N N, K, T) (N N, C, T)^T -> (N N, K, C / groups)
 *
 * of matrices of one group each. What is between the transforms is of f32.
 * Sources: https://arxiv.org/abs/1509.09308 (Lavin and Gray), https://arxiv.org/abs/1803.10986
 * (Barabasz and others, on the choice of points).
 */
import activationSource from '../../../shaders/activation.wgsl';
import epilogue from '../../../shaders/epilogue.wgsl';
import threads from '../../../shaders/threads.wgsl';
import source from '../../../shaders/winograd.wgsl';
import lines from '../../../shaders/winogradLines.wgsl';
import type { Device } from '../../gpu/device.js';
import { BYTES_PER_ELEMENT, type DType } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import {
  activationFlags,
  INCOMING_FLAGS,
  incomingFlags,
  type Activation,
  type Incoming,
} from './activation.js';
import type { WeightGradient } from './directGradients.js';
import type { Axis, ConvGeometry } from './geometry.js';
import { matmul } from './matmul.js';

const SIDES = [3, 4, 5, 6, 8] as const;

const shader = defineShader({
  name: 'winograd',
  source,
  params: {
    count: 'u32',
    planes: 'u32',
    tiles: 'u32',
    images: 'u32',
    down: 'u32',
    across: 'u32',
    step: 'u32',
    height: 'u32',
    width: 'u32',
    top: 'i32',
    left: 'i32',
    sumsAt: 'u32',
    sumScale: 'f32',
  },
  flags: [
    ...['FROM_TILES', 'FROM_FILTERS', 'TO_TILES', 'TO_FILTERS', 'INPUT', 'OUTPUT'],
    ...['ROTATED', 'BIAS', ...INCOMING_FLAGS],
    ...SIDES.flatMap((side) => [`IN_${side}`, `OUT_${side}`]),
  ],
  includes: { winogradLines: lines, epilogue, activation: activationSource, threads },
});

/** Tiles of 2x2 or 4x4 results. */
export type WinogradVariant = 'winograd2' | 'winograd4';

const RESULTS = { winograd2: 2, winograd4: 4 } as const;
/** T is a multiple of so many, so that rows of T are whole vec4s. */
const WHOLE = 4;
/** Most bytes of each array between the transforms. */
const MOST_SCRATCH = 128 * 2 ** 20;
/** What a sum of a tile of dy is multiplied by at point 1 in both dimensions, by N. */
const SUM_SCALES: Readonly<Record<number, number>> = { 4: 4, 6: 9, 8: 20.25 };

/** Tiles of all images along both axes. */
interface Tiling {
  /** Of each axis, of N N elements and of M M. */
  side: number;
  step: number;
  down: number;
  across: number;
  /** T: those of all images, and some of none. */
  count: number;
}

function tilingOf(variant: WinogradVariant, g: ConvGeometry, pass: 'input' | 'output'): Tiling {
  const step = RESULTS[variant];
  const [down, across] = [g.h, g.w].map((axis) => Math.ceil(axis[pass] / step)) as [number, number];
  const count = WHOLE * Math.ceil((g.n * down * across) / WHOLE);
  return { side: step + g.h.kernel - 1, step, down, across, count };
}

/** True for filters of 3x3 or 5x5 without stride and dilation, if all arrays are small enough. */
export function canWinograd(
  variant: WinogradVariant,
  geometry: ConvGeometry,
  dtype: DType,
  device: Device,
): boolean {
  const { n, inChannels, outChannels, groups, h, w } = geometry;
  const dense = ({ stride, dilation }: Axis): boolean => stride === 1 && dilation === 1;
  if (h.kernel !== w.kernel || !(h.kernel === 3 || h.kernel === 5) || !dense(h) || !dense(w))
    return false;
  const channels = Math.max(inChannels, outChannels);
  const images = n * Math.max(inChannels * h.input * w.input, outChannels * h.output * w.output);
  const tilings = (['input', 'output'] as const).map((side) => tilingOf(variant, geometry, side));
  const tiles = channels * Math.max(...tilings.map(({ count }) => count));
  const each = Math.max((outChannels * inChannels) / groups, tiles);
  const { side } = tilings[0]!;
  return (
    images * BYTES_PER_ELEMENT[dtype] <= device.bindingLimit &&
    side * side * each * BYTES_PER_ELEMENT.f32 <= Math.min(device.bindingLimit, MOST_SCRATCH)
  );
}

/** y of a convolution. */
export function winogradForward(
  variant: WinogradVariant,
  x: Incoming,
  weight: GpuArray,
  y: GpuArray,
  geometry: ConvGeometry,
  { bias, activation }: { bias?: GpuArray; activation?: Activation },
): void {
  const { groups, h, w } = geometry;
  const tiling = tilingOf(variant, geometry, 'output');
  const points = fromTiles(tiling, x, groups, [-h.padding, -w.padding]);
  const filters = fromFilters(tiling, weight, groups, false);
  const products = matmul(filters, points);
  toTiles(tiling, products, y, bias, activation);
  for (const array of [points, filters, products]) array.release();
}

/** dx of a convolution, plus `bias`, (C), where there is one. */
export function winogradInputGradient(
  variant: WinogradVariant,
  dy: Incoming,
  weight: GpuArray,
  dx: GpuArray,
  geometry: ConvGeometry,
  bias?: GpuArray,
): void {
  const { groups, h, w } = geometry;
  const tiling = tilingOf(variant, geometry, 'input');
  const first = ({ kernel, padding }: Axis): number => padding - (kernel - 1);
  const points = fromTiles(tiling, dy, groups, [first(h), first(w)]);
  const filters = fromFilters(tiling, weight, groups, true);
  const products = matmul(filters, points, { transposeA: true });
  toTiles(tiling, products, dx, bias);
  for (const array of [points, filters, products]) array.release();
}

/** dW of a convolution, and dB if it is wanted. */
export function winogradWeightGradient(
  variant: WinogradVariant,
  x: GpuArray,
  { dy, geometry, weight, bias }: WeightGradient,
): void {
  const { groups, h, w } = geometry;
  const tiling = tilingOf(variant, geometry, 'output');
  const points = fromTiles(tiling, { array: x }, groups, [-h.padding, -w.padding]);
  const gradients = fromTiles(tiling, dy, groups, null);
  const products = matmul(gradients, points, { transposeB: true });
  toFilters(tiling, products, weight!, bias && { bias, gradients });
  for (const array of [points, gradients, products]) array.release();
}

/** Lines of `from` elements to lines of `to`. */
function sideFlags(from: number, to: number): { [flag in string]?: boolean } {
  return Object.fromEntries(
    SIDES.flatMap((side) => [
      [`IN_${side}`, from >= side],
      [`OUT_${side}`, to >= side],
    ]),
  );
}

const NO_TILES = { tiles: 0, images: 0, down: 0, across: 0, step: 0, height: 0, width: 0 };
const NO_START = { top: 0, left: 0 };
const NO_SUMS = { sumsAt: 0, sumScale: 0 };

function tileParams({ step, down, across, count }: Tiling, images: GpuArray) {
  const [n, planes, height, width] = images.shape as [number, number, number, number];
  return { planes, tiles: count, images: n, down, across, step, height, width };
}

/**
 * Tiles of images, (N, planes, height, width), as points, (side side, groups, planes / groups, T).
 *
 * @param start  Where the first tile of x or of dy starts, to be met by filters; null for tiles of
 *   dy without overlap, which are to be met by those of x.
 */
function fromTiles(
  tiling: Tiling,
  incoming: Incoming,
  groups: number,
  start: readonly [number, number] | null,
): GpuArray {
  const { array, activated } = incoming;
  const { side, step, count } = tiling;
  const planes = array.shape[1]!;
  const points = GpuArray.empty([side * side, groups, planes / groups, count], 'f32', array.device);
  const [top, left] = start ?? [0, 0];
  launch(shader, 'transform', {
    inputs: activated ? [array, activated] : [array],
    outputs: [points],
    params: { count: planes * count, ...tileParams(tiling, array), top, left, ...NO_SUMS },
    flags: {
      FROM_TILES: true,
      INPUT: start !== null,
      ...sideFlags(start ? side : step, side),
      ...incomingFlags(incoming),
    },
    threads: planes * count,
  });
  return points;
}

/** Filters as points, (side side, groups, K / groups, C / groups). */
function fromFilters(
  { side }: Tiling,
  weight: GpuArray,
  groups: number,
  rotated: boolean,
): GpuArray {
  const [outChannels, perGroup, kernel] = weight.shape as [number, number, number];
  const shape = [side * side, groups, outChannels / groups, perGroup];
  const points = GpuArray.empty(shape, 'f32', weight.device);
  const count = outChannels * perGroup;
  launch(shader, 'transform', {
    inputs: [weight],
    outputs: [points],
    params: { count, planes: outChannels, ...NO_TILES, ...NO_START, ...NO_SUMS },
    flags: { FROM_FILTERS: true, ROTATED: rotated, ...sideFlags(kernel, side) },
    threads: count,
  });
  return points;
}

/** Products, (side side, groups, planes / groups, T), as tiles of images. */
function toTiles(
  tiling: Tiling,
  products: GpuArray,
  images: GpuArray,
  bias?: GpuArray,
  activation?: Activation,
): void {
  const { side, step, count } = tiling;
  const planes = images.shape[1]!;
  launch(shader, 'transform', {
    inputs: bias ? [products, bias] : [products],
    outputs: [images],
    params: { count: planes * count, ...tileParams(tiling, images), ...NO_START, ...NO_SUMS },
    flags: {
      ...{ TO_TILES: true, OUTPUT: true, BIAS: bias !== undefined },
      ...sideFlags(side, step),
      ...activationFlags(activation),
    },
    threads: planes * count,
  });
}

/** Products, (side side, groups, K / groups, C / groups), as filters, and dB from the tiles of dy. */
function toFilters(
  { side, count: tiles }: Tiling,
  products: GpuArray,
  weight: GpuArray,
  sums?: { bias: GpuArray; gradients: GpuArray },
): void {
  const [planes, perGroup, kernel] = weight.shape as [number, number, number];
  const count = planes * perGroup;
  // Point 1 in both dimensions has the sums of the tiles.
  const sumsAt = (side + 1) * planes * tiles;
  launch(shader, 'transform', {
    inputs: sums ? [products, sums.gradients] : [products],
    outputs: sums ? [weight, sums.bias] : [weight],
    params: {
      ...{ count, planes, ...NO_TILES, ...NO_START, tiles },
      ...{ sumsAt, sumScale: SUM_SCALES[side]! },
    },
    flags: {
      ...{ TO_FILTERS: true, OUTPUT: true, BIAS: sums !== undefined },
      ...sideFlags(side, kernel),
    },
    threads: sums ? count + planes : count,
  });
}
