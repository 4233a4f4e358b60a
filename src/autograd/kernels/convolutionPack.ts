import activation from '../../../shaders/activation.wgsl';
import channels from '../../../shaders/conv2dChannels.wgsl';
import source from '../../../shaders/conv2dPack.wgsl';
import places from '../../../shaders/conv2dPlaces.wgsl';
import taps from '../../../shaders/conv2dTaps.wgsl';
import epilogue from '../../../shaders/epilogue.wgsl';
import threads from '../../../shaders/threads.wgsl';
import type { Device } from '../../gpu/device.js';
import { BYTES_PER_ELEMENT } from '../../gpu/dtype.js';
import { BINDING_ALIGNMENT, GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader, type ParamsOf } from '../../gpu/shader.js';
import { INCOMING_FLAGS, incomingFlags, type Incoming } from './activation.js';
import {
  BLOCK_FLAGS,
  blockFlags,
  imagesOf,
  weightEntries,
  windowQuads,
  windowRows,
  type Blocks,
  type Portion,
  type RowLayout,
  type Strips,
  type TapLayout,
  type WeightOrder,
} from './convolutionLayout.js';
import type { ConvGeometry } from './geometry.js';

const shader = defineShader({
  name: 'conv2dPack',
  source,
  params: {
    start: 'u32',
    inH: 'u32',
    inW: 'u32',
    windowThreads: 'u32',
    each: 'u32',
    eachRows: 'u32',
    rows: 'u32',
    strips: 'u32',
    pixels: 'u32',
    window: 'u32',
    kernelW: 'u32',
    phases: 'u32',
    parts: 'u32',
    taps: 'u32',
    strideW: 'u32',
    dilationW: 'u32',
    paddingH: 'i32',
    paddingW: 'i32',
    weightThreads: 'u32',
    weightTo: 'u32',
    blocks: 'u32',
    inChannels: 'u32',
    outChannels: 'u32',
    kernelH: 'u32',
    weightStart: 'i32',
    strideGroup: 'i32',
    strideOut: 'i32',
    strideIn: 'i32',
    strideKh: 'i32',
    strideKw: 'i32',
    xThreads: 'u32',
    xTo: 'u32',
    xEach: 'u32',
    xEachRows: 'u32',
    xStart: 'u32',
    xInH: 'u32',
    xInW: 'u32',
    xRows: 'u32',
    xWindow: 'u32',
    xKernelW: 'u32',
    xPhases: 'u32',
    xParts: 'u32',
    xTaps: 'u32',
    xStrideW: 'u32',
    xDilationW: 'u32',
    xPaddingH: 'i32',
    xPaddingW: 'i32',
    lineThreads: 'u32',
    lineTo: 'u32',
    lineEach: 'u32',
    lineEachRows: 'u32',
    firstLine: 'i32',
    lines: 'u32',
    steps: 'u32',
  },
  flags: ['SOURCE', 'WINDOWS', 'WEIGHTS', 'BIAS', 'X', 'LINES', ...INCOMING_FLAGS, ...BLOCK_FLAGS],
  includes: {
    conv2dPlaces: places,
    conv2dTaps: taps,
    conv2dChannels: channels,
    epilogue,
    activation,
    threads,
  },
});

type Params = ParamsOf<typeof shader>;

/** What conv2d.wgsl needs of a convolution. */
export interface ConvolvePacking {
  weight: GpuArray;
  bias?: GpuArray;
  /** Of the portion. */
  geometry: ConvGeometry;
  order: WeightOrder;
  blocks: Blocks;
  taps: TapLayout;
  strips: Strips;
  rows: RowLayout;
}

/** What conv2dWeightGradient.wgsl needs besides dL/dy. */
export interface AccumulatePacking {
  x: GpuArray;
  /** Of the portion. */
  geometry: ConvGeometry;
  taps: TapLayout;
  strips: Strips;
  steps: number;
  /** False if dL/dy is read as it is. */
  lines: boolean;
}

/** The windows of the source of a convolution, and its weights. */
interface ForConvolve {
  windows: GpuArray;
  weights: GpuArray;
}

/** The windows of x, and the lines of dL/dy if they are wanted. */
export interface ForAccumulate {
  xWindows: GpuArray;
  lines?: GpuArray;
}

/** vec4s of any dtype after which a binding may start. */
const ALIGNED = BINDING_ALIGNMENT / (4 * BYTES_PER_ELEMENT.f16);

