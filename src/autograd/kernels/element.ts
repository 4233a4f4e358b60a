import { isFloat, type DType } from '../../gpu/dtype.js';

/** The flags of shaders/element.wgsl, which say what the type T of a kernel is. */
export const ELEMENT_FLAGS = ['I32', 'U32'] as const;

export function elementFlags(dtype: DType): { I32: boolean; U32: boolean } {
  return { I32: dtype === 'i32', U32: dtype === 'u32' };
}

const word = new DataView(new ArrayBuffer(4));

/** The bits of a number as an element of `dtype`, for a uniform that may hold any of them. */
export function elementBits(value: number, dtype: DType): number {
  if (isFloat(dtype)) word.setFloat32(0, value);
  else word.setInt32(0, value); // wraps, as a store to a typed array does
  return word.getUint32(0);
}

export { elementThreads } from '../../gpu/launch.js';
