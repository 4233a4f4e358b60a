import element from '../../../shaders/element.wgsl';
import source from '../../../shaders/reduce.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { numelOf, type Shape } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import { reducedShape } from './dims.js';
import { ELEMENT_FLAGS, elementFlags } from './element.js';
import { fill } from './fill.js';

const shader = defineShader({
  name: 'reduce',
  source,
  params: { rows: 'u32', size: 'u32', inner: 'u32', segments: 'u32', divisor: 'f32' },
  flags: [...ELEMENT_FLAGS, 'MAX', 'MIN', 'SQUARE', 'DIVIDE'],
  includes: { element, threads },
});

export interface ReduceOptions {
  /** Default 'sum'. */
  kind?: 'sum' | 'max' | 'min';
  /** Sums the squares of the elements. */
  square?: boolean;
  /** What the result is divided by, f32 only. Default: nothing. */
  divisor?: number;
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
}

/** `x` reduced over `dims`, which stay as 1. The order of additions depends on the shape alone. */
export function reduceDims(
  x: GpuArray,
  dims: readonly number[],
  options: ReduceOptions = {},
): GpuArray {
  const shape = reducedShape(x.shape, dims, true);
  const { kind = 'sum', square = false, divisor } = options;
  if (x.numel === 0 || divisor === 0) {
    // sums of nothing, and what is undefined
    return fill(GpuArray.empty(shape, x.dtype, x.device), divisor === 0 ? NaN : 0);
  }
  const passes = planPasses(x.shape, dims);
  let current = x;
  passes.forEach(({ outer, size, inner, segments }, pass) => {
    const rows = outer * inner;
    const last = pass === passes.length - 1;
    const y = GpuArray.empty(last ? shape : [rows * segments], x.dtype, x.device);
    launch(shader, 'reduce', {
      inputs: [current],
      outputs: [y],
      params: { rows, size, inner, segments, divisor: divisor ?? 1 },
      flags: {
        ...elementFlags(x.dtype),
        MAX: kind === 'max',
        MIN: kind === 'min',
        SQUARE: square && pass === 0,
        DIVIDE: divisor !== undefined && last,
      },
      threads: rows * segments,
    });
    if (current !== x) current.release();
    current = y;
  });
  return current;
}

/** The launches that reduce `dims`, the innermost first. */
function planPasses(shape: Shape, dims: readonly number[]): Pass[] {
  const passes: Pass[] = [];
  const groups = joinDims(shape, dims);
  for (let at = groups.length - 1; at >= 0; at--) {
    if (!groups[at]!.reduced) continue;
    const sizes = groups.map(({ size }) => size);
    const outer = numelOf(sizes.slice(0, at));
    const inner = numelOf(sizes.slice(at + 1));
    passes.push(...planRows({ outer, size: sizes[at]!, inner }));
    groups.splice(at, 1);
  }
  return passes.length > 0 ? passes : planRows({ outer: numelOf(shape), size: 1, inner: 1 });
}

/** The launches that reduce one dimension: each leaves fewer partial results, the last one. */
export function planRows({ outer, size, inner }: Rows): Pass[] {
  const segments = segmentsOf(outer * inner, size, inner);
  const pass = { outer, size, inner, segments };
  if (segments === 1) return [pass];
  // What this pass writes: (rows, segments), or (segments, rows) where rows are not contiguous.
  const next = inner === 1 ? { outer, inner } : { outer: 1, inner: outer * inner };
  return [pass, ...planRows({ ...next, size: segments })];
}

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
