/** Element types of tensors, and the numbers that follow from a shape. */

import { fromHalf, halfOf } from './half.js';

/** f16 needs an adapter with the feature `shader-f16`. */
export type DType = 'f32' | 'f16' | 'i32' | 'u32';
export type Shape = readonly number[];
export type TypedArray = Float32Array | Int32Array | Uint32Array;

/** The typed array that holds elements of dtype `D` on the host: f16 is widened there. */
export interface TypedArrayOf {
  f32: Float32Array;
  f16: Float32Array;
  i32: Int32Array;
  u32: Uint32Array;
}

const CONSTRUCTORS = {
  f32: Float32Array,
  f16: Float32Array,
  i32: Int32Array,
  u32: Uint32Array,
} as const;

/** Bytes of one element on the GPU. */
export const BYTES_PER_ELEMENT = { f32: 4, f16: 2, i32: 4, u32: 4 } as const;

/** True for the types that gradients can flow through. */
export function isFloat(dtype: DType): boolean {
  return dtype === 'f32' || dtype === 'f16';
}

export const DTYPES = Object.keys(CONSTRUCTORS) as DType[];

export function typedArray<D extends DType>(dtype: D, length: number): TypedArrayOf[D] {
  return new CONSTRUCTORS[dtype](length) as TypedArrayOf[D];
}

/** The first `length` elements of `dtype` in bytes from the GPU; a view of them but for f16. */
export function decode<D extends DType>(
  dtype: D,
  bytes: ArrayBuffer,
  length: number,
): TypedArrayOf[D] {
  if (dtype === 'f16') {
    const words = new Uint32Array(new Uint16Array(bytes, 0, length)).map(fromHalf);
    return new Float32Array(words.buffer) as TypedArrayOf[D];
  }
  return new CONSTRUCTORS[dtype](bytes, 0, length) as TypedArrayOf[D];
}

/** What the GPU stores for `data` as `dtype`, in whole words; `data` itself but for f16. */
export function encode(dtype: DType, data: TypedArray): ArrayBufferView<ArrayBuffer> {
  if (dtype !== 'f16') return data as TypedArray & ArrayBufferView<ArrayBuffer>;
  const words = new Uint32Array(Float32Array.from(data).buffer);
  const halves = new Uint16Array(2 * Math.ceil(words.length / 2));
  words.forEach((word, i) => (halves[i] = halfOf(word)));
  return halves;
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
