import activation from '../../../shaders/activation.wgsl';
import channels from '../../../shaders/conv2dChannels.wgsl';
import incoming from '../../../shaders/conv2dIncoming.wgsl';
import inputSource from '../../../shaders/conv2dInputGradient.wgsl';
import weightSource from '../../../shaders/conv2dWeightGradient.wgsl';
import epilogue from '../../../shaders/epilogue.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import { extent, type Axis, type ConvGeometry } from '../ops/geometry.js';
import {
  blocksOf,
  incomingArrays,
  incomingFlags,
  packChannelsLast,
  packedWeightQuads,
  packWeights,
  packWindows,
  singleTaps,
  tapLayout,
  unpackWeights,
  windowRows,
  type Incoming,
} from './convolutionLayout.js';
import { convolve } from './convolve.js';
import { reduceDims } from './reduce.js';

const weightShader = defineShader({
  name: 'conv2dWeightGradient',
  source: weightSource,
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

const inputShader = defineShader({
  name: 'conv2dInputGradient',
  source: inputSource,
  params: {
    n: 'u32',
    groups: 'u32',
    blocks: 'u32',
    dyChannels: 'u32',
    dxChannels: 'u32',
    kernelH: 'u32',
    kernelW: 'u32',
    strideH: 'u32',
    strideW: 'u32',
    dilationH: 'u32',
    dilationW: 'u32',
    paddingH: 'u32',
    paddingW: 'u32',
    strips: 'u32',
    inH: 'u32',
    inW: 'u32',
    outH: 'u32',
    outW: 'u32',
  },
  flags: ['ACTIVATED', 'RELU', 'SIGMOID', 'TANH', 'SIX'],
  includes: { conv2dChannels: channels, conv2dIncoming: incoming, epilogue, activation, threads },
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
  const linesPerSlice = Math.max(1, Math.ceil(lines / Math.max(1, most)));
  const slices = Math.max(1, Math.ceil(lines / linesPerSlice));

  const windows = packWindows({ array: x }, geometry, taps, strips);
  const dyLast = packChannelsLast(dy, groups, blocks, 4 * steps);
  const sums = GpuArray.empty([slices, quads, 4], 'f32', x.device);
  launch(weightShader, 'accumulate', {
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

/** dx of a convolution. */
export function inputGradient(dy: Incoming, weight: GpuArray, geometry: ConvGeometry): GpuArray {
  const { inChannels, outChannels, h, w } = geometry;
  const transposed = {
    ...geometry,
    inChannels: outChannels,
    outChannels: inChannels,
    h: transposedAxis(h),
    w: transposedAxis(w),
  };
  if (h.stride === 1 && w.stride === 1) {
    return convolve(dy, weight, { geometry: transposed, order: 'flipped' });
  }
  return gather(dy, weight, geometry, transposed);
}

/** The windows of dy that the elements of dx are in, for stride 1. */
function transposedAxis(axis: Axis): Axis {
  const padding = extent(axis) - 1 - axis.padding;
  return { ...axis, input: axis.output, output: axis.input, stride: 1, padding };
}

/** dx for strides above 1. */
function gather(
  dy: Incoming,
  weight: GpuArray,
  { n, groups, inChannels, outChannels, h, w }: ConvGeometry,
  transposed: ConvGeometry,
): GpuArray {
  const { device } = weight;
  const dx = GpuArray.empty([n, inChannels, h.input, w.input], 'f32', device);
  const blocks = blocksOf(inChannels / groups);
  const order = 'transposed';
  const weights = packWeights(weight, undefined, transposed, order, blocks, singleTaps(w));
  const strips = Math.ceil(w.input / w.stride / 4);
  launch(inputShader, 'gather', {
    inputs: [...incomingArrays(dy), weights],
    outputs: [dx],
    params: {
      n,
      groups,
      blocks: blocks.count,
      dyChannels: outChannels / groups,
      dxChannels: inChannels / groups,
      kernelH: h.kernel,
      kernelW: w.kernel,
      strideH: h.stride,
      strideW: w.stride,
      dilationH: h.dilation,
      dilationW: w.dilation,
      paddingH: h.padding,
      paddingW: w.padding,
      strips,
      inH: h.input,
      inW: w.input,
      outH: h.output,
      outW: w.output,
    },
    flags: { ...incomingFlags(dy), SIX: blocks.size === 6 },
    threads: groups * blocks.count * n * h.input * strips * w.stride,
  });
  weights.release();
  return dx;
}
