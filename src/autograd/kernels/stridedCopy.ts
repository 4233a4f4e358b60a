import bits from '../../../shaders/bits.wgsl';
import source from '../../../shaders/stridedCopy.wgsl';
import strides from '../../../shaders/strides.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { BYTES_PER_ELEMENT, numelOf, type Shape } from '../../gpu/dtype.js';
import { BINDING_ALIGNMENT, GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import { elementThreads } from './element.js';
import {
  broadcast,
  contiguous,
  planPieces,
  STRIDE_PARAMS,
  type Layout,
  type StridePlan,
} from './strides.js';

const shader = defineShader({
  name: 'stridedCopy',
  source,
  params: { count: 'u32', ...STRIDE_PARAMS },
  includes: { bits, strides, threads },
});

/** The launches of a copy: how elements lie in the array they come from and in the one they go to. */
export interface CopyPlan {
  shape: Shape;
  from: Layout;
  to: Layout;
  launches: readonly (StridePlan & { count: number })[];
}

/** Plans a copy of the elements of `shape`, of any dtype; both layouts default to contiguous. */
export function planCopy(
  shape: Shape,
  { from = contiguous(shape), to = contiguous(shape) }: { from?: Layout; to?: Layout } = {},
): CopyPlan {
  return { shape, from, to, launches: planPieces(shape, from, to) };
}

/** Copies elements of `x` into `y`, of which the rest keeps its values. */
export function stridedCopy(plan: CopyPlan, x: GpuArray, y: GpuArray): void {
  if (Math.max(x.bytes, y.bytes) > x.device.bindingLimit) {
    copyInWindows(plan, x, y);
    return;
  }
  for (const { count, params, constants } of plan.launches) {
    launch(shader, 'copy', {
      inputs: [x],
      outputs: [y],
      params: { count, ...params },
      constants,
      threads: elementThreads(count),
    });
  }
}

/** A copy of which one array is larger than a binding: halves of it, until both their ends fit. */
function copyInWindows({ shape, from, to }: CopyPlan, x: GpuArray, y: GpuArray): void {
  if (shape.includes(0)) return;
  const inX = windowOf(shape, from, x);
  const inY = windowOf(shape, to, y);
  if (inX.fits && inY.fits) {
    const windows = [inX, inY].map(({ start, length }, i) => [x, y][i]!.part(start, [length]));
    const moved = planCopy(shape, {
      from: { ...from, offset: (from.offset ?? 0) - inX.start },
      to: { ...to, offset: (to.offset ?? 0) - inY.start },
    });
    stridedCopy(moved, windows[0]!, windows[1]!);
    for (const window of windows) window.release();
    return;
  }
  // Along the dimension that reaches furthest where it is too far.
  const reaches = shape.map((size, d) =>
    size === 1
      ? -1
      : Math.max(
          inX.fits ? 0 : Math.abs(from.strides[d]!) * (size - 1),
          inY.fits ? 0 : Math.abs(to.strides[d]!) * (size - 1),
        ),
  );
  const dim = reaches.indexOf(Math.max(...reaches));
  const half = Math.ceil(shape[dim]! / 2);
  for (const [first, count] of [
    [0, half],
    [half, shape[dim]! - half],
  ] as const) {
    const at = ({ strides, offset = 0 }: Layout): Layout => {
      return { strides, offset: offset + first * strides[dim]! };
    };
    const part = { shape: shape.map((size, d) => (d === dim ? count : size)), launches: [] };
    copyInWindows({ ...part, from: at(from), to: at(to) }, x, y);
  }
}

/** The elements of an array from the first to the last of a layout, from where a binding may start. */
function windowOf(shape: Shape, { strides, offset = 0 }: Layout, array: GpuArray) {
  const ends = strides.map((stride, d) => stride * (shape[d]! - 1));
  const sum = (values: number[]): number => values.reduce((total, value) => total + value, offset);
  const aligned = BINDING_ALIGNMENT / BYTES_PER_ELEMENT[array.dtype];
  const start = Math.floor(sum(ends.map((end) => Math.min(end, 0))) / aligned) * aligned;
  const length = sum(ends.map((end) => Math.max(end, 0))) + 1 - start;
  const fits = length * BYTES_PER_ELEMENT[array.dtype] <= array.device.bindingLimit;
  return { start, length, fits };
}

/** `x` repeated to `shape`, to which it must broadcast; shares memory where it has as many elements. */
export function expandTo(x: GpuArray, shape: Shape): GpuArray {
  if (x.numel === numelOf(shape)) return x.share(shape);
  const plan = planCopy(shape, { from: broadcast(x.shape, shape) });
  const y = GpuArray.empty(shape, x.dtype, x.device);
  stridedCopy(plan, x, y);
  return y;
}
