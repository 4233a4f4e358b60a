import element from '../../../shaders/element.wgsl';
import source from '../../../shaders/sort.wgsl';
import threads from '../../../shaders/threads.wgsl';
import type { DType, Shape } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import { rowsOf } from './dims.js';
import { ELEMENT_FLAGS, elementFlags } from './element.js';
import { reshaped } from './reshaped.js';
import { planCopy, stridedCopy } from './stridedCopy.js';

const shader = defineShader({
  name: 'sort',
  source,
  params: { count: 'u32', size: 'u32', inner: 'u32', span: 'u32', had: 'u32', kept: 'u32' },
  flags: [...ELEMENT_FLAGS, 'LARGEST', 'MERGE'],
  includes: { element, threads },
});

const BLOCK = 32; // elements compared with each other, before lists are merged

export interface SortOptions {
  /** How many positions of each row are wanted. Default: all. */
  k?: number;
  /** Whether the largest come first. Default false. */
  largest?: boolean;
  /** What the elements are read as. Default: their dtype. */
  as?: DType;
}

/**
 * Where the `k` smallest or largest elements along `dim` are, in order: i32, of the shape of `x`
 * with k for `dim`. Of equals the first comes first, and NaN counts as the largest.
 */
export function sortedPositions(
  x: GpuArray,
  dim: number,
  { k, largest = false, as = x.dtype }: SortOptions = {},
): GpuArray {
  const { outer, size, inner } = rowsOf(x.shape, dim);
  const rows = outer * inner;
  const most = k ?? size;
  const flags = { ...elementFlags(as), LARGEST: largest };
  let span = BLOCK;
  let kept = Math.min(most, span);
  let order = GpuArray.empty([rows, Math.ceil(size / span), kept], 'i32', x.device);
  launch(shader, 'blocks', {
    inputs: [x],
    outputs: [order],
    params: { count: most === 0 ? 0 : x.numel, size, inner, span, had: 0, kept },
    flags,
    threads: most === 0 ? 0 : x.numel,
  });
  while (span < size) {
    const had = kept;
    kept = Math.min(most, 2 * span);
    const merged = GpuArray.empty([rows, Math.ceil(size / (2 * span)), kept], 'i32', x.device);
    launch(shader, 'merge', {
      inputs: [x, order],
      outputs: [merged],
      params: { count: order.numel, size, inner, span, had, kept },
      flags: { ...flags, MERGE: true },
      threads: order.numel,
    });
    order.release();
    order = merged;
    span *= 2;
  }
  return reshaped(fromRows(order, outer, inner, most), shapeOf(x, dim, most));
}

/** (outer, inner, k) as (outer, k, inner). Takes over `order`. */
function fromRows(order: GpuArray, outer: number, inner: number, k: number): GpuArray {
  if (inner === 1 || k === 1) return order;
  const y = GpuArray.empty([outer, k, inner], order.dtype, order.device);
  const from = { strides: [k * inner, 1, k] };
  stridedCopy(planCopy(y.shape, { from }), order, y);
  order.release();
  return y;
}

/** A scalar stays one, if its element is taken. */
function shapeOf(x: GpuArray, dim: number, k: number): Shape {
  if (x.shape.length === 0) return k === 1 ? [] : [k];
  return x.shape.map((size, d) => (d === dim ? k : size));
}
