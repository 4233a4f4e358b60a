import { ArgumentError } from '../../errors.js';
import { numelOf, type Shape } from '../../gpu/dtype.js';

/** `dim` counted from 0; a negative one counts from the end. @throws ArgumentError out of range. */
export function resolveDim(op: string, dim: number, ndim: number): number {
  if (!Number.isInteger(dim) || dim < -ndim || dim >= ndim) {
    const range = ndim === 0 ? 'none, for a scalar' : `from ${-ndim} to ${ndim - 1}`;
    throw new ArgumentError(op, `dim ${range}`, dim);
  }
  return dim < 0 ? dim + ndim : dim;
}

/** `shape` for ops to which a scalar is a vector of one element, as in PyTorch. */
export function vectorShape(shape: Shape): Shape {
  return shape.length > 0 ? shape : [1];
}

/** As resolveDim(), for such ops. */
export function resolveDimOrScalar(op: string, dim: number, ndim: number): number {
  return resolveDim(op, dim, Math.max(ndim, 1));
}

/** Several of them, or all where there are none. @throws ArgumentError if one comes twice. */
export function resolveDims(
  op: string,
  dim: number | readonly number[] | undefined,
  ndim: number,
): readonly number[] {
  if (dim === undefined) return Array.from({ length: ndim }, (_, d) => d);
  const dims = [dim].flat().map((d) => resolveDim(op, d, ndim));
  if (new Set(dims).size < dims.length) {
    throw new ArgumentError(op, 'each dim once', `[${[dim].flat().join(', ')}]`);
  }
  return dims;
}

/** The elements of `shape` as (outer, size, inner), of which `size` counts those along `dim`. */
export function rowsOf(shape: Shape, dim: number): { outer: number; size: number; inner: number } {
  return {
    outer: numelOf(shape.slice(0, dim)),
    size: shape[dim] ?? 1,
    inner: numelOf(shape.slice(dim + 1)),
  };
}

/** `shape` after a reduction over `dims`, each kept as 1 or left out. */
export function reducedShape(shape: Shape, dims: readonly number[], keepdim: boolean): Shape {
  const kept = shape.map((size, d) => (dims.includes(d) ? 1 : size));
  return keepdim ? kept : kept.filter((_, d) => !dims.includes(d));
}
