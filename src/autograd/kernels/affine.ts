import { DTypeError, formatShape, ShapeError } from '../../errors.js';
import { sameShape, type Shape } from '../../gpu/dtype.js';
import type { GpuArray } from '../../gpu/gpuArray.js';

/** Which of the two a normalization has, in this order, as inputs behind x. */
export interface AffineInputs {
  weight: boolean;
  bias: boolean;
}

export interface Affine<T> {
  weight: T | null;
  bias: T | null;
}

/** Values for the inputs behind x, such as the inputs themselves, by name. */
export function affineOf<T>(given: AffineInputs, inputs: readonly T[]): Affine<T> {
  return {
    weight: (given.weight && inputs[0]) || null,
    bias: (given.bias && inputs[given.weight ? 1 : 0]) || null,
  };
}

/** The other way: the inputs behind x in order. */
export function affineInputs<T>(given: AffineInputs, { weight, bias }: Affine<T>): (T | null)[] {
  return [...(given.weight ? [weight] : []), ...(given.bias ? [bias] : [])];
}

/**
 * @throws ShapeError, DTypeError unless weight and bias have `shape` and are of f32, as under
 *   autocast, or of the dtype of x.
 */
export function checkAffine(op: string, affine: Affine<GpuArray>, shape: Shape, x: GpuArray): void {
  for (const [name, array] of Object.entries(affine) as [string, GpuArray | null][]) {
    if (!array) continue;
    if (!sameShape(array.shape, shape))
      throw new ShapeError(op, `${name} ${formatShape(shape)}`, array.shape);
    if (array.dtype !== 'f32' && array.dtype !== x.dtype) {
      const expected = x.dtype === 'f32' ? 'f32' : `f32 or ${x.dtype}`;
      throw new DTypeError(op, `${name} of ${expected}`, array.dtype, "Convert it with to('f32').");
    }
  }
}
