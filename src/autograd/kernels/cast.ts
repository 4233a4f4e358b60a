import source from '../../../shaders/cast.wgsl';
import element from '../../../shaders/element.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { isFloat, type DType } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import { ELEMENT_FLAGS, elementFlags } from './element.js';

const shader = defineShader({
  name: 'cast',
  source,
  params: { count: 'u32' },
  flags: [...ELEMENT_FLAGS, 'FROM_I32', 'FROM_U32', 'FROM_F16', 'TO_F16'],
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
      FROM_F16: x.dtype === 'f16',
      TO_F16: dtype === 'f16',
    },
    elements: x.numel,
  });
  return y;
}

/**
 * The dtype that an array and another operand are computed in, as in PyTorch: f32 with anything is
 * f32, f16 with an integer type is f16, i32 with u32 is i32, and a number takes the dtype of the
 * array unless it has a fraction and that is an integer type.
 */
export function promote(a: DType, b: DType | number): DType {
  if (typeof b === 'number') return Number.isInteger(b) || isFloat(a) ? a : 'f32';
  if (a === b) return a;
  return (['f32', 'f16'] as const).find((dtype) => a === dtype || b === dtype) ?? 'i32';
}
