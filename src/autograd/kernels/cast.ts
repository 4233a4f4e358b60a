import source from '../../../shaders/cast.wgsl';
import element from '../../../shaders/element.wgsl';
import threads from '../../../shaders/threads.wgsl';
import type { DType } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import { ELEMENT_FLAGS, elementFlags, elementThreads } from './element.js';

const shader = defineShader({
  name: 'cast',
  source,
  params: { count: 'u32' },
  flags: [...ELEMENT_FLAGS, 'FROM_I32', 'FROM_U32'],
  includes: { element, threads },
});

/** The elements of `x` as `dtype`; the same memory where `x` has it already. */
export function castTo(x: GpuArray, dtype: DType): GpuArray {
  if (x.dtype === dtype) return x.share();
  const y = GpuArray.empty(x.shape, dtype, x.device);
  launch(shader, 'convert', {
    inputs: [x],
    outputs: [y],
    params: { count: x.numel },
    flags: {
      ...elementFlags(dtype),
      FROM_I32: x.dtype === 'i32',
      FROM_U32: x.dtype === 'u32',
    },
    threads: elementThreads(x.numel),
  });
  return y;
}

/**
 * The dtype that an array and another operand are computed in, as in PyTorch: f32 with anything is
 * f32, i32 with u32 is i32, and a number takes the dtype of the array unless it has a fraction.
 */
export function promote(a: DType, b: DType | number): DType {
  if (typeof b === 'number') return Number.isInteger(b) ? a : 'f32';
  if (a === b) return a;
  return a === 'f32' || b === 'f32' ? 'f32' : 'i32';
}
