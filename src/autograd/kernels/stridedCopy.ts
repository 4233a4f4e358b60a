import bits from '../../../shaders/bits.wgsl';
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
export type CopyPlan = readonly (StridePlan & { count: number })[];

/** Plans a copy of the elements of `shape`, of any dtype; both layouts default to contiguous. */
export function planCopy(
  shape: Shape,
  { from = contiguous(shape), to = contiguous(shape) }: { from?: Layout; to?: Layout } = {},
): CopyPlan {
  return planPieces(shape, from, to);
}

/** Copies elements of `x` into `y`, of which the rest keeps its values. */
export function stridedCopy(plan: CopyPlan, x: GpuArray, y: GpuArray): void {
  for (const { count, params, constants } of plan) {
    launch(shader, 'copy', {
      inputs: [x],
      outputs: [y],
      params: { count, ...params },
      constants,
      threads: elementThreads(count),
    });
  }
}

/** `x` repeated to `shape`, to which it must broadcast; shares memory where it has as many elements. */
export function expandTo(x: GpuArray, shape: Shape): GpuArray {
  if (x.numel === numelOf(shape)) return x.share(shape);
  const plan = planCopy(shape, { from: broadcast(x.shape, shape) });
  const y = GpuArray.empty(shape, x.dtype, x.device);
  stridedCopy(plan, x, y);
  return y;
}
