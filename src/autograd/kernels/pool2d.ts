/** Where the windows of pools lie, and how the kernels of all of them are launched. */
import element from '../../../shaders/element.wgsl';
import globalSource from '../../../shaders/globalMaxPool2d.wgsl';
import source from '../../../shaders/pool2d.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { ArgumentError, ShapeError } from '../../errors.js';
import type { Device } from '../../gpu/device.js';
import { numelOf, type DType, type Shape } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader, type FlagsOf, type ParamsOf } from '../../gpu/shader.js';
import { ELEMENT_FLAGS } from './element.js';
import { extent, pairOf, type Axis, type Pair } from './geometry.js';
import { inParts } from './parts.js';
import { planRows, reduceDims } from './reduce.js';

const shader = defineShader({
  name: 'pool2d',
  source,
  params: {
    planes: 'u32',
    inH: 'u32',
    inW: 'u32',
    outH: 'u32',
    outW: 'u32',
    kernelH: 'u32',
    kernelW: 'u32',
    strideH: 'u32',
    strideW: 'u32',
    paddingH: 'u32',
    paddingW: 'u32',
    paddedH: 'u32',
    paddedW: 'u32',
    dilationH: 'u32',
    dilationW: 'u32',
    lowest: 'f32',
    divisor: 'f32',
    span: 'u32',
  },
  flags: [...ELEMENT_FLAGS, 'MAX', 'INDICES', 'COUNT_PADDING', 'DIVISOR', 'ADAPTIVE', 'TWO_BY_TWO'],
  includes: { element, threads },
});

const globalShader = defineShader({
  name: 'globalMaxPool2d',
  source: globalSource,
  params: { planes: 'u32', size: 'u32', segments: 'u32' },
  flags: [...ELEMENT_FLAGS, 'FIRST', 'LAST'],
  includes: { element, threads },
});

export interface PoolGeometryOptions {
  kernelSize: Pair;
  stride?: Pair;
  padding?: Pair | 'same';
  dilation?: Pair;
  ceilMode?: boolean;
}

/** One number for both, or [height, width]; null keeps the size of the input. */
export type OutputSize = number | null | readonly [height: number | null, width: number | null];

/** Windows of a pool along one axis. */
export interface PoolAxis extends Axis {
  /** The input with the padding on both sides. */
  padded: number;
}

export interface PoolGeometry {
  /** What comes before height and width: [N, C] or [C]. */
  leading: Shape;
  h: PoolAxis;
  w: PoolAxis;
  /** Windows i * input / output .. (i + 1) * input / output, rounded outwards; they vary in size. */
  adaptive: boolean;
}

/**
 * @param op  Named in errors.
 * @param x   Shape of the input, (N, C, H, W) or (C, H, W).
 * @throws ShapeError, ArgumentError
 */
export function poolGeometry(op: string, x: Shape, options: PoolGeometryOptions): PoolGeometry {
  const { leading, size } = planesOf(op, x);
  const kernel = pairOf(op, 'kernelSize', options.kernelSize, 1);
  const stride = pairOf(op, 'stride', options.stride ?? kernel, 1);
  const dilation = pairOf(op, 'dilation', options.dilation ?? 1, 1);
  const same = options.padding === 'same';
  const padding = same ? null : pairOf(op, 'padding', (options.padding as Pair) ?? 0, 0);
  const [h, w] = ([0, 1] as const).map((d) => {
    const axis = { kernel: kernel[d], stride: stride[d], dilation: dilation[d] };
    return padding
      ? paddedAxis(op, d, { ...axis, input: size[d], padding: padding[d] }, options.ceilMode)
      : sameAxis({ ...axis, input: size[d] });
  }) as [PoolAxis, PoolAxis];
  return { leading, h, w, adaptive: false };
}

/**
 * The windows that lead to an output of a given size: ordinary ones, side by side, where that
 * divides the size of the input.
 *
 * @param op  Named in errors.
 * @param x   Shape of the input, (N, C, H, W) or (C, H, W).
 * @throws ShapeError, ArgumentError
 */