/** True if arrays of so many vec4s can be packed at once: they are bindings of one buffer. */
export function canPack(quads: readonly number[], { dtype, device }: GpuArray): boolean {
  const end = quads.reduce((sum, count) => Math.ceil(sum / ALIGNED) * ALIGNED + count, 0);
  return end * 4 * BYTES_PER_ELEMENT[dtype] <= device.bindingLimit;
}

/** vec4s of windows and weights. */
export function convolveQuads(
  packing: Omit<ConvolvePacking, 'weight' | 'order'>,
): [windows: number, weights: number] {
  const { geometry, blocks, taps, strips, rows } = packing;
  return [
    // Without channels there is nothing to lay out, but something must be bound.
    Math.max(strips.window, windowQuads(geometry, rows, taps, strips)),
    weightEntries(geometry, blocks, taps) * taps.taps * blocks.quads,
  ];
}

/** vec4s of windows and lines. */
export function accumulateQuads(
  packing: Omit<AccumulatePacking, 'x' | 'lines'>,
): [xWindows: number, lines: number] {
  const { geometry, taps, strips, steps } = packing;
  const { n, outChannels, h } = geometry;
  const windows = windowQuads(geometry, windowRows(h), taps, strips);
  return [Math.max(1, windows), n * outChannels * h.output * steps];
}

/** Lays out a portion of what is convolved. The arrays are to be released, as those of the others. */
export function packForConvolve(
  source: Incoming,
  portion: Portion,
  packing: ConvolvePacking,
): ForConvolve {
  const [windows, weights] = convolveQuads(packing);
  const { windows: w, weights: k } = pack(source, portion, { windows, weights }, packing);
  return { windows: w!, weights: k! };
}

/** The same for a weight gradient, whose source is dL/dy. */
export function packForAccumulate(
  source: Incoming,
  portion: Portion,
  packing: AccumulatePacking,
): ForAccumulate {
  const [xWindows, lines] = accumulateQuads(packing);
  const quads = packing.lines ? { xWindows, lines } : { xWindows };
  const packed = pack(source, portion, quads, undefined, packing);
  return { xWindows: packed.xWindows!, lines: packed.lines };
}

/** For both gradients at once, where the lines of dL/dy are the windows of the input gradient. */
export function packForGradients(
  source: Incoming,
  portion: Portion,
  convolve: ConvolvePacking,
  accumulate: AccumulatePacking,
): Required<ForAccumulate> & Pick<ForConvolve, 'weights'> {
  const [, weights] = convolveQuads(convolve);
  const [xWindows, lines] = accumulateQuads(accumulate);
  const packed = pack(source, portion, { weights, xWindows, lines }, convolve, accumulate);
  return { weights: packed.weights!, xWindows: packed.xWindows!, lines: packed.lines! };
}

type Packed = Partial<Record<'windows' | 'weights' | 'xWindows' | 'lines', GpuArray>>;

/** Lays out arrays of so many vec4s in one dispatch. */
function pack(
  source: Incoming,
  portion: Portion,
  quads: Partial<Record<keyof Packed, number>>,
  convolve?: ConvolvePacking,
  accumulate?: AccumulatePacking,
): Packed {
  const { array, activated } = source;
  const { dtype, device } = array;
  const [, planes, inH, inW] = array.shape as [number, number, number, number];
  const starts: Partial<Record<string, number>> = {};
  let end = 0;
  for (const [name, count] of Object.entries(quads)) {
    const start = Math.ceil(end / ALIGNED) * ALIGNED;
    starts[name] = start;
    end = start + count;
  }

  const inputs: GpuArray[] = [];
  const params = { ...NOTHING, inH, inW };
  const readsSource = quads.windows !== undefined || quads.lines !== undefined;
  if (readsSource) {
    const images = imagesOf(array, portion);
    inputs.push(images.array);
    if (activated) inputs.push(imagesOf(activated, portion).array);
    params.start = images.start;
  }
  if (convolve) {
    inputs.push(convolve.weight.share());
    if (convolve.bias) inputs.push(convolve.bias.share());
    Object.assign(params, weightParams(convolve), convolve.order, { weightTo: starts.weights });
    if (quads.windows !== undefined) Object.assign(params, windowParams(convolve, device));
  }
  if (accumulate) {
    const xImages = imagesOf(accumulate.x, portion);
    inputs.push(xImages.array);
    const places = { xTo: starts.xWindows, xStart: xImages.start };
    Object.assign(params, xParams(accumulate, device), places);
    if (quads.lines !== undefined) {
      Object.assign(params, lineParams(accumulate, portion, planes, device), {
        lineTo: starts.lines,
      });
    }
  }

  const all = GpuArray.empty([end, 4], dtype, device);
  launch(shader, 'pack', {
    inputs,
    outputs: [all],
    params,
    flags: {
      SOURCE: readsSource,
      WINDOWS: quads.windows !== undefined,
      WEIGHTS: convolve !== undefined,
      BIAS: convolve?.bias !== undefined,
      X: accumulate !== undefined,
      LINES: quads.lines !== undefined,
      ...(readsSource && incomingFlags(source)),
      ...(convolve && blockFlags(convolve.blocks)),
    },
    threads: params.windowThreads + params.weightThreads + params.xThreads + params.lineThreads,
  });
  for (const input of inputs) input.release();
  const packed = Object.fromEntries(
    Object.entries(quads).map(([name, count]) => [name, all.part(4 * starts[name]!, [count, 4])]),
  );
  all.release();
  return packed;
}

