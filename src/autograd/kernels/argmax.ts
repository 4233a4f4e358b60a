import source from '../../../shaders/argmax.wgsl';
import element from '../../../shaders/element.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { numelOf, type Shape } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import { ELEMENT_FLAGS, elementFlags, elementThreads } from './element.js';
import { inParts } from './parts.js';
import { planRows, type Rows } from './reduce.js';

const shader = defineShader({
  name: 'argmax',
  source,
  params: { rows: 'u32', size: 'u32', inner: 'u32', segments: 'u32', candidates: 'u32' },
  flags: [...ELEMENT_FLAGS, 'MIN', 'CANDIDATES'],
  includes: { element, threads },
});

/** Dimension `dim` of a shape, with the elements before and after it taken together. */
export function rowsAlong(shape: Shape, dim: number): Rows {
  return {
    outer: numelOf(shape.slice(0, dim)),
    size: shape[dim]!,
    inner: numelOf(shape.slice(dim + 1)),
  };
}

/** Where in each row of `x` the largest or smallest element is, as i32 of `shape`. */
export function findExtremes(
  x: GpuArray,
  { size, ...dims }: Rows,
  shape: Shape,
  smallest: boolean,
): GpuArray {
  const found = GpuArray.empty(shape, 'i32', x.device);
  inParts(dims, [x], [found], ({ inputs, outputs, ...rows }) =>
    findInRows(inputs[0]!, { size, ...rows }, outputs[0]!, smallest),
  );
  return found;
}

function findInRows(
  x: GpuArray,
  { outer, size, inner }: Rows,
  result: GpuArray,
  smallest: boolean,
): void {
  const rows = outer * inner;
  let found: GpuArray | null = null;
  for (const { size: candidates, segments } of planRows({ outer, size, inner })) {
    const y = segments === 1 ? result : GpuArray.empty([rows * segments], 'i32', x.device);
    launch(shader, 'argmax', {
      inputs: found ? [x, found] : [x],
      outputs: [y],
      params: { rows, size, inner, segments, candidates },
      flags: { ...elementFlags(x.dtype), MIN: smallest, CANDIDATES: found !== null },
      threads: rows * segments,
    });
    found?.release();
    found = y;
  }
}

/** The element of each row of `x` that `indices` names. */
export function pickElements(x: GpuArray, { size, ...dims }: Rows, indices: GpuArray): GpuArray {
  const y = GpuArray.empty(indices.shape, x.dtype, x.device);
  inParts(dims, [x, indices], [y], ({ outer, inner, ...arrays }) => {
    const rows = outer * inner;
    launch(shader, 'pick', {
      ...arrays,
      params: { rows, size, inner, segments: 1, candidates: 1 },
      flags: elementFlags(x.dtype),
      threads: elementThreads(rows),
    });
  });
  return y;
}

/** Of `shape`: dy at the element of each row that `indices` names, elsewhere 0. */
export function spreadPicked(
  dy: GpuArray,
  { size, ...dims }: Rows,
  indices: GpuArray,
  shape: Shape,
): GpuArray {
  const dx = GpuArray.empty(shape, dy.dtype, dy.device);
  inParts(dims, [dy, indices], [dx], ({ outer, inner, ...arrays }) => {
    const rows = outer * inner;
    launch(shader, 'spread', {
      ...arrays,
      params: { rows, size, inner, segments: 1, candidates: 1 },
      threads: elementThreads(rows * size),
    });
  });
  return dx;
}
