import activationSource from '../../../shaders/activation.wgsl';
import source from '../../../shaders/conv2d.wgsl';
import channels from '../../../shaders/conv2dChannels.wgsl';
import epilogue from '../../../shaders/epilogue.wgsl';
import threads from '../../../shaders/threads.wgsl';
import type { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import { ACTIVATION_FLAGS, activationFlags, type Activation, type Incoming } from './activation.js';
import type { ConvGeometry } from './geometry.js';
import {
  BLOCK_FLAGS,
  blockFlags,
  blocksOf,
  canBind,
  imagesOf,
  packWeights,
  packWindows,
  portionOf,
  portionsOf,
  TAP_FLAGS,
  tapFlags,
  tapLayout,
  windowBytes,
  windowRows,
  type Strips,
  type TapLayout,
  type WeightOrder,
} from './convolutionLayout.js';

const shader = defineShader({
  name: 'conv2d',
  source,
  params: {
    n: 'u32',
    groups: 'u32',
    blocks: 'u32',
    inChannels: 'u32',
    outChannels: 'u32',
    rows: 'u32',
    kernelH: 'u32',
    strideH: 'u32',
    dilationH: 'u32',
    parts: 'u32',
    wholeParts: 'u32',
    strips: 'u32',
    outH: 'u32',
    outW: 'u32',
    yStart: 'u32',
    yRow: 'u32',
    yStep: 'u32',
    yPlane: 'u32',
  },
  flags: ['PIXELS_14', 'PIXELS_10', 'PIXELS_8', ...TAP_FLAGS, ...BLOCK_FLAGS, ...ACTIVATION_FLAGS],
  includes: { conv2dChannels: channels, epilogue, activation: activationSource, threads },
});

/** How many neighbouring pixels one thread may compute: the kernel has a variant for each. */
const PIXELS = [14, 10, 8, 4];
/** Threads that keep a GPU busy; a CPU is with any number, and the more pixels the better. */
const ENOUGH_THREADS = 8192;
/** What reading a vec4 costs, in multiplications of one; measured on a software adapter. */
const LOAD_COST = 15;

/** Elements of a plane of y that a convolution writes: one of each `step`, from `first`. */
export interface Grid {
  first: readonly [h: number, w: number];
  step: readonly [h: number, w: number];
}

const EVERY: Grid = { first: [0, 0], step: [1, 1] };

export interface ConvolveOptions {
  bias?: GpuArray;
  activation?: Activation;
  /** Which elements of y the results are. Default all. */
  grid?: Grid;
}

/**
 * Cross-correlation of `x`, (N, C, H, W), with weights, to `y`, (N, K, ...). Shapes are not checked.
 *
 * @param order  Which element of `weight` multiplies which input.
 */
export function convolve(
  x: Incoming,
  weight: GpuArray,
  y: GpuArray,
  geometry: ConvGeometry,
  order: WeightOrder,
  { bias, activation, grid = EVERY }: ConvolveOptions = {},
): void {
  const { n, groups, inChannels, outChannels, h, w } = geometry;
  const [planeH, planeW] = y.shape.slice(2) as [number, number];
  const { device } = y;
  const blocks = blocksOf(outChannels / groups);
  const taps = tapLayout(w);
  const rowsOfAll = groups * blocks.count * n * h.output;
  const strips = stripsOf(w.output, taps, device.info.software ? 0 : ENOUGH_THREADS / rowsOfAll);
  const portions = portionsOf(n, h.output, (images, rows) => {
    const portion = portionOf(geometry, { image: 0, images, row: 0, rows });
    const bytes = windowBytes(portion, taps, strips, y.dtype);
    return bytes <= device.bindingLimit && canBind(x.array, images) && canBind(y, images);
  });

  const weights = packWeights(weight, bias, geometry, order, blocks, taps);
  for (const portion of portions) {
    const part = portionOf(geometry, portion);
    const windows = packWindows(x, portion, part, taps, strips);
    const to = imagesOf(y, portion);
    launch(shader, 'convolve', {
      inputs: [windows, weights],
      outputs: [to.array],
      params: {
        n: part.n,
        groups,
        blocks: blocks.count,
        inChannels: inChannels / groups,
        outChannels: outChannels / groups,
        rows: windowRows(part.h),
        kernelH: h.kernel,
        strideH: h.stride,
        dilationH: h.dilation,
        parts: taps.parts,
        wholeParts: taps.wholeParts,
        strips: strips.count,
        outH: part.h.output,
        outW: w.output,
        yStart: to.start + (grid.first[0] + portion.row * grid.step[0]) * planeW + grid.first[1],
        yRow: grid.step[0] * planeW,
        yStep: grid.step[1],
        yPlane: planeH * planeW,
      },
      flags: {
        [`PIXELS_${strips.pixels}`]: strips.pixels > 4,
        ...tapFlags(taps),
        ...blockFlags(blocks),
        ...activationFlags(activation),
      },
      threads: groups * blocks.count * part.n * part.h.output * strips.count,
    });
    to.array.release();
    windows.release();
  }
  weights.release();
}

/** Strips that compute a row of `width` pixels at the least cost; at least `least` of them. */
function stripsOf(width: number, { taps }: TapLayout, least: number): Strips {
  const strips = PIXELS.map((pixels) => {
    const count = Math.ceil(width / pixels);
    const window = Math.ceil((pixels + 4) / 4);
    const cost = count * (LOAD_COST * (window + 2 * taps) + 2 * taps * pixels);
    return { count, pixels, window, cost };
  });
  const enough = strips.filter(({ count }) => count >= least);
  if (enough.length === 0) return strips.at(-1)!;
  return enough.reduce((best, other) => (other.cost < best.cost ? other : best));
}