export function adaptiveGeometry(op: string, x: Shape, outputSize: OutputSize): PoolGeometry {
  const { leading, size } = planesOf(op, x);
  const wanted = Array.isArray(outputSize)
    ? (outputSize as readonly (number | null)[])
    : [outputSize as number | null, outputSize as number | null];
  const output = pairOf(
    op,
    'outputSize',
    wanted.map((value, d) => value ?? size[d]!) as unknown as Pair,
    0,
  );
  const adaptive = ([0, 1] as const).some((d) => size[d] % output[d] !== 0);
  const [h, w] = ([0, 1] as const).map((d): PoolAxis => {
    // The kernel multiplies the two.
    if (adaptive && (size[d] + 1) * (output[d] + 1) > 2 ** 32) {
      throw new ArgumentError(
        op,
        `outputSize that divides the ${size[d]} of the input, or a smaller one`,
        output[d],
      );
    }
    const kernel = adaptive ? 0 : size[d] / output[d];
    const rest = { stride: kernel, dilation: 1, padding: 0, padded: size[d] };
    return { input: size[d], output: output[d], kernel, ...rest };
  }) as [PoolAxis, PoolAxis];
  return { leading, h, w, adaptive };
}

function planesOf(op: string, x: Shape): { leading: Shape; size: readonly [number, number] } {
  if (x.length !== 3 && x.length !== 4)
    throw new ShapeError(op, 'input (N, C, H, W) or (C, H, W)', x);
  if (x.slice(-3).includes(0))
    throw new ShapeError(op, 'an input without a zero but for N', x, 'Only a batch may be empty.');
  return { leading: x.slice(0, -2), size: x.slice(-2) as unknown as readonly [number, number] };
}

/** With as much padding before as after. */
function paddedAxis(op: string, d: 0 | 1, axis: Omit<Axis, 'output'>, ceilMode = false): PoolAxis {
  const { input, stride, padding } = axis;
  const covered = extent(axis);
  if (2 * padding > covered) {
    throw new ArgumentError(op, `padding of at most half a window (${covered})`, padding);
  }
  const padded = input + 2 * padding;
  const slack = padded - covered;
  let output = (ceilMode ? Math.ceil(slack / stride) : Math.floor(slack / stride)) + 1;
  if (output < 1) {
    const name = d === 0 ? 'height' : 'width';
    const least = covered - 2 * padding - (ceilMode ? stride - 1 : 0);
    throw new ShapeError(
      op,
      `an input of ${name} ${least} or more for kernel ${axis.kernel}, dilation ${axis.dilation} and padding ${padding}`,
      `${name} ${input}`,
      'Use a smaller kernel or more padding.',
    );
  }
  // With ceilMode a last window may hang over the end, but must not begin in the padding there.
  if (ceilMode && (output - 1) * stride >= input + padding) output--;
  return { ...axis, padded, output };
}

/** With as much padding as ceil(input / stride) windows need; an odd one goes to the end. */
function sameAxis(axis: Omit<Axis, 'output' | 'padding'>): PoolAxis {
  const { input, stride } = axis;
  const output = Math.ceil(input / stride);
  const total = Math.max(0, (output - 1) * stride + extent(axis) - input);
  return { ...axis, padding: Math.floor(total / 2), padded: input + total, output };
}

export function outputShape({ leading, h, w }: PoolGeometry): Shape {
  return [...leading, h.output, w.output];
}

/** The maximum of each window of `x`, and where it is: h * W + w within its plane, as i32. */
export function maxForward(
  x: GpuArray,
  geometry: PoolGeometry,
  wantsIndices: boolean,
): { y: GpuArray; indices: GpuArray | null } {
  const shape = outputShape(geometry);
  if (isGlobal(geometry)) {
    const { y, indices } = globalMax(x, shape);
    if (wantsIndices) return { y, indices };
    indices.release();
    return { y, indices: null };
  }
  const y = GpuArray.empty(shape, x.dtype, x.device);
  const indices = wantsIndices ? GpuArray.empty(shape, 'i32', x.device) : null;
  const flags = { ...flagsOf(geometry), MAX: true, INDICES: wantsIndices };
  forward(x, indices ? [y, indices] : [y], geometry, flags, 0);
  return { y, indices };
}

