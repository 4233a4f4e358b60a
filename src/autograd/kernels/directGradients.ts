/** The gradients of a convolution by the direct kernels. */
import activationSource from '../../../shaders/activation.wgsl';
import channels from '../../../shaders/conv2dChannels.wgsl';
import places from '../../../shaders/conv2dPlaces.wgsl';
import taps from '../../../shaders/conv2dTaps.wgsl';
import source from '../../../shaders/conv2dWeightGradient.wgsl';
import sumsSource from '../../../shaders/conv2dWeightSums.wgsl';
import epilogue from '../../../shaders/epilogue.wgsl';
import threads from '../../../shaders/threads.wgsl';
import type { Device } from '../../gpu/device.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import { INCOMING_FLAGS, incomingFlags, type Incoming } from './activation.js';
import {
  BLOCK_FLAGS,
  blockFlags,
  blocksOf,
  canBind,
  contiguous,
  portionOf,
  portionsOf,
  TAP_FLAGS,
  tapFlags,
  tapLayout,
  weightEntries,
  windowRows,
  type Blocks,
  type Portion,
  type Strips,
  type TapLayout,
} from './convolutionLayout.js';
import {
  accumulateQuads,
  canPack,
  convolveQuads,
  packForAccumulate,
  packForGradients,
  type ForAccumulate,
  type AccumulatePacking,
} from './convolutionPack.js';
import {
  correlate,
  correlatePacked,
  packingOf,
  planCorrelation,
  type Correlation,
  type CorrelationPlan,
} from './correlate.js';
import { multiplyAdds, type Axis, type ConvGeometry } from './geometry.js';

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
    outChannels: 'u32',
    windowRows: 'u32',
    kernelH: 'u32',
    strideH: 'u32',
    dilationH: 'u32',
    parts: 'u32',
  },
  flags: [
    'ADD',
    'ROWS_5',
    'GROUPS_3',
    'GROUPS_2',
    'HALF',
    ...TAP_FLAGS,
    ...BLOCK_FLAGS,
    ...INCOMING_FLAGS,
  ],
  includes: { conv2dChannels: channels, epilogue, activation: activationSource, threads },
});

const sumsShader = defineShader({
  name: 'conv2dWeightSums',
  source: sumsSource,
  params: {
    quads: 'u32',
    slices: 'u32',
    blocks: 'u32',
    inChannels: 'u32',
    outChannels: 'u32',
    kernelH: 'u32',
    kernelW: 'u32',
    phases: 'u32',
    parts: 'u32',
    taps: 'u32',
    weightStart: 'i32',
    strideGroup: 'i32',
    strideOut: 'i32',
    strideIn: 'i32',
    strideKh: 'i32',
    strideKw: 'i32',
  },
  flags: ['WEIGHT', 'BIAS', 'SHARED', ...BLOCK_FLAGS],
  includes: { conv2dPlaces: places, conv2dTaps: taps, conv2dChannels: channels, threads },
});

/** Rows of weights that one thread of the weight gradient has: ROWS in the shader. */
const ROWS = 5;
/** How often each gradient may go through the activation. */
const MOST_ACTIVATIONS = 2;
/** Threads that keep an adapter busy. */
const ENOUGH_THREADS = { software: 256, hardware: 16384 };
/** Most bytes of the slices' sums. */
const MOST_SCRATCH = 64 * 2 ** 20;
/** Threads of a workgroup that adds up slices: SHARED in the shader. */
const SHARING = 64;

/** A weight gradient: x met dy. */
export interface WeightGradient {
  /** None if only the bias is wanted. */
  x?: GpuArray;
  dy: Incoming;
  geometry: ConvGeometry;
  /** Where they go: one or both. */
  weight?: GpuArray;
  bias?: GpuArray;
}

/** How it is dealt out. */
interface WeightGradientPlan {
  job: WeightGradient;
  geometry: ConvGeometry;
  blocks: Blocks;
  taps: TapLayout;
  /** Groups of four pixels in a line. */
  steps: number;
  /** Its lines are whole groups of four: dL/dy is read as it is, and not laid out before. */
  isDense: boolean;
  strips: Strips;
  /** vec4s of all weights. */
  quads: number;
  /** Threads of a slice, and how many slices at most. */
  perSlice: number;
  mostSlices: number;
  portions: Portion[];
}

