import channels from '../../../shaders/conv2dChannels.wgsl';
import source from '../../../shaders/conv2dWeightGradient.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import type { Axis, ConvGeometry } from './geometry.js';
import {
  blocksOf,
  contiguous,
  packChannelsLast,
  packedWeightQuads,
  packWindows,
  tapLayout,
  unpackWeights,
  windowRows,
  type Incoming,
} from './convolutionLayout.js';
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
  flags: ['TAPS_5', 'TAPS_3', 'SIX'],
  includes: { conv2dChannels: channels, threads },
});

/** Rows of weights that one thread of the weight gradient has: ROWS in the shader. */
const ROWS = 5;
/** Threads that keep an adapter busy. */
const ENOUGH_THREADS = { software: 256, hardware: 16384 };
/** Most elements of the slices' sums: 64 MiB. */
const MOST_SCRATCH = 2 ** 24;

/** dW and dB of a convolution. */
export function weightGradient(
  x: GpuArray,
  dy: Incoming,
  geometry: ConvGeometry,
): { weight: GpuArray; bias: GpuArray } {
  const { n, groups, inChannels, outChannels, h, w } = geometry;
  if (n === 0) {
    const shape = [outChannels, inChannels / groups, h.kernel, w.kernel];
    return {
      weight: fill(GpuArray.empty(shape, 'f32', x.device), 0),
      bias: fill(GpuArray.empty([outChannels], 'f32', x.device), 0),
    };
  }
  const blocks = blocksOf(outChannels / groups);
  const taps = tapLayout(w);
  const steps = Math.ceil(w.output / 4);
  const strips = { count: 1, pixels: 4 * steps, window: steps + 1 };

  const rowBlocks = Math.ceil(((inChannels / groups) * h.kernel * taps.parts) / ROWS);
  const perSlice = rowBlocks * groups * blocks.count;
  const quads = packedWeightQuads(geometry, blocks, taps);
  const lines = n * h.output;
  const wanted = x.device.info.software ? ENOUGH_THREADS.software : ENOUGH_THREADS.hardware;
  const most = Math.min(Math.ceil(wanted / perSlice), Math.floor(MOST_SCRATCH / (4 * quads)));
  const linesPerSlice = Math.ceil(lines / Math.max(1, most));
  const slices = Math.ceil(lines / linesPerSlice);

  const windows = packWindows({ array: x }, geometry, taps, strips);
  const dyLast = packChannelsLast(dy, groups, blocks, 4 * steps);
  const sums = GpuArray.empty([slices, quads, 4], 'f32', x.device);
  launch(shader, 'accumulate', {
    inputs: [windows, dyLast],
    outputs: [sums],
    params: {
      lines,
      linesPerSlice,
      slices,
      outH: h.output,
      steps,
      groups,
      blocks: blocks.count,
      inChannels: inChannels / groups,
      windowRows: windowRows(h),
      kernelH: h.kernel,
      strideH: h.stride,
      dilationH: h.dilation,
      parts: taps.parts,
    },
    flags: { [`TAPS_${taps.taps}`]: taps.taps > 1, SIX: blocks.size === 6 },
    threads: perSlice * slices,
  });
  windows.release();
  dyLast.release();
  const sum = slices > 1 ? reduceDims(sums, [0]) : sums.share();
  sums.release();
  const gradients = unpackWeights(sum, geometry, blocks, taps);
  sum.release();
  return gradients;
}

/**
 * dx of a convolution: cross-correlations of dy with the weights in reverse, of which each gives
 * the elements of dx with one remainder by the stride, for those are what the same taps reach.
 */
export function inputGradient(dy: Incoming, weight: GpuArray, geometry: ConvGeometry): GpuArray {
  const { n, groups, inChannels, outChannels, h, w } = geometry;
  const dx = GpuArray.empty([n, inChannels, h.input, w.input], 'f32', weight.device);
  const [rows, columns] = [lattices(h), lattices(w)];
  if (rows.length < h.stride || columns.length < w.stride) fill(dx, 0);

  const { strideGroup, strideOut, strideIn, strideH, strideW } = contiguous(geometry);
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
      convolve(dy, weight, dx, transposed, order, { grid });
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