/** The gradient of `maxForward`. */
export function maxBackward(dy: GpuArray, indices: GpuArray, geometry: PoolGeometry): GpuArray {
  return backward([dy, indices], geometry, { MAX: true }, 0);
}

/** Which elements of a window count in its mean. */
export interface Counting {
  countPadding: boolean;
  /** Instead of their number. */
  divisor?: number;
}

/** The mean of each window of `x`. */
export function meanForward(x: GpuArray, geometry: PoolGeometry, counting: Counting): GpuArray {
  const shape = outputShape(geometry);
  const divisor = divisorOf(geometry, counting);
  if (isGlobal(geometry)) {
    const kept = [x.shape.length - 2, x.shape.length - 1];
    return reduceDims(x, kept, { divisor: divisor! });
  }
  const y = GpuArray.empty(shape, x.dtype, x.device);
  const flags = { ...flagsOf(geometry), ...meanFlags(counting, divisor) };
  forward(x, [y], geometry, flags, divisor ?? 0);
  return y;
}

/** The gradient of `meanForward`. */
export function meanBackward(dy: GpuArray, geometry: PoolGeometry, counting: Counting): GpuArray {
  const divisor = divisorOf(geometry, counting);
  return backward([dy], geometry, meanFlags(counting, divisor), divisor ?? 0);
}

function meanFlags({ countPadding }: Counting, divisor: number | null): FlagsOf<typeof shader> {
  return { COUNT_PADDING: countPadding, DIVISOR: divisor !== null };
}

/**
 * Elements of a row that one thread takes. The start of a thread costs a software adapter more than
 * some elements do, but not where there are too few threads to share.
 */
const SPAN = { software: 16, hardware: 1 };

function spanOf(device: Device, width: number): { span: number; spans: number } {
  const most = SPAN[device.info.software ? 'software' : 'hardware'];
  const spans = Math.ceil(width / most);
  return { span: Math.ceil(width / spans) || 1, spans };
}

/** A thread for some windows of a row. */
function forward(
  x: GpuArray,
  outputs: readonly GpuArray[],
  geometry: PoolGeometry,
  flags: FlagsOf<typeof shader>,
  divisor: number,
): void {
  const { leading, h, w } = geometry;
  const { span, spans } = spanOf(x.device, w.output);
  inParts({ outer: numelOf(leading) }, [x], outputs, ({ outer: planes, ...arrays }) => {
    launch(shader, 'forward', {
      ...arrays,
      params: { ...paramsOf(geometry, divisor), planes, span },
      flags,
      threads: planes * h.output * spans,
    });
  });
}

const SMALL = 16; // elements of a window that one thread can write as fast as several could

/** Threads for windows where they are small and lie side by side, else for elements of dx. */
function backward(
  inputs: readonly GpuArray[],
  geometry: PoolGeometry,
  flags: FlagsOf<typeof shader>,
  divisor: number,
): GpuArray {
  const { leading, h, w, adaptive } = geometry;
  const [dy] = inputs as readonly [GpuArray];
  const dx = GpuArray.empty([...leading, h.input, w.input], dy.dtype, dy.device);
  const isSmall = h.kernel * w.kernel <= SMALL;
  const scatters = !adaptive && isSmall && areSideBySide(h) && areSideBySide(w);
  const [height, width] = [h, w].map(({ input, kernel }) =>
    scatters ? Math.ceil(input / kernel) : input,
  ) as [number, number];
  const { span, spans } = spanOf(dy.device, width);
  const twoByTwo = scatters && [h, w].every(({ input, output }) => 2 * output === input);
  inParts({ outer: numelOf(leading) }, inputs, [dx], ({ outer: planes, ...arrays }) => {
    launch(shader, scatters ? 'scatter' : 'gather', {
      ...arrays,
      params: { ...paramsOf(geometry, divisor), planes, span },
      flags: { ...flags, ADAPTIVE: adaptive, TWO_BY_TWO: twoByTwo },
      threads: planes * height * spans,
    });
  });
  return dx;
}