const NOTHING = Object.fromEntries(Object.keys(shader.params).map((name) => [name, 0])) as Params;

/** vec4s of a window that one thread makes: a CPU wants few threads, a GPU neighbours side by side. */
function eachOf(window: number, device: Device): number {
  return device.info.software ? window : 1;
}

/** Rows in which it makes them. */
function eachRowsOf(rows: number, planes: number, device: Device): number {
  if (!device.info.software) return 1;
  return Math.max(1, Math.min(rows, Math.floor((rows * planes) / ENOUGH_THREADS)));
}

/** For which a CPU has threads enough. */
const ENOUGH_THREADS = 1024;

function windowParams(
  { geometry, taps, strips, rows }: ConvolvePacking,
  device: Device,
): Partial<Params> {
  const { n, inChannels, w } = geometry;
  const each = eachOf(strips.window, device);
  const planes = n * inChannels;
  const eachRows = eachRowsOf(rows.rows, planes * strips.count * taps.parts, device);
  const rowChunks = Math.ceil(rows.rows / eachRows);
  const chunks = strips.count * taps.parts * Math.ceil(strips.window / each);
  return {
    windowThreads: planes * rowChunks * chunks,
    each,
    eachRows,
    rows: rows.rows,
    strips: strips.count,
    pixels: strips.pixels,
    window: strips.window,
    strideW: w.stride,
    dilationW: w.dilation,
    paddingH: -rows.first,
    paddingW: strips.full ? 0 : w.padding,
  };
}

function weightParams({ geometry, blocks, taps }: ConvolvePacking): Partial<Params> {
  const { groups, h, w } = geometry;
  return {
    kernelW: w.kernel,
    phases: taps.phases,
    parts: taps.parts,
    taps: taps.taps,
    weightThreads: weightEntries(geometry, blocks, taps) * blocks.quads,
    blocks: blocks.count,
    inChannels: geometry.inChannels / groups,
    outChannels: geometry.outChannels / groups,
    kernelH: h.kernel,
  };
}

function xParams(
  { x, geometry, taps, strips }: AccumulatePacking,
  device: Device,
): Partial<Params> {
  const { n, inChannels, h, w } = geometry;
  const xEach = eachOf(strips.window, device);
  const { rows } = windowRows(h);
  const planes = n * inChannels;
  const xEachRows = eachRowsOf(rows, planes * taps.parts, device);
  const chunks = taps.parts * Math.ceil(strips.window / xEach);
  return {
    xThreads: planes * Math.ceil(rows / xEachRows) * chunks,
    xEach,
    xEachRows,
    xInH: x.shape[2]!,
    xInW: x.shape[3]!,
    xRows: rows,
    xWindow: strips.window,
    xKernelW: w.kernel,
    xPhases: taps.phases,
    xParts: taps.parts,
    xTaps: taps.taps,
    xStrideW: w.stride,
    xDilationW: w.dilation,
    xPaddingH: h.padding,
    xPaddingW: w.padding,
  };
}

function lineParams(
  { steps }: AccumulatePacking,
  { images, row, rows }: Portion,
  planes: number,
  device: Device,
): Partial<Params> {
  const lineEach = eachOf(steps, device);
  const lineEachRows = eachRowsOf(rows, images * planes, device);
  const chunks = Math.ceil(rows / lineEachRows) * Math.ceil(steps / lineEach);
  return {
    lineThreads: images * planes * chunks,
    lineEach,
    lineEachRows,
    firstLine: row,
    lines: rows,
    steps,
  };
}
