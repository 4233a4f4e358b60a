import element from '../../../shaders/element.wgsl';
import source from '../../../shaders/reduce.wgsl';
import rowsSource from '../../../shaders/rows.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { isFloat, numelOf, type DType, type Shape } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import { reducedShape } from './dims.js';
import { ELEMENT_FLAGS, elementFlags } from './element.js';
import { fill } from './fill.js';
import { partsOrRows, takeBlock } from './parts.js';
import { reshaped } from './reshaped.js';
import { rowLaunch } from './rows.js';

const shader = defineShader({
  name: 'reduce',
  source,
  params: { rows: 'u32', size: 'u32', inner: 'u32', segments: 'u32', divisor: 'f32' },
  flags: [
    ...ELEMENT_FLAGS,
    'FROM_F16',
    'TO_F16',
    'MAX',
    'MIN',
    'PROD',
    'SQUARE',
    'ABS',
    'IS_ZERO',
    'NONZERO',
    'DIVIDE',
    'ROOT',
    'ONTO',
    'WIDE',
  ],
  includes: { element, rows: rowsSource, threads },
});

/** What is taken of each element: see shaders/reduce.wgsl. */
const ELEMENTS = { square: 'SQUARE', abs: 'ABS', isZero: 'IS_ZERO', nonzero: 'NONZERO' } as const;

export interface ReduceOptions {
  /** Default 'sum'. */
  kind?: 'sum' | 'prod' | 'max' | 'min';
  /** What is taken of each element instead of itself. */
  of?: keyof typeof ELEMENTS;
  /** What the result is divided by, floats only. Default: nothing. */
  divisor?: number;
  /** Whether the square root is taken at last. */
  root?: boolean;
  /** Of the result. Default: that of x; f16 is computed in f32 in any case. */
  dtype?: DType;
  /** An array of as many elements as the result, to be combined with it in place, and returned. */
  onto?: GpuArray;
}

/** One dimension to reduce, with the elements before and after it taken together. */
export interface Rows {
  outer: number;
  size: number;
  inner: number;
}

/** One launch, and into how many segments it cuts each row. */
export interface Pass extends Rows {
  segments: number;
  /** A workgroup takes each row. */
  wide: boolean;
}

/**
 * `x` reduced over `dims`, which stay as 1. The order of additions depends on the shape and the
 * kind of adapter alone.
 */
export function reduceDims(
  x: GpuArray,
  dims: readonly number[],
  options: ReduceOptions = {},
): GpuArray {
  if (x.bytes > x.device.bindingLimit) return reduceInParts(x, dims, options);
  const { kind = 'sum', of, divisor, root = false, dtype = x.dtype, onto } = options;
  const shape = reducedShape(x.shape, dims, true);
  if (x.numel === 0) {
    const nothing = kind === 'prod' ? 1 : 0;
    return onto ?? fill(GpuArray.empty(shape, dtype, x.device), divisor === 0 ? NaN : nothing);
  }
  const mayBeWide = kind === 'sum' && isFloat(x.dtype);
  const passes = planPasses(x.shape, dims, mayBeWide && !x.device.info.software);
  let current = x;
  passes.forEach(({ outer, size, inner, segments, wide }, pass) => {
    const rows = outer * inner;
    const last = pass === passes.length - 1;
    const y =
      (last && onto) ||
      GpuArray.empty(last ? shape : [rows * segments], last ? dtype : partialType(x), x.device);
    const share = wide
      ? rowLaunch(x.device, rows, size, true)
      : { constants: {}, threads: rows * segments };
    launch(shader, 'reduce', {
      inputs: [current],
      outputs: [y],
      params: { rows, size, inner, segments, divisor: divisor ?? 1 },
      flags: {
        ...elementFlags(x.dtype),
        FROM_F16: current.dtype === 'f16',
        TO_F16: y.dtype === 'f16',
        MAX: kind === 'max',
        MIN: kind === 'min',
        PROD: kind === 'prod',
        WIDE: wide,
        ...(of && pass === 0 && { [ELEMENTS[of]]: true }),
        DIVIDE: divisor !== undefined && last,
        ROOT: root && last,
        ONTO: y === onto,
      },
      constants: share.constants,
      threads: share.threads,
    });
    if (current !== x) current.release();
    current = y;
  });
  return current;
}

/** Of partial results. */
function partialType(x: GpuArray): DType {
  return isFloat(x.dtype) ? 'f32' : x.dtype;
}

