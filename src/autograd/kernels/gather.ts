import bits from '../../../shaders/bits.wgsl';
import source from '../../../shaders/gather.wgsl';
import strides from '../../../shaders/strides.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { numelOf, type DType, type Shape } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import { rowsOf } from './dims.js';
import { elementThreads } from './element.js';
import { fill } from './fill.js';
import { fitBindings, inParts, takeBlock } from './parts.js';
import { sortedPositions } from './sort.js';
import { planCopy, stridedCopy } from './stridedCopy.js';
import { contiguous, planStrides, STRIDE_PARAMS, type Layout } from './strides.js';

const shader = defineShader({
  name: 'gather',
  source,
  params: {
    count: 'u32',
    size: 'u32',
    step: 'u32',
    missing: 'u32',
    places: 'u32',
    placeStep: 'u32',
    indexStep: 'u32',
    ownIndex: 'u32',
    ...STRIDE_PARAMS,
  },
  flags: ['SORTED'],
  includes: { bits, strides, threads },
});

/** Which elements of an array an index takes. */
export interface Choice {
  /** Named in errors. */
  op: string;
  /** Of the array: the dimension along which the index counts, and its shape. */
  dim: number;
  xShape: Shape;
  /** Of the result: in the other dimensions no larger than the array. */
  yShape: Shape;
  /** One vector that all rows share; by default the index has the shape of the result. */
  shared?: boolean;
  /** Element of a shared index that comes first. Default 0. */
  start?: number;
}

/** What an index out of range gives, so that nothing is read out of bounds: NaN, of integers 0. */
const MISSING: Record<DType, number> = { f32: 0x7fc00000, f16: 0x7e007e00, i32: 0, u32: 0 };

/** y[i] = x[.., index[i], ..], of any dtype; the index is of i32 or u32. */
export function gather(choice: Choice, x: GpuArray, index: GpuArray): GpuArray {
  const y = GpuArray.empty(choice.yShape, x.dtype, x.device);
  gatherInto(choice, x, index, y);
  return y;
}

function gatherInto(choice: Choice, x: GpuArray, index: GpuArray, y: GpuArray): void {
  if (fitBindings([x, index, y])) {
    launch(shader, 'gather', { ...planGather(choice, x.dtype), inputs: [x, index], outputs: [y] });
    return;
  }
  const { dim, xShape, yShape, shared = false, start = 0 } = choice;
  const reached = reachedShape(choice);
  if (numelOf(reached) < x.numel) {
    const part = GpuArray.empty(reached, x.dtype, x.device);
    stridedCopy(planCopy(reached, { from: contiguous(xShape) }), x, part);
    gatherInto({ ...choice, xShape: reached }, part, index, y);
    part.release();
    return;
  }
  const { outer, size, inner } = rowsOf(xShape, dim);
  const places = yShape[dim]!;
  if (outer > 1 || !fitBindings([x])) {
    inRows(choice, x, index, [y], (part, x, index, y) => gatherInto(part, x, index, y));
    return;
  }
  // What the index takes from an array that fits: some places after the others.
  const taken = shared
    ? takeBlock(index, { offset: start, size: 1, step: 0, length: places })
    : index.share();
  inParts({ outer: places }, [taken], [y], ({ outer: count, inputs, outputs }) => {
    const shapes = { xShape: [1, size, inner], yShape: [1, count, inner] };
    gatherInto({ ...choice, ...shapes, dim: 1, start: 0 }, x, inputs[0]!, outputs[0]!);
  });
  taken.release();
}

/** Of the array, what the index can take, which may be smaller in other dimensions. */
function reachedShape({ dim, xShape, yShape }: Choice): Shape {
  return yShape.map((size, d) => (d === dim ? xShape[d]! : size));
}

/**
 * Calls `work` with parts of large arrays, by rows along the dimension of the index. `from` is of
 * the shape of x and `to` of that of y, or the other way round.
 */