function planWeightGradient(job: WeightGradient): WeightGradientPlan {
  const { x, dy } = job;
  // Without weights: those of no input channels, of which only the bias is left.
  const geometry = x
    ? job.geometry
    : {
        ...job.geometry,
        inChannels: 0,
        h: everyElement(job.geometry.h.output),
        w: everyElement(job.geometry.w.output),
      };
  const { n, groups, inChannels, outChannels, h, w } = geometry;
  const { device } = dy.array;
  const blocks = blocksOf(outChannels / groups);
  const taps = tapLayout(w);
  const steps = Math.ceil(w.output / 4);
  const strips = { count: 1, pixels: 4 * steps, window: steps + 1 };
  const rowBlocks = Math.max(1, Math.ceil(((inChannels / groups) * h.kernel * taps.parts) / ROWS));
  const perSlice = rowBlocks * groups * blocks.count;
  const quads = weightEntries(geometry, blocks, taps) * taps.taps * blocks.quads;
  const wanted = device.info.software ? ENOUGH_THREADS.software : ENOUGH_THREADS.hardware;
  const scratch = Math.min(MOST_SCRATCH, device.bindingLimit);
  const mostSlices = Math.min(Math.ceil(wanted / perSlice), Math.floor(scratch / (16 * quads)));
  const portions = portionsOf(n, h.output, (images, rows) => {
    const part = portionOf(geometry, { image: 0, images, row: 0, rows });
    const packed = accumulateQuads({ geometry: part, taps, strips, steps });
    return canPack(packed, dy.array) && (!x || canBind(x, images)) && canBind(dy.array, images);
  });
  // To go through an activation costs something each time that it is read.
  const isDense =
    w.output % 4 === 0 && portions.length === 1 && (!dy.activated || rowBlocks <= MOST_ACTIVATIONS);
  return {
    job,
    geometry,
    blocks,
    taps,
    steps,
    isDense,
    strips,
    quads,
    perSlice,
    mostSlices: Math.max(1, mostSlices),
    portions,
  };
}

function accumulatePackingOf(
  { job, geometry, taps, strips, steps, isDense }: WeightGradientPlan,
  portion: Portion,
): AccumulatePacking {
  const x = job.x ?? job.dy.array; // bound, though nothing of it is read
  const part = portionOf(geometry, portion);
  return { x, geometry: part, taps, strips, steps, lines: !isDense };
}

/** dW and dB. */
export function weightGradient(job: WeightGradient): void {
  const plan = planWeightGradient(job);
  accumulateAll(plan, (portion) =>
    packForAccumulate(job.dy, portion, accumulatePackingOf(plan, portion)),
  );
}

/** dW and dB, and dx by these correlations of dy. */
export function gradients(job: WeightGradient, correlations: readonly Correlation[]): void {
  const [only, ...others] = correlations;
  const plan = planWeightGradient(job);
  const forInput = only && others.length === 0 ? planCorrelation(only) : undefined;
  if (!forInput || !readsLines(forInput, plan)) {
    weightGradient(job);
    correlations.forEach(correlate);
    return;
  }
  const [all] = forInput.portions as [Portion]; // of dx
  accumulateAll(plan, (portion) => {
    const { weights, ...packed } = packForGradients(
      job.dy,
      portion,
      packingOf(forInput, all),
      accumulatePackingOf(plan, portion),
    );
    correlatePacked(forInput, all, { windows: packed.lines.share(), weights });
    return packed;
  });
}

/** True if the windows of the correlation are the lines of dy that the weight gradient reads. */
function readsLines(correlation: CorrelationPlan, plan: WeightGradientPlan): boolean {
  if (correlation.portions.length !== 1 || plan.portions.length !== 1) return false;
  const { strips, geometry, rows, ...rest } = packingOf(correlation, correlation.portions[0]!);
  const areLines = !plan.isDense && strips.full === true && strips.window === plan.steps;
  const areAllRows = rows.first === 0 && rows.rows === geometry.h.input;
  const [, weights] = convolveQuads({ strips, geometry, rows, ...rest });
  const quads = accumulateQuads(accumulatePackingOf(plan, plan.portions[0]!));
  return areLines && areAllRows && canPack([weights, ...quads], plan.job.dy.array);
}

