import { BYTES_PER_ELEMENT, numelOf, type DType, type Shape } from '../../gpu/dtype.js';
import type { GpuArray } from '../../gpu/gpuArray.js';
import { castTo } from './cast.js';
import { elementBits } from './element.js';
import { expandTo } from './stridedCopy.js';
import { broadcast, planStrides, STRIDE_PARAMS, type StridePlan } from './strides.js';

/** The fields of `struct Params` of a kernel of two operands: those of shaders/operands.wgsl too. */
export const OPERAND_PARAMS = {
  count: 'u32',
  number: 'u32',
  start: 'u32',
  aPart: 'u32',
  bPart: 'u32',
  ...STRIDE_PARAMS,
} as const;

export interface OperandPlan {
  params: Record<keyof typeof OPERAND_PARAMS, number>;
  constants: StridePlan['constants'];
}

/** The shape that an operand of `dtype` is bound with: that of the result if it is too large itself. */
export function operandShape(
  { numel, shape: own, device }: GpuArray,
  dtype: DType,
  shape: Shape,
): Shape {
  return numel * BYTES_PER_ELEMENT[dtype] > device.bindingLimit ? shape : own;
}

/** `array` as `dtype` and in that shape. */
export function operandFor(array: GpuArray, dtype: DType, shape: Shape): GpuArray {
  const cast = castTo(array, dtype);
  const operand = expandTo(cast, operandShape(array, dtype, shape));
  cast.release();
  return operand;
}

/**
 * The uniforms and constants of a kernel whose operands of shapes `a` and `b` broadcast to `shape`.
 *
 * @param number  The operand that is a number, as an element of `dtype`; 0 where both are arrays.
 */
export function planOperands(
  op: string,
  shape: Shape,
  [a, b]: readonly [Shape, Shape],
  number: number,
  dtype: DType,
): OperandPlan {
  const strides = planStrides(op, shape, broadcast(a, shape), broadcast(b, shape));
  const count = numelOf(shape);
  return {
    params: {
      count,
      number: elementBits(number, dtype),
      start: 0,
      aPart: Number(numelOf(a) === count),
      bPart: Number(numelOf(b) === count),
      ...strides.params,
    },
    constants: strides.constants,
  };
}
