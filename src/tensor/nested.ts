import { ShapeError } from '../errors.js';
import type { Shape } from '../gpu/dtype.js';

/** A number, or arrays of arrays of numbers, all of one length at each depth. */
export type NestedNumbers = number | NestedNumbers[];

/** The shape of nested arrays. @throws ShapeError where two at one depth differ in length. */
export function shapeOfNested(nested: NestedNumbers, op: string): Shape {
  const shape: number[] = [];
  for (let level = nested; Array.isArray(level); level = level[0]!) shape.push(level.length);
  const check = (value: NestedNumbers, depth: number): void => {
    const length = Array.isArray(value) ? value.length : undefined;
    if (length !== shape[depth]) {
      throw new ShapeError(
        op,
        `nested arrays of one length at each depth, here ${shape[depth] ?? 'a number'}`,
        length === undefined ? 'a number' : `${length} elements`,
      );
    }
    if (Array.isArray(value)) for (const item of value) check(item, depth + 1);
  };
  check(nested, 0);
  return shape;
}

/** Row-major elements as nested arrays. */
export function nest(data: ArrayLike<number>, shape: Shape): NestedNumbers {
  if (shape.length === 0) return data[0]!;
  const [size, ...rest] = shape as [number, ...number[]];
  const stride = data.length / size;
  return Array.from({ length: size }, (_, i) =>
    nest(Array.prototype.slice.call(data, i * stride, (i + 1) * stride), rest),
  );
}
