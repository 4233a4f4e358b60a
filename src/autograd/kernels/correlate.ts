import activationSource from '../../../shaders/activation.wgsl';
import source from '../../../shaders/conv2d.wgsl';
import channels from '../../../shaders/conv2dChannels.wgsl';
import epilogue from '../../../shaders/epilogue.wgsl';
import quads from '../../../shaders/quads.wgsl';
import threads from '../../../shaders/threads.wgsl';
import type { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import { ACTIVATION_FLAGS, activationFlags, type Activation, type Incoming } from './activation.js';
import {
  BLOCK_FLAGS,
  blockFlags,
  blocksOf,
  canBind,
  imagesOf,
  portionOf,
  portionsOf,
  TAP_FLAGS,
  tapFlags,
  tapLayout,
  windowRows,
  type Blocks,
  type Portion,
  type Strips,
  type TapLayout,
  type WeightOrder,
} from './convolutionLayout.js';
import {
  canPack,
  convolveQuads,
  packForConvolve,
  type ConvolvePacking,
} from './convolutionPack.js';
import { multiplyAdds, type Axis, type ConvGeometry } from './geometry.js';

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
    paddingH: 'u32',
    kernelH: 'u32',
    strideH: 'u32',
    dilationH: 'u32',
    parts: 'u32',
    wholeParts: 'u32',
    strips: 'u32',
    lanes: 'u32',
    blockThreads: 'u32',
    outH: 'u32',
    outW: 'u32',
    yStart: 'u32',
    yRow: 'u32',
    yStep: 'u32',
    yPlane: 'u32',
  },
  flags: [
    'SHARED',
    'FULL',
    'PIXELS_14',
    'PIXELS_10',
    'PIXELS_8',
    ...TAP_FLAGS,
    ...BLOCK_FLAGS,
    ...ACTIVATION_FLAGS,
  ],
  includes: { conv2dChannels: channels, epilogue, activation: activationSource, quads, threads },
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

/** A cross-correlation of `x`, (N, C, H, W), with weights, to `y`, (N, K, ...). */
export interface Correlation {
  x: Incoming;
  weight: GpuArray;
  bias?: GpuArray;
  activation?: Activation;
  y: GpuArray;
  geometry: ConvGeometry;
  /** Which element of `weight` multiplies which input. */
  order: WeightOrder;
  /** Which elements of y the results are. Default all. */
  grid?: Grid;
}

/** How it is dealt out. */
export interface CorrelationPlan {
  correlation: Correlation;
  blocks: Blocks;
  taps: TapLayout;
  strips: Strips;
  /** Threads side by side that have the same pixels of as many images, and so skip rows of zeros. */
  lanes: 1 | 4;
  portions: Portion[];
}

export function planCorrelation(correlation: Correlation): CorrelationPlan {
  const { x, y, geometry } = correlation;
  const { n, groups, outChannels, h, w } = geometry;
  const { device } = y;
  const { software } = device.info;
  const blocks = blocksOf(outChannels / groups);
  const taps = tapLayout(w);
  const rowsOfAll = groups * blocks.count * n * h.output;
  const strips = stripsOf(w, taps, software ? 0 : ENOUGH_THREADS / rowsOfAll);
  const lanes = software && n % QUAD === 0 ? QUAD : 1;
  const portions = portionsOf(n, h.output, (images, rows) => {
    const part = portionOf(geometry, { image: 0, images, row: 0, rows });
    const most = windowRows(part.h); // the first rows may be clipped, and others not
    const quads = convolveQuads({ geometry: part, blocks, taps, strips, rows: most });
    return canPack(quads, y) && canBind(x.array, images) && canBind(y, images);
  });
  return { correlation, blocks, taps, strips, lanes, portions };
}

/** What a portion of it wants packed. */
export function packingOf(plan: CorrelationPlan, portion: Portion): ConvolvePacking {
  const { correlation, blocks, taps, strips, lanes } = plan;
  const { weight, bias, order } = correlation;
  const geometry = portionOf(correlation.geometry, portion);
  const rows = windowRows(geometry.h, lanes > 1);
  return { weight, bias, geometry, order, blocks, taps, strips, rows };
}

/** Shapes are not checked. */
export function correlate(correlation: Correlation): void {
  const plan = planCorrelation(correlation);
  for (const portion of plan.portions) {
    const packed = packForConvolve(correlation.x, portion, packingOf(plan, portion));
    correlatePacked(plan, portion, packed);
  }
}

/** Releases the windows and the weights. */
export function correlatePacked(
  plan: CorrelationPlan,
  portion: Portion,
  { windows, weights }: { windows: GpuArray; weights: GpuArray },
): void {
  const { correlation, blocks, taps, strips, lanes } = plan;
  const { y, activation, grid = EVERY } = correlation;
  const { geometry: part, rows: layout } = packingOf(plan, portion);
  const { n, groups, h, w } = part;
  const [planeH, planeW] = y.shape.slice(2) as [number, number];
  const to = imagesOf(y, portion);
  const places = Math.ceil(n / lanes) * lanes * h.output * strips.count;
  const blockThreads = QUAD * Math.ceil(places / QUAD);
  launch(shader, 'convolve', {
    inputs: [windows, weights],
    outputs: [to.array],
    params: {
      n,
      groups,
      blocks: blocks.count,
      inChannels: part.inChannels / groups,
      outChannels: part.outChannels / groups,
      rows: layout.rows,
      paddingH: layout.padding,
      kernelH: h.kernel,
      strideH: h.stride,
      dilationH: h.dilation,
      parts: taps.parts,
      wholeParts: taps.wholeParts,
      strips: strips.count,
      lanes,
      blockThreads,
      outH: h.output,
      outW: w.output,
      yStart: to.start + (grid.first[0] + portion.row * grid.step[0]) * planeW + grid.first[1],
      yRow: grid.step[0] * planeW,
      yStep: grid.step[1],
      yPlane: planeH * planeW,
    },
    flags: {
      SHARED: y.device.hasSubgroups && blocks.quads > 1,
      FULL: strips.full,
      [`PIXELS_${strips.pixels}`]: strips.pixels > 4,
      ...tapFlags(taps),
      ...blockFlags(blocks),
      ...activationFlags(activation),
    },
    threads: groups * blocks.count * blockThreads,
    flops: 2 * multiplyAdds(part),
  });
  for (const array of [to.array, windows, weights]) array.release();
}

/** Threads that read the weights of a block together. */
const QUAD = 4;

/** Strips that compute a row of pixels at the least cost; at least `least` of them. */
function stripsOf(w: Axis, { taps, parts }: TapLayout, least: number): Strips {
  const strips = PIXELS.map((pixels): Strips & { cost: number } => {
    const count = Math.ceil(w.output / pixels);
    const window = Math.ceil((pixels + 4) / 4);
    const cost = count * (LOAD_COST * (window + 2 * taps) + 2 * taps * pixels);
    return { count, pixels, window, cost };
  });
  const isFull = taps === 5 && parts === 1 && w.stride === 1 && w.dilation === 1 && w.padding === 4;
  if (isFull && w.input <= 10 && w.input > 6 && w.output === w.input + 4) {
    const cost = LOAD_COST * (3 + 2 * taps) + 2 * taps * 10;
    strips.push({ count: 1, pixels: 14, window: 3, full: true, cost });
  }
  const enough = strips.filter(({ count }) => count >= least);
  if (enough.length === 0) return strips.find(({ pixels }) => pixels === 4)!;
  return enough.reduce((best, other) => (other.cost < best.cost ? other : best));
}
