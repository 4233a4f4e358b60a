import channels from '../../../shaders/conv2dChannels.wgsl';
import source from '../../../shaders/conv2dWeightGradient.wgsl';
import threads from '../../../shaders/threads.wgsl';
import type { Device } from '../../gpu/device.js';
import type { Shape } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import type { Incoming } from './activation.js';
import type { Axis, ConvGeometry } from './geometry.js';
import {
  BLOCK_FLAGS,
  blockFlags,
  blocksOf,
  canBind,
  channelsLastQuads,
  contiguous,
  packChannelsLast,
  packedWeightQuads,
  packWindows,
  portionOf,
  portionsOf,
  TAP_FLAGS,
  tapFlags,
  tapLayout,
  unpackWeights,
  windowBytes,
  windowRows,
  type Portion,
} from './convolutionLayout.js';
import { addInPlace } from './accumulate.js';
import { convolve } from './convolve.js';
import { fill } from './fill.js';
import { reduceDims } from './reduce.js';

const shader = defineShader({
  name: 'conv2dWeightGradient',
  source,
  params: {
    lines: 'u32',
    linesPerSlice: 'u32',
    slices: 'u32',
    outH: 'u32',
    steps: 'u32',
    groups: 'u32',
    blocks: 'u32',
    inChannels: 'u32',
    windowRows: 'u32',
    kernelH: 'u32',
    strideH: 'u32',
    dilationH: 'u32',
    parts: 'u32',
  },
  flags: [...TAP_FLAGS, ...BLOCK_FLAGS],
  includes: { conv2dChannels: channels, threads },
});

/** Rows of weights that one thread of the weight gradient has: ROWS in the shader. */
const ROWS = 5;
/** Threads that keep an adapter busy. */
const ENOUGH_THREADS = { software: 256, hardware: 16384 };
/** Most bytes of the slices' sums. */
const MOST_SCRATCH = 64 * 2 ** 20;

/** dW and dB of a convolution. */
export function weightGradient(
  x: GpuArray,
  dy: Incoming,
  geometry: ConvGeometry,
): { weight: GpuArray; bias: GpuArray } {
  const { n, groups, inChannels, outChannels, h, w } = geometry;
  const { device } = x;
  const blocks = blocksOf(outChannels / groups);
  const taps = tapLayout(w);
  const steps = Math.ceil(w.output / 4);
  const strips = { count: 1, pixels: 4 * steps, window: steps + 1 };

  const rowBlocks = Math.ceil(((inChannels / groups) * h.kernel * taps.parts) / ROWS);
  const perSlice = rowBlocks * groups * blocks.count;
  const quads = packedWeightQuads(geometry, blocks, taps);
  const wanted = device.info.software ? ENOUGH_THREADS.software : ENOUGH_THREADS.hardware;
  const scratch = Math.min(MOST_SCRATCH, device.bindingLimit);
  const most = Math.min(Math.ceil(wanted / perSlice), Math.floor(scratch / (16 * quads)));

  const portions = portionsOf(n, h.output, (images, rows) => {
    const portion = portionOf(geometry, { image: 0, images, row: 0, rows });
    const bytes = Math.max(
      windowBytes(portion, taps, strips, x.dtype),
      16 * images * rows * channelsLastQuads(groups, blocks, 4 * steps),
    );
    return bytes <= device.bindingLimit && canBind(x, images) && canBind(dy.array, images);
  });
  const sum = sumOf(portions, [quads, 4], device, (portion) => {
    const part = portionOf(geometry, portion);
    const lines = part.n * part.h.output;
    const linesPerSlice = Math.ceil(lines / Math.max(1, most));
    const slices = Math.ceil(lines / linesPerSlice);
    const windows = packWindows({ array: x }, portion, part, taps, strips);
    const dyLast = packChannelsLast(dy, portion, groups, blocks, 4 * steps);
    const sums = GpuArray.empty([slices, quads, 4], 'f32', device);
    launch(shader, 'accumulate', {
      inputs: [windows, dyLast],
      outputs: [sums],
      params: {
        lines,
        linesPerSlice,
        slices,
        outH: part.h.output,
        steps,
        groups,
        blocks: blocks.count,
        inChannels: inChannels / groups,
        windowRows: windowRows(part.h),
        kernelH: h.kernel,
        strideH: h.stride,
        dilationH: h.dilation,
        parts: taps.parts,
      },
      flags: { ...tapFlags(taps), ...blockFlags(blocks), RAGGED: false },
      threads: perSlice * slices,
    });
    windows.release();
    dyLast.release();
    return sums;
  });
  const gradients = unpackWeights(sum, x.dtype, geometry, blocks, taps);
  sum.release();
  return gradients;
}

