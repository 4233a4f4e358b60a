import source from '../../../shaders/argmax.wgsl';
import element from '../../../shaders/element.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { numelOf, type Shape } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import { castTo } from './cast.js';
import { ELEMENT_FLAGS, elementFlags, elementThreads } from './element.js';
import { inParts, joined, takeBlock } from './parts.js';
import { planRows, type Rows } from './reduce.js';

const shader = defineShader({
  name: 'argmax',
  source,
  params: {
    rows: 'u32',
    size: 'u32',
    inner: 'u32',
    segments: 'u32',
    candidates: 'u32',
    start: 'u32',
  },
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
  if (dims.inner === 1 && x.bytes / dims.outer > x.device.bindingLimit) {
    for (let row = 0; row < dims.outer; row++) {
      const block = { offset: row * size, size: 1, step: 0, length: size };
      found.setPart(row, findInLongRow(takeBlock(x, block), smallest));
    }
    return found;
  }
  inParts(dims, [x], [found], ({ inputs, outputs, ...rows }) =>
    findInRows(inputs[0]!, { size, ...rows }, outputs[0]!, smallest),
  );
  return found;
}

/** The same of one row that is larger than a binding, which it takes over. Ties go to the first part. */
function findInLongRow(x: GpuArray, smallest: boolean): GpuArray {
  const positions: GpuArray[] = [];
  const values: GpuArray[] = [];
  let first = 0;
  inParts({ outer: x.numel }, [x], [], ({ outer: size, inputs }) => {
    const rows = { outer: 1, size, inner: 1 };
    const position = GpuArray.empty([1], 'i32', x.device);
    findInRows(inputs[0]!, rows, position, smallest, first);
    const value = pickElements(inputs[0]!, rows, position, first);
    positions.push(position);
    values.push(castTo(value, x.dtype === 'f16' ? 'f32' : x.dtype));
    value.release();
    first += size;
  });
  x.release();
  const [candidates, places] = [joined(values), joined(positions)];
  const rows = { outer: 1, size: candidates.numel, inner: 1 };
  const best = findExtremes(candidates, rows, [1], smallest);
  const result = pickElements(places, rows, best);
  for (const array of [candidates, places, best]) array.release();
  return result;
}

function findInRows(
  x: GpuArray,
  { outer, size, inner }: Rows,
  result: GpuArray,
  smallest: boolean,
  start = 0,
): void {
  const rows = outer * inner;
  let found: GpuArray | null = null;
  for (const { size: candidates, segments } of planRows({ outer, size, inner })) {
    const y = segments === 1 ? result : GpuArray.empty([rows * segments], 'i32', x.device);
    launch(shader, 'argmax', {
      inputs: found ? [x, found] : [x],
      outputs: [y],
      params: { rows, size, inner, segments, candidates, start: segments === 1 ? start : 0 },
      flags: { ...elementFlags(x.dtype), MIN: smallest, CANDIDATES: found !== null },
      threads: rows * segments,
    });
    found?.release();
    found = y;
  }
}

/** The element of each row of `x` that `indices`, counted from `start`, names. */
export function pickElements(
  x: GpuArray,
  { size, ...dims }: Rows,
  indices: GpuArray,
  start = 0,
): GpuArray {
  const y = GpuArray.empty(indices.shape, x.dtype, x.device);
  inParts(dims, [x, indices], [y], ({ outer, inner, ...arrays }) => {
    const rows = outer * inner;
    launch(shader, 'pick', {
      ...arrays,
      params: { rows, size, inner, segments: 1, candidates: 1, start },
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
      params: { rows, size, inner, segments: 1, candidates: 1, start: 0 },
      threads: elementThreads(rows * size),
    });
  });
  return dx;
}
