/** Element types of tensors, and the numbers that follow from a shape. */

export type DType = 'f32' | 'i32' | 'u32';
export type Shape = readonly number[];
export type TypedArray = Float32Array | Int32Array | Uint32Array;

/** The typed array that holds elements of dtype `D` on the host. */
export interface TypedArrayOf {
  f32: Float32Array;
  i32: Int32Array;
  u32: Uint32Array;
}

const CONSTRUCTORS = { f32: Float32Array, i32: Int32Array, u32: Uint32Array } as const;

/** Every dtype is four bytes wide on the GPU: WGSL storage has no narrower scalar without f16. */
export const BYTES_PER_ELEMENT = 4;

export const DTYPES = Object.keys(CONSTRUCTORS) as DType[];

export function typedArray<D extends DType>(dtype: D, length: number): TypedArrayOf[D] {
  return new CONSTRUCTORS[dtype](length) as TypedArrayOf[D];
}

/** A view of `bytes` as elements of `dtype`, without a copy. */
export function viewAs<D extends DType>(dtype: D, bytes: ArrayBuffer): TypedArrayOf[D] {
  return new CONSTRUCTORS[dtype](bytes) as TypedArrayOf[D];
}

export function dtypeOf(data: TypedArray): DType {
  if (data instanceof Float32Array) return 'f32';
  return data instanceof Int32Array ? 'i32' : 'u32';
}

/** How many elements a tensor of `shape` has: 1 for a scalar, 0 if any dimension is 0. */
export function numelOf(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}
