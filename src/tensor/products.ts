import { ShapeError } from '../errors.js';
import type { Shape } from '../gpu/dtype.js';

/** The sizes of both operands by name; those of one name must be equal. */
const PRODUCTS = {
  dot: [['K'], ['K']],
  mv: [['M', 'K'], ['K']],
  mm: [
    ['M', 'K'],
    ['K', 'N'],
  ],
  bmm: [
    ['B', 'M', 'K'],
    ['B', 'K', 'N'],
  ],
  outer: [['N'], ['M']],
} as const;

/** @throws ShapeError that names the operand, unless `a` and `b` are what the product `op` takes. */
export function checkProduct(op: keyof typeof PRODUCTS, a: Shape, b: Shape): void {
  const fix = 'matmul() takes other shapes too.';
  const sizes = new Map<string, number>();
  for (const [name, shape, dims] of [
    ['a', a, PRODUCTS[op][0]],
    ['b', b, PRODUCTS[op][1]],
  ] as const) {
    const expected = dims.map((dim) => sizes.get(dim) ?? dim);
    const fits = expected.every((size, d) => typeof size === 'string' || size === shape[d]);
    if (shape.length !== dims.length || !fits) {
      const form = `(${expected.join(', ')}${dims.length === 1 ? ',' : ''})`;
      throw new ShapeError(op, `${name} ${form}`, shape, op === 'outer' ? 'Use mul().' : fix);
    }
    dims.forEach((dim, d) => sizes.set(dim, shape[d]!));
  }
}