function inRows(
  choice: Choice,
  from: GpuArray,
  index: GpuArray,
  to: readonly [GpuArray],
  work: (choice: Choice, from: GpuArray, index: GpuArray, to: GpuArray) => void,
): void {
  const { dim, xShape, yShape, shared = false } = choice;
  const { size, ...dims } = rowsOf(xShape, dim);
  const places = yShape[dim]!;
  inParts(dims, shared ? [from] : [from, index], to, ({ outer, inner, inputs, outputs }) => {
    const shapes = { xShape: [outer, size, inner], yShape: [outer, places, inner] };
    const own = shared ? index.share() : inputs[1]!.share(shapes.yShape);
    work({ ...choice, ...shapes, dim: 1 }, inputs[0]!, own, outputs[0]!);
    own.release();
  });
}

/** dx[.., index[i], ..] = dy[i] and 0 elsewhere, for an index that has nothing twice. */
export function scatter(choice: Choice, dy: GpuArray, index: GpuArray): GpuArray {
  const dx = fill(GpuArray.empty(choice.xShape, dy.dtype, dy.device), 0);
  scatterInto(choice, dy, index, dx);
  return dx;
}

/** For an array and an index of one shape but for the dimension. */
function scatterInto(choice: Choice, dy: GpuArray, index: GpuArray, dx: GpuArray): void {
  if (!fitBindings([dy, index, dx])) {
    inRows(choice, dy, index, [dx], scatterInto);
    return;
  }
  launch(shader, 'scatter', {
    ...planGather(choice, dy.dtype),
    inputs: [dy, index],
    outputs: [dx],
  });
}

function planGather({ op, dim, xShape, yShape, shared, start = 0 }: Choice, dtype: DType) {
  const x = without(contiguous(xShape), dim);
  const index: Layout = shared
    ? { strides: yShape.map((_, d) => (d === dim ? 1 : 0)), offset: start }
    : contiguous(yShape);
  const { params, constants } = planStrides(op, yShape, x, index);
  const { size, inner } = rowsOf(xShape, dim);
  const count = numelOf(yShape);
  return {
    params: { ...params, ...UNUSED, count, size, step: inner, missing: MISSING[dtype] },
    constants,
    threads: elementThreads(count),
  };
}

/** Of `sum` alone. */
const UNUSED = { places: 0, placeStep: 0, indexStep: 0, ownIndex: 0 };

/** From so many places on, they are sorted by their index first, rather than all of them looked at. */
const MANY_PLACES = 64;

/**
 * dx[.., j, ..] = sum dy[i] over the i whose index is j: the reverse of gather. Terms are added in
 * the order of their places, so the same bits come out run after run.
 */
export function sumByIndex(choice: Choice, dy: GpuArray, index: GpuArray): GpuArray {
  const dx = GpuArray.empty(choice.xShape, dy.dtype, dy.device);
  sumInto(choice, dy, index, dx);
  return dx;
}

function sumInto(choice: Choice, dy: GpuArray, index: GpuArray, dx: GpuArray): void {
  const { op, dim, xShape, yShape, shared = false } = choice;
  const { size, inner } = rowsOf(xShape, dim);
  const { size: places, inner: placeStep } = rowsOf(yShape, dim);
  const reached = reachedShape(choice);
  const count = numelOf(reached);
  if (count < dx.numel) fill(dx, 0);
  if (!fitBindings([dy, index, dx])) {
    if (count < dx.numel) {
      const part = GpuArray.empty(reached, dx.dtype, dx.device);
      sumInto({ ...choice, xShape: reached }, dy, index, part);
      stridedCopy(planCopy(reached, { to: contiguous(xShape) }), part, dx);
      part.release();
    } else inRows(choice, dy, index, [dx], sumInto);
    return;
  }
  const from = without(contiguous(yShape), dim);
  const { params, constants } = planStrides(op, reached, from, contiguous(xShape));
  const order =
    places >= MANY_PLACES ? sortedPositions(index, shared ? 0 : dim, { as: 'u32' }) : null;
  launch(shader, 'sum', {
    inputs: [dy, index, ...(order ? [order] : [])],
    outputs: [dx],
    params: {
      ...params,
      count,
      size,
      step: inner,
      missing: 0,
      places,
      placeStep,
      indexStep: shared ? 1 : placeStep,
      ownIndex: shared ? 0 : 1,
    },
    constants,
    flags: { SORTED: order !== null },
    threads: elementThreads(count),
  });
  order?.release();
}

/** The layout with `dim` at index 0 throughout. */
function without({ strides }: Layout, dim: number): Layout {
  return { strides: strides.map((stride, d) => (d === dim ? 0 : stride)) };
}