/** `reduceDims` of an array that is larger than a binding, by parts of its outermost dimension. */
function reduceInParts(x: GpuArray, dims: readonly number[], options: ReduceOptions): GpuArray {
  const { kind, of, dtype = x.dtype, onto, ...last } = options;
  const outermost = Math.max(
    0,
    x.shape.findIndex((size) => size > 1),
  );
  const rowSize = numelOf(x.shape.slice(outermost + 1));
  const block = (first: number, count: number) => {
    return { offset: first * rowSize, size: 1, step: 0, length: count * rowSize };
  };
  const parts = partsOrRows(x.shape[outermost]!, rowSize, x).map(([first, count]) => {
    const shape = x.shape.map((size, d) => (d === outermost ? count : size));
    const array = () => reshaped(takeBlock(x, block(first, count)), shape);
    return { first, shape, array };
  });
  if (dims.includes(outermost)) {
    let total: GpuArray | undefined;
    for (const { array } of parts) {
      const part = array();
      total = reduceDims(part, dims, { kind, of, dtype: partialType(x), onto: total });
      part.release();
    }
    const y = reduceDims(total!, [], { kind, dtype, onto, ...last });
    total!.release();
    return y;
  }
  const y = onto ?? GpuArray.empty(reducedShape(x.shape, dims, true), dtype, x.device);
  for (const { first, shape, array } of parts) {
    const part = array();
    const kept = reducedShape(shape, dims, true);
    const at = first * numelOf(kept.slice(outermost + 1));
    y.setPart(at, reduceDims(part, dims, { ...options, onto: onto?.part(at, kept) }));
    part.release();
  }
  return y;
}

/** The launches that reduce `dims`, the innermost first. */
function planPasses(shape: Shape, dims: readonly number[], mayBeWide: boolean): Pass[] {
  const passes: Pass[] = [];
  const groups = joinDims(shape, dims);
  for (let at = groups.length - 1; at >= 0; at--) {
    if (!groups[at]!.reduced) continue;
    const sizes = groups.map(({ size }) => size);
    const outer = numelOf(sizes.slice(0, at));
    const inner = numelOf(sizes.slice(at + 1));
    passes.push(...planRows({ outer, size: sizes[at]!, inner }, mayBeWide));
    groups.splice(at, 1);
  }
  return passes.length > 0 ? passes : planRows({ outer: numelOf(shape), size: 1, inner: 1 });
}

/**
 * The launches that reduce one dimension: each leaves fewer partial results, the last one.
 *
 * @param mayBeWide  Whether a workgroup may share a row. Default false.
 */
export function planRows({ outer, size, inner }: Rows, mayBeWide = false): Pass[] {
  const rows = outer * inner;
  const wide = mayBeWide && inner === 1 && size >= WIDE_FROM;
  if (wide && (size <= WIDE_UP_TO || rows >= ENOUGH_ROWS))
    return [{ outer, size, inner, segments: 1, wide }];
  const segments = segmentsOf(rows, size, inner);
  const pass = { outer, size, inner, segments, wide: false };
  if (segments === 1) return [pass];
  // What this pass writes: (rows, segments), or (segments, rows) where rows are not contiguous.
  const next = inner === 1 ? { outer, inner } : { outer: 1, inner: rows };
  return [pass, ...planRows({ ...next, size: segments }, mayBeWide)];
}

const WIDE_FROM = 64; // elements of a row that a workgroup shares
const WIDE_UP_TO = 32768; // and at most, unless there are rows enough
const ENOUGH_ROWS = 512;
const ENOUGH_THREADS = 16384;
const LEAST_ELEMENTS = 32; // of a thread, or else its start costs more than its work
const NEIGHBOURS = 32; // threads that read neighbouring addresses of a contiguous row

/** How many threads share a row. */
function segmentsOf(rows: number, size: number, inner: number): number {
  const most = Math.max(1, Math.floor(size / LEAST_ELEMENTS));
  const wanted = Math.ceil(ENOUGH_THREADS / rows);
  return Math.min(most, inner === 1 ? Math.max(wanted, NEIGHBOURS) : wanted);
}

/** Neighbouring dimensions that are all reduced, or all kept, taken as one; those of 1 left out. */
function joinDims(shape: Shape, dims: readonly number[]): { size: number; reduced: boolean }[] {
  const groups: { size: number; reduced: boolean }[] = [];
  shape.forEach((size, d) => {
    if (size === 1) return;
    const reduced = dims.includes(d);
    const before = groups.at(-1);
    if (before?.reduced === reduced) before.size *= size;
    else groups.push({ size, reduced });
  });
  return groups;
}
