import element from '../../../shaders/element.wgsl';
import source from '../../../shaders/sort.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { BYTES_PER_ELEMENT, type DType, type Shape } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import { rowsOf } from './dims.js';
import { ELEMENT_FLAGS, elementFlags } from './element.js';
import { inParts } from './parts.js';
import type { Rows } from './reduce.js';
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
  const { size, ...dims } = rowsOf(x.shape, dim);
  const most = k ?? size;
  const positions = GpuArray.empty(shapeOf(x, dim, most), 'i32', x.device);
  const scratch = size > BLOCK ? 2 * size * BYTES_PER_ELEMENT.i32 : 0; // lists of whole blocks
  inParts({ ...dims, scratch }, [x], [positions], ({ inputs, outputs, ...rows }) =>
    sortRows(inputs[0]!, { size, ...rows }, outputs[0]!, { k: most, largest, as }),
  );
  return positions;
}

function sortRows(
  x: GpuArray,
  { outer, size, inner }: Rows,
  positions: GpuArray,
  { k: most, largest, as }: Required<SortOptions>,
): void {
  const rows = outer * inner;
  const flags = { ...elementFlags(as), LARGEST: largest };
  let span = BLOCK;
  let kept = Math.min(most, span);
  // The last pass writes the result, unless that is in another order.
  const direct = inner === 1 || most === 1;
  const listsOf = (span: number): GpuArray =>
    direct && span >= size
      ? positions.share()
      : GpuArray.empty([rows, Math.ceil(size / span), kept], 'i32', x.device);
  let order = listsOf(span);
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
    const merged = listsOf(2 * span);
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
  if (!direct) {
    // (outer, inner, k) as (outer, k, inner)
    const from = { strides: [most * inner, 1, most] };
    stridedCopy(planCopy([outer, most, inner], { from }), order, positions);
  }
  order.release();
}

/** A scalar stays one, if its element is taken. */
function shapeOf(x: GpuArray, dim: number, k: number): Shape {
  if (x.shape.length === 0) return k === 1 ? [] : [k];
  return x.shape.map((size, d) => (d === dim ? k : size));
}
