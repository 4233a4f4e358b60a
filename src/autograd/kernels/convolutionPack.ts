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
    firstLine: 'i32',
    lines: 'u32',
    steps: 'u32',
  },
  flags: ['CONVOLVE', 'ACCUMULATE', 'BIAS', ...INCOMING_FLAGS, ...BLOCK_FLAGS],
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
}

/** What conv2dWeightGradient.wgsl needs besides dL/dy. */
export interface AccumulatePacking {
  x: GpuArray;
  /** Of the portion. */
  geometry: ConvGeometry;
  taps: TapLayout;
  strips: Strips;
  steps: number;
}

/** Of ConvolvePacking: windows and weights. Of AccumulatePacking: xWindows and lines of dL/dy. */
export interface Packed {
  windows?: GpuArray;
  weights?: GpuArray;
  xWindows?: GpuArray;
  lines?: GpuArray;
}

/** vec4s of any dtype after which a binding may start. */
const ALIGNED = BINDING_ALIGNMENT / (4 * BYTES_PER_ELEMENT.f16);

/** True if arrays of so many vec4s can be packed at once: they are bindings of one buffer. */
export function canPack(quads: readonly number[], { dtype, device }: GpuArray): boolean {
  const end = quads.reduce((sum, count) => Math.ceil(sum / ALIGNED) * ALIGNED + count, 0);
  return end * 4 * BYTES_PER_ELEMENT[dtype] <= device.bindingLimit;
}

/** vec4s of both arrays. */
export function convolveQuads(p: Omit<ConvolvePacking, 'weight' | 'order'>): [number, number] {
  const { geometry, blocks, taps, strips } = p;
  return [
    // Without channels there is nothing to lay out, but something must be bound.
    Math.max(strips.window, windowQuads(geometry, taps, strips)),
    weightEntries(geometry, blocks, taps) * taps.taps * blocks.quads,
  ];
}

/** vec4s of both arrays. */
export function accumulateQuads(p: Omit<AccumulatePacking, 'x'>): [number, number] {
  const { geometry, taps, strips, steps } = p;
  const { n, outChannels, h } = geometry;
  return [Math.max(1, windowQuads(geometry, taps, strips)), n * outChannels * h.output * steps];
}

/**
 * Lays out what one or both of the kernels read, in one dispatch. The arrays are to be released.
 *
 * @param source   What is convolved, and dL/dy of a weight gradient.
 * @param portion  Of both.
 */
export function pack(
  source: Incoming,
  portion: Portion,
  convolve?: ConvolvePacking,
  accumulate?: AccumulatePacking,
): Packed {
  const { array, activated } = source;
  const { dtype, device } = array;
  const [, planes, inH, inW] = array.shape as [number, number, number, number];
  const images = imagesOf(array, portion);
  const inputs = [images.array];
  if (activated) inputs.push(imagesOf(activated, portion).array);
  const params = { ...NOTHING, start: images.start, inH, inW };
  let end = 0;
  const place = (quads: number): Place => {
    const to = Math.ceil(end / ALIGNED) * ALIGNED;
    end = to + quads;
    return { to, quads };
  };
  const places: Partial<Record<keyof Packed, Place>> = {};

  if (convolve) {
    inputs.push(convolve.weight.share());
    if (convolve.bias) inputs.push(convolve.bias.share());
    [places.windows, places.weights] = convolveQuads(convolve).map(place) as [Place, Place];
    Object.assign(params, convolveParams(convolve, device), convolve.order);
    params.weightTo = places.weights.to;
  }
  if (accumulate) {
    const { x, steps } = accumulate;
    const xImages = imagesOf(x, portion);
    inputs.push(xImages.array);
    [places.xWindows, places.lines] = accumulateQuads(accumulate).map(place) as [Place, Place];
    const lineEach = eachOf(steps, device);
    Object.assign(params, xParams(accumulate, device), {
      xTo: places.xWindows.to,
      xStart: xImages.start,
      lineThreads: portion.images * planes * portion.rows * Math.ceil(steps / lineEach),
      lineTo: places.lines.to,
      lineEach,
      firstLine: portion.row,
      lines: portion.rows,
      steps,
    });
  }

  const all = GpuArray.empty([end, 4], dtype, device);
  launch(shader, 'pack', {
    inputs,
    outputs: [all],
    params,
    flags: {
      CONVOLVE: convolve !== undefined,
      ACCUMULATE: accumulate !== undefined,
      BIAS: convolve?.bias !== undefined,
      ...incomingFlags(source),
      ...(convolve && blockFlags(convolve.blocks)),
    },
    threads: params.windowThreads + params.weightThreads + params.xThreads + params.lineThreads,
  });
  for (const input of inputs) input.release();
  const packed: Packed = {};
  for (const [name, { to, quads }] of Object.entries(places)) {
    packed[name as keyof Packed] = all.part(4 * to, [quads, 4]);
  }
  all.release();
  return packed;
}

/** Where an array lies in the buffer, in vec4s. */
interface Place {
  to: number;
  quads: number;
}

const NOTHING = Object.fromEntries(Object.keys(shader.params).map((name) => [name, 0])) as Params;

/** vec4s of a window that one thread makes: a CPU wants few threads, a GPU neighbours side by side. */
function eachOf(window: number, device: Device): number {
  return device.info.software ? window : 1;
}

function convolveParams(
  { geometry, blocks, taps, strips }: ConvolvePacking,
  device: Device,
): Partial<Params> {
  const { groups, h, w } = geometry;
  const each = eachOf(strips.window, device);
  const windows = windowQuads(geometry, taps, strips) / strips.window;
  return {
    windowThreads: windows * Math.ceil(strips.window / each),
    each,
    rows: windowRows(h),
    strips: strips.count,
    pixels: strips.pixels,
    window: strips.window,
    kernelW: w.kernel,
    phases: taps.phases,
    parts: taps.parts,
    taps: taps.taps,
    strideW: w.stride,
    dilationW: w.dilation,
    paddingH: h.padding,
    paddingW: w.padding,
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
  const { h, w } = geometry;
  const xEach = eachOf(strips.window, device);
  const windows = windowQuads(geometry, taps, strips) / strips.window;
  return {
    xThreads: windows * Math.ceil(strips.window / xEach),
    xEach,
    xInH: x.shape[2]!,
    xInW: x.shape[3]!,
    xRows: windowRows(h),
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