/** @param packed  Lays out a portion; releases what it gives. */
function accumulateAll(
  plan: WeightGradientPlan,
  packed: (portion: Portion) => ForAccumulate,
): void {
  const { job, quads, portions, mostSlices } = plan;
  const { device } = job.dy.array;
  const linesOf = ({ images, rows }: Portion): number => images * rows;
  const linesPerSlice = Math.ceil(linesOf(portions[0] ?? NO_LINES) / mostSlices);
  const slicesOf = (portion: Portion): number => Math.ceil(linesOf(portion) / linesPerSlice);
  const slices = portions.length > 0 ? slicesOf(portions[0]!) : 0;
  const sums = GpuArray.empty([Math.max(1, slices), quads, 4], 'f32', device);
  portions.forEach((portion, i) => {
    const { xWindows, lines } = packed(portion);
    const slicing = { linesPerSlice, slices: slicesOf(portion), adds: i > 0 };
    accumulate(plan, portion, xWindows, lines ? { array: lines } : job.dy, sums, slicing);
    xWindows.release();
    lines?.release();
  });
  finish(plan, sums, slices);
  sums.release();
}

const NO_LINES = { images: 0, rows: 0, image: 0, row: 0 };

function accumulate(
  { geometry, blocks, taps, steps, perSlice }: WeightGradientPlan,
  portion: Portion,
  xWindows: GpuArray,
  dy: Incoming,
  sums: GpuArray,
  { adds, ...slicing }: { linesPerSlice: number; slices: number; adds: boolean },
): void {
  const part = portionOf(geometry, portion);
  const { groups, h } = part;
  const atOnce = groupsAtOnce(steps, taps, sums.device);
  launch(shader, 'accumulate', {
    inputs: [xWindows, dy.array, ...(dy.activated ? [dy.activated] : [])],
    outputs: [sums],
    params: {
      lines: part.n * h.output,
      ...slicing,
      outH: h.output,
      steps,
      groups,
      blocks: blocks.count,
      inChannels: part.inChannels / groups,
      outChannels: part.outChannels / groups,
      windowRows: windowRows(h).rows,
      kernelH: h.kernel,
      strideH: h.stride,
      dilationH: h.dilation,
      parts: taps.parts,
    },
    flags: {
      GROUPS_3: atOnce === 3,
      GROUPS_2: atOnce >= 2,
      HALF: atOnce > 1 && atOnce === steps && 4 * steps - geometry.w.output >= 2,
      ...tapFlags(taps),
      ...blockFlags(blocks),
      ...incomingFlags(dy),
      ADD: adds,
    },
    threads: perSlice * slicing.slices,
    flops: 2 * multiplyAdds(part),
  });
}

/** Groups of four pixels that a thread takes at once: a CPU likes few and long rounds of a loop. */
function groupsAtOnce(steps: number, { taps }: TapLayout, { info }: Device): number {
  if (!info.software || taps === 1) return 1;
  return [3, 2].find((count) => steps % count === 0) ?? 1;
}

/** Adds up the slices, into the places of the weights. */
function finish(
  { job, geometry, blocks, taps, quads }: WeightGradientPlan,
  sums: GpuArray,
  slices: number,
): void {
  const { groups, inChannels, outChannels, h, w } = geometry;
  const outputs = [job.weight, job.bias].filter((array) => array !== undefined);
  const isShared = !sums.device.info.software && slices > SHARING;
  launch(sumsShader, 'finish', {
    inputs: [sums],
    outputs,
    params: {
      quads,
      slices,
      blocks: blocks.count,
      inChannels: inChannels / groups,
      outChannels: outChannels / groups,
      kernelH: h.kernel,
      kernelW: w.kernel,
      phases: taps.phases,
      parts: taps.parts,
      taps: taps.taps,
      ...contiguous(geometry),
    },
    flags: {
      WEIGHT: job.weight !== undefined,
      BIAS: job.bias !== undefined,
      SHARED: isShared,
      ...blockFlags(blocks),
    },
    threads: isShared ? SHARING * quads : quads,
  });
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
export function inputCorrelations(
  dy: Incoming,
  weight: GpuArray,
  dx: GpuArray,
  geometry: ConvGeometry,
  bias?: GpuArray,
): Correlation[] {
  const { n, groups, inChannels, outChannels, h, w } = geometry;
  const [rows, columns] = [lattices(h), lattices(w)];
  const { strideGroup, strideOut, strideIn, strideKh, strideKw } = contiguous(geometry);
  const found: Correlation[] = [];
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
    found.push({ x: dy, weight, bias, y: dx, geometry: empty, order: contiguous(empty) });
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
        weightStart: row.lastTap * strideKh + column.lastTap * strideKw,
        strideGroup,
        strideOut: strideIn,
        strideIn: strideOut,
        strideKh: -row.tapStep * strideKh,
        strideKw: -column.tapStep * strideKw,
      };
      const grid = { first: [row.first, column.first], step: [h.stride, w.stride] } as const;
      found.push({ x: dy, weight, bias, y: dx, geometry: transposed, order, grid });
    }
  }
  return found;
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
