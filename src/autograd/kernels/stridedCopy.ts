import source from '../../../shaders/stridedCopy.wgsl';
import strides from '../../../shaders/strides.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { numelOf, type Shape } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import { elementThreads } from './element.js';
import {
  broadcast,
  contiguous,
  planStrides,
  STRIDE_PARAMS,
  type Layout,
  type StridePlan,
} from './strides.js';

const shader = defineShader({
  name: 'stridedCopy',
  source,
  params: { count: 'u32', ...STRIDE_PARAMS },
  includes: { strides, threads },
});

/** How elements of a shape lie in the array they come from and in the one they go to. */
export interface CopyPlan extends StridePlan {
  count: number;
}

/**
 * Plans a copy of the elements of `shape`; both layouts default to contiguous.
 *
 * @param op  Named in errors.
 * @throws ShapeError for more than six dimensions that no layout lets be merged.
 */
export function planCopy(
  op: string,
  shape: Shape,
  { from = contiguous(shape), to = contiguous(shape) }: { from?: Layout; to?: Layout } = {},
): CopyPlan {
  return { count: numelOf(shape), ...planStrides(op, shape, from, to) };
}

/** Copies elements of `x` into `y`, of which the rest keeps its values. */
export function stridedCopy(
  { count, params, constants }: CopyPlan,
  x: GpuArray,
  y: GpuArray,
): void {
  launch(shader, 'copy', {
    inputs: [x],
    outputs: [y],
    params: { count, ...params },
    constants,
    threads: elementThreads(count),
  });
}

/** `x` repeated to `shape`, to which it must broadcast; shares memory where it has as many elements. */
export function expandTo(op: string, x: GpuArray, shape: Shape): GpuArray {
  if (x.numel === numelOf(shape)) return x.share(shape);
  const plan = planCopy(op, shape, { from: broadcast(x.shape, shape) });
  const y = GpuArray.empty(shape, x.dtype, x.device);
  stridedCopy(plan, x, y);
  return y;
}