/** dB of a convolution with so many groups: the sum of dy over images, rows and columns. */
export function biasGradient(dy: Incoming, groups: number): GpuArray {
  const { shape, device, dtype } = dy.array;
  const [n, outChannels, rows, columns] = shape as [number, number, number, number];
  // Packed as weights of no input channels, of which only the bias is left.
  const geometry = {
    n,
    groups,
    inChannels: 0,
    outChannels,
    h: everyElement(rows),
    w: everyElement(columns),
  };
  const blocks = blocksOf(outChannels / groups);
  const taps = tapLayout(geometry.w);
  const portions = portionsOf(n, rows, (images, someRows) => {
    const bytes = 16 * images * someRows * channelsLastQuads(groups, blocks, columns);
    return bytes <= device.bindingLimit && canBind(dy.array, images);
  });
  const quads = packedWeightQuads(geometry, blocks, taps);
  const sum = sumOf(portions, [quads, 4], device, (portion) =>
    packChannelsLast(dy, portion, groups, blocks, columns),
  );
  const { weight, bias } = unpackWeights(sum, dtype, geometry, blocks, taps);
  sum.release();
  weight.release();
  return bias;
}

/** The sum, in order, over the first dimension of what `termsOf` gives for each portion. */
function sumOf(
  portions: readonly Portion[],
  shape: Shape,
  device: Device,
  termsOf: (portion: Portion) => GpuArray,
): GpuArray {
  let total: GpuArray | null = null;
  for (const portion of portions) {
    const terms = termsOf(portion);
    const sum = terms.shape[0]! > 1 ? reduceDims(terms, [0]) : terms.share();
    terms.release();
    if (total) addInPlace(total, sum);
    else total = sum;
  }
  return total ?? fill(GpuArray.empty(shape, 'f32', device), 0);
}

/** Windows of one element each. */
function everyElement(size: number): Axis {
  return { input: size, kernel: 1, stride: 1, dilation: 1, padding: 0, output: size };
}

/**
 * dx of a convolution: cross-correlations of dy with the weights in reverse, of which each gives
 * the elements of dx with one remainder by the stride, for those are what the same taps reach.
 *
 * @param bias  Added to it, (C): a transposed convolution has one.
 */
export function inputGradient(
  dy: Incoming,
  weight: GpuArray,
  geometry: ConvGeometry,
  bias?: GpuArray,
): GpuArray {
  const { n, groups, inChannels, outChannels, h, w } = geometry;
  const dx = GpuArray.empty([n, inChannels, h.input, w.input], weight.dtype, weight.device);
  const [rows, columns] = [lattices(h), lattices(w)];
  const { strideGroup, strideOut, strideIn, strideH, strideW } = contiguous(geometry);
  if (rows.length < Math.min(h.stride, h.input) || columns.length < Math.min(w.stride, w.input)) {
    // Some elements are reached by no tap: a convolution of no channels gives the bias alone.
    const empty = {
      n,
      groups,
      inChannels: 0,
      outChannels: inChannels,
      h: everyElement(h.input),
      w: everyElement(w.input),
    };
    convolve(dy, weight, dx, empty, contiguous(empty), { bias });
  }

  for (const row of rows) {
    for (const column of columns) {
      const transposed = {
        n,
        groups,
        inChannels: outChannels,
        outChannels: inChannels,
        h: row.axis,
        w: column.axis,
      };
      const order = {
        start: row.lastTap * strideH + column.lastTap * strideW,
        strideGroup,
        strideOut: strideIn,
        strideIn: strideOut,
        strideH: -row.tapStep * strideH,
        strideW: -column.tapStep * strideW,
      };
      const grid = { first: [row.first, column.first], step: [h.stride, w.stride] } as const;
      convolve(dy, weight, dx, transposed, order, { grid, bias });
    }
  }
  return dx;
}

/** Elements of dx along an axis that are a stride apart, and the taps that reach them from dy. */
interface Lattice {
  first: number;
  /** Windows of dy, by the taps from the last one to the first. */
  axis: Axis;
  lastTap: number;
  tapStep: number;
}

/**
 * Element h of dx meets tap u of window i where h + padding = i * stride + u * dilation. With
 * h = first + stride * j and u = tap + tapStep * m that is
 *   i = j + (first + padding - tap * dilation) / stride - m * dilation / gcd(stride, dilation).
 *
 * @returns one for each remainder that any tap reaches.
 */
function lattices({ input, kernel, stride, dilation, padding, output }: Axis): Lattice[] {
  const common = gcd(stride, dilation);
  const tapStep = stride / common;
  const found: Lattice[] = [];
  for (let first = 0; first < Math.min(stride, input); first++) {
    let tap = 0;
    while (tap < kernel && (first + padding - tap * dilation) % stride !== 0) tap++;
    if (tap === kernel) continue;
    const taps = Math.ceil((kernel - tap) / tapStep);
    const spread = (taps - 1) * (dilation / common);
    found.push({
      first,
      axis: {
        input: output,
        kernel: taps,
        stride: 1,
        dilation: dilation / common,
        padding: spread - (first + padding - tap * dilation) / stride,
        output: Math.ceil((input - first) / stride),
      },
      lastTap: tap + (taps - 1) * tapStep,
      tapStep,
    });
  }
  return found;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
