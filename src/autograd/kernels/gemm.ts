/** Convolutions and their gradients as products of matrices, by tiles; see conv2dGemm.wgsl. */
import activationSource from '../../../shaders/activation.wgsl';
import source from '../../../shaders/conv2dGemm.wgsl';
import sumsSource from '../../../shaders/conv2dGemmSums.wgsl';
import epilogue from '../../../shaders/epilogue.wgsl';
import threads from '../../../shaders/threads.wgsl';
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
import { multiplyAdds, type ConvGeometry } from './geometry.js';

const shader = defineShader({
  name: 'conv2dGemm',
  source,
  params: {
    n: 'u32',
    groups: 'u32',
    inChannels: 'u32',
    outChannels: 'u32',
    inH: 'u32',
    inW: 'u32',
    outH: 'u32',
    outW: 'u32',
    kernelH: 'u32',
    kernelW: 'u32',
    strideH: 'u32',
    strideW: 'u32',
    dilationH: 'u32',
    dilationW: 'u32',
    paddingH: 'i32',
    paddingW: 'i32',
    rows: 'u32',
    columns: 'u32',
    depth: 'u32',
    splits: 'u32',
    perSplit: 'u32',
  },
  flags: ['INPUT_GRADIENT', 'WEIGHT_GRADIENT', 'LARGE', 'BIAS', ...INCOMING_FLAGS],
  includes: { epilogue, activation: activationSource, threads },
});

const sumsShader = defineShader({
  name: 'conv2dGemmSums',
  source: sumsSource,
  params: { rows: 'u32', columns: 'u32', taps: 'u32', splits: 'u32' },
  flags: ['WEIGHT', 'BIAS'],
  includes: { threads },
});

/** Tiles of 64x64 sums, 8x8 a thread, or of 32x32, 4x4 a thread. */
export type GemmVariant = 'gemm64' | 'gemm32';

const TILES = { gemm64: 64, gemm32: 32 } as const;
/** Of the workgroups and of each step: THREADS and DEPTH in the shader. */
const THREADS = 64;
const DEPTH = 16;
/** Workgroups that keep an adapter busy. */
const ENOUGH_WORKGROUPS = { software: 8, hardware: 256 };
/** Most bytes of the parts of a weight gradient. */
const MOST_SCRATCH = 64 * 2 ** 20;

/** True if all arrays of the convolution and its gradients can be bound whole. */
export function canGemm(g: ConvGeometry, dtype: DType, device: Device): boolean {
  const x = g.n * g.inChannels * g.h.input * g.w.input;
  const y = g.n * g.outChannels * g.h.output * g.w.output;
  const sums = g.outChannels * columnsOf(g);
  return (
    Math.max(x, y) * BYTES_PER_ELEMENT[dtype] <= device.bindingLimit &&
    sums * BYTES_PER_ELEMENT.f32 <= device.bindingLimit
  );
}

/** y of a convolution. */
export function gemmForward(
  variant: GemmVariant,
  x: Incoming,
  weight: GpuArray,
  y: GpuArray,
  geometry: ConvGeometry,
  { bias, activation }: { bias?: GpuArray; activation?: Activation },
): void {
  const { n, groups, inChannels, outChannels, h, w } = geometry;
  multiply(
    variant,
    geometry,
    {
      rows: outChannels / groups,
      columns: n * h.output * w.output,
      depth: (inChannels / groups) * h.kernel * w.kernel,
    },
    [x.array, weight, ...(bias ? [bias] : [])],
    y,
    { BIAS: bias !== undefined, ...activationFlags(activation) },
  );
}