function paramsOf(
  { h, w }: PoolGeometry,
  divisor: number,
): Omit<ParamsOf<typeof shader>, 'planes' | 'span'> {
  return {
    inH: h.input,
    inW: w.input,
    outH: h.output,
    outW: w.output,
    kernelH: h.kernel,
    kernelW: w.kernel,
    strideH: h.stride,
    strideW: w.stride,
    paddingH: h.padding,
    paddingW: w.padding,
    paddedH: h.padded,
    paddedW: w.padded,
    dilationH: h.dilation,
    dilationW: w.dilation,
    lowest: -Infinity,
    divisor,
  };
}

/** Of the forward kernel. */
function flagsOf({ h, w, adaptive }: PoolGeometry): FlagsOf<typeof shader> {
  // All windows are 2 by 2, lie side by side and end inside of the input.
  const twoByTwo = [h, w].every(
    (axis) => axis.kernel === 2 && areSideBySide(axis) && 2 * axis.output <= axis.input,
  );
  return { ADAPTIVE: adaptive, TWO_BY_TWO: twoByTwo };
}

function areSideBySide({ kernel, stride, dilation, padding }: Axis): boolean {
  return stride === kernel && dilation === 1 && padding === 0;
}

/** What every sum is divided by, null if windows differ in it. */
function divisorOf({ h, w, adaptive }: PoolGeometry, counting: Counting): number | null {
  if (counting.divisor !== undefined) return counting.divisor;
  if (adaptive) return null;
  const [rows, columns] = [h, w].map((axis) => commonCount(axis, counting.countPadding));
  return rows && columns ? rows * columns : null;
}

/** How many elements of each window count, null if windows differ in it. */
function commonCount(axis: PoolAxis, countPadding: boolean): number | null {
  const { input, kernel, stride, padding, padded, output } = axis;
  const [start, end] = countPadding ? [0, padded] : [padding, padding + input];
  const count = (i: number): number =>
    Math.min(i * stride + kernel, end) - Math.max(i * stride, start);
  const isFull = count(0) === kernel && count(output - 1) === kernel;
  return output === 1 || isFull ? count(0) : null;
}

const LARGE = 256; // elements of a plane that several threads should share

/** Whether there is one window to each plane, which is large and all in it. */
function isGlobal({ leading, h, w, adaptive }: PoolGeometry): boolean {
  const isWhole = ({ input, kernel, dilation, padding, output }: Axis): boolean =>
    output === 1 && kernel >= input && dilation === 1 && padding === 0;
  const isLarge = h.input * w.input >= LARGE && !leading.includes(0);
  return !adaptive && isWhole(h) && isWhole(w) && isLarge;
}

/** The maximum of each plane: each pass leaves fewer candidates, the last one. */
function globalMax(x: GpuArray, shape: Shape): { y: GpuArray; indices: GpuArray } {
  const y = GpuArray.empty(shape, x.dtype, x.device);
  const indices = GpuArray.empty(shape, 'i32', x.device);
  inParts({ outer: numelOf(shape) }, [x], [y, indices], ({ outer, inputs, outputs }) =>
    globalMaxOf(inputs[0]!, outer, outputs as [GpuArray, GpuArray]),
  );
  return { y, indices };
}

function globalMaxOf(x: GpuArray, planes: number, results: [GpuArray, GpuArray]): void {
  let found: [GpuArray] | [y: GpuArray, indices: GpuArray] = [x];
  for (const { size, segments } of planRows({
    outer: planes,
    size: x.numel / planes,
    inner: 1,
  })) {
    const first = found.length === 1;
    const last = segments === 1;
    const partial = (dtype: DType) => GpuArray.empty([planes, segments], dtype, x.device);
    const outputs: [GpuArray, GpuArray] = last ? results : [partial('f32'), partial('i32')];
    launch(globalShader, 'forward', {
      inputs: found,
      outputs,
      params: { planes, size, segments },
      flags: { FIRST: first, LAST: last },
      threads: planes * segments,
    });
    if (!first) for (const array of found) array.release();
    found = outputs;
  }
}