/** dx of a convolution, plus `bias`, (C), where there is one. */
export function gemmInputGradient(
  variant: GemmVariant,
  dy: Incoming,
  weight: GpuArray,
  dx: GpuArray,
  geometry: ConvGeometry,
  bias?: GpuArray,
): void {
  const { n, groups, inChannels, outChannels, h, w } = geometry;
  multiply(
    variant,
    geometry,
    {
      rows: inChannels / groups,
      columns: n * h.input * w.input,
      depth: (outChannels / groups) * h.kernel * w.kernel,
    },
    [...arraysOf(dy), weight, ...(bias ? [bias] : [])],
    dx,
    { INPUT_GRADIENT: true, BIAS: bias !== undefined, ...incomingFlags(dy) },
  );
}

/** dW and dB of a convolution. */
export function gemmWeightGradient(
  variant: GemmVariant,
  { x, dy, geometry, weight, bias }: WeightGradient,
): void {
  const { device } = dy.array;
  const { n, groups, outChannels, h, w } = geometry;
  const rows = outChannels / groups;
  const taps = x ? columnsOf(geometry) - 1 : 0; // without x, for the bias alone
  const columns = bias ? taps + 1 : taps;
  const depth = n * h.output * w.output;

  const tile = TILES[variant];
  const tiles = groups * Math.ceil(rows / tile) * Math.ceil(columns / tile);
  const enough = ENOUGH_WORKGROUPS[device.info.software ? 'software' : 'hardware'];
  const bytes = BYTES_PER_ELEMENT.f32 * outChannels * columns;
  const fitting = Math.floor(Math.min(MOST_SCRATCH, device.bindingLimit) / bytes);
  const wanted = Math.max(1, Math.min(Math.ceil(enough / tiles), fitting));
  const perSplit = Math.max(1, Math.ceil(depth / wanted / DEPTH)) * DEPTH;
  const splits = Math.max(1, Math.ceil(depth / perSplit));

  const sums = GpuArray.empty([splits, outChannels, columns], 'f32', device);
  multiply(
    variant,
    x ? geometry : { ...geometry, inChannels: 0 },
    { rows, columns, depth, splits, perSplit },
    [...arraysOf(dy), x ?? dy.array],
    sums,
    { WEIGHT_GRADIENT: true, ...incomingFlags(dy) },
  );
  launch(sumsShader, 'addSplits', {
    inputs: [sums],
    outputs: [weight, bias].filter((array) => array !== undefined),
    params: { rows: outChannels, columns, taps, splits },
    flags: { WEIGHT: weight !== undefined, BIAS: bias !== undefined },
    threads: outChannels * columns,
  });
  sums.release();
}

/** C kH kW of a group, and one for the bias. */
function columnsOf({ groups, inChannels, h, w }: ConvGeometry): number {
  return (inChannels / groups) * h.kernel * w.kernel + 1;
}

function arraysOf({ array, activated }: Incoming): GpuArray[] {
  return activated ? [array, activated] : [array];
}

function multiply(
  variant: GemmVariant,
  geometry: ConvGeometry,
  size: { rows: number; columns: number; depth: number; splits?: number; perSplit?: number },
  inputs: readonly GpuArray[],
  output: GpuArray,
  flags: { [flag in string]?: boolean },
): void {
  const { n, groups, inChannels, outChannels, h, w } = geometry;
  const { rows, columns, splits = 1 } = size;
  const tile = TILES[variant];
  const tiles = groups * splits * Math.ceil(rows / tile) * Math.ceil(columns / tile);
  launch(shader, 'multiply', {
    inputs,
    outputs: [output],
    params: {
      n,
      groups,
      inChannels: inChannels / groups,
      outChannels: outChannels / groups,
      inH: h.input,
      inW: w.input,
      outH: h.output,
      outW: w.output,
      kernelH: h.kernel,
      kernelW: w.kernel,
      strideH: h.stride,
      strideW: w.stride,
      dilationH: h.dilation,
      dilationW: w.dilation,
      paddingH: h.padding,
      paddingW: w.padding,
      splits,
      perSplit: size.depth,
      ...size,
    },
    flags: { LARGE: variant === 'gemm64', ...flags },
    threads: tiles * THREADS,
    flops: 2 * multiplyAdds(geometry),
  });
}
