import { ShapeError, formatShape } from '../../errors.js';
import { numelOf, type Shape } from '../../gpu/dtype.js';

/** The fields of `struct Params` that shaders/strides.wgsl reads, in order. */
export const STRIDE_PARAMS = {
  size0: 'u32',
  size1: 'u32',
  size2: 'u32',
  size3: 'u32',
  size4: 'u32',
  a0: 'u32',
  a1: 'u32',
  a2: 'u32',
  a3: 'u32',
  a4: 'u32',
  aOuter: 'u32',
  aOffset: 'u32',
  b0: 'u32',
  b1: 'u32',
  b2: 'u32',
  b3: 'u32',
  b4: 'u32',
  bOuter: 'u32',
  bOffset: 'u32',
} as const;

/**
 * Where the elements of a shape lie in an array: a step for each dimension, negative for a reversed
 * one, and the first element.
 */
export interface Layout {
  strides: readonly number[];
  offset?: number;
}

/** The uniforms and the override constants of a launch. */
export interface StridePlan {
  params: Record<keyof typeof STRIDE_PARAMS, number>;
  constants: { INNER: number };
}

const MOST_DIMS = 6;

/** Row-major: the layout of every GpuArray. */
export function contiguous(shape: Shape): Layout {
  const strides: number[] = [];
  let stride = 1;
  for (let d = shape.length - 1; d >= 0; d--) {
    strides.unshift(stride);
    stride *= shape[d]!;
  }
  return { strides };
}

/** An array of shape `from` seen as `to`, to which it must broadcast: a stride of 0 repeats. */
export function broadcast(from: Shape, to: Shape): Layout {
  const missing = to.length - from.length;
  const { strides } = contiguous(from);
  return {
    strides: to.map((_, d) => (d < missing || from[d - missing] === 1 ? 0 : strides[d - missing]!)),
  };
}

/** The shape that two shapes broadcast to, by NumPy's rules. @throws ShapeError if they do not. */
export function broadcastShape(op: string, a: Shape, b: Shape): Shape {
  const ndim = Math.max(a.length, b.length);
  return Array.from({ length: ndim }, (_, d) => {
    const sizeA = a[d - ndim + a.length] ?? 1;
    const sizeB = b[d - ndim + b.length] ?? 1;
    if (sizeA !== sizeB && sizeA !== 1 && sizeB !== 1) {
      throw new ShapeError(
        op,
        `a shape that broadcasts with ${formatShape(a)}`,
        b,
        'Counted from the last dimension, two sizes must be equal or one of them 1.',
      );
    }
    return sizeA === 1 ? sizeB : sizeA;
  });
}

/**
 * What makes offsetsOf() in strides.wgsl map elements of `shape` to `a` and `b`.
 *
 * @throws ShapeError for more than six dimensions that neither layout lets be merged.
 */
export function planStrides(op: string, shape: Shape, a: Layout, b: Layout): StridePlan {
  const plans = planPieces(shape, a, b);
  if (plans.length !== 1) {
    throw new ShapeError(
      op,
      `${MOST_DIMS} dimensions at most that cannot be merged`,
      shape,
      'Give both operands one shape by expand() first.',
    );
  }
  return plans[0]!;
}

/**
 * As planStrides(), for any number of dimensions: those above six, the smallest, are walked on the
 * host, with a plan for each of their indices. Each covers `count` elements.
 */
export function planPieces(shape: Shape, a: Layout, b: Layout): (StridePlan & { count: number })[] {
  const dims = mergeDims(shape, a.strides, b.strides);
  let offsets = [{ a: a.offset ?? 0, b: b.offset ?? 0 }];
  while (dims.length > MOST_DIMS) {
    const dim = dims.reduce((least, other) => (other.size < least.size ? other : least));
    dims.splice(dims.indexOf(dim), 1);
    offsets = offsets.flatMap((at) =>
      Array.from({ length: dim.size }, (_, i) => ({ a: at.a + i * dim.a, b: at.b + i * dim.b })),
    );
  }
  const count = numelOf(dims.map(({ size }) => size));
  return offsets.map((at) => ({ count, ...planDims(dims, at) }));
}

function planDims(dims: readonly Dim[], offset: { a: number; b: number }): StridePlan {
  const outer = dims.at(-1) ?? { size: 1, a: 0, b: 0 };
  const inner = Array.from(
    { length: MOST_DIMS - 1 },
    (_, d) => (d < dims.length - 1 && dims[d]) || { size: 1, a: 0, b: 0 },
  );
  const params = {
    aOuter: outer.a,
    bOuter: outer.b,
    aOffset: offset.a,
    bOffset: offset.b,
    ...Object.fromEntries(
      inner.flatMap((dim, d) => [
        [`size${d}`, dim.size],
        [`a${d}`, dim.a],
        [`b${d}`, dim.b],
      ]),
    ),
  };
  return {
    params: params as StridePlan['params'],
    constants: { INNER: Math.max(dims.length - 1, 0) },
  };
}

interface Dim {
  size: number;
  a: number;
  b: number;
}

/** The dimensions, innermost first, without those of size 1 and with neighbours joined where both arrays allow it. */
function mergeDims(shape: Shape, a: readonly number[], b: readonly number[]): Dim[] {
  if (shape.includes(0)) return [{ size: 0, a: 0, b: 0 }];
  const dims: Dim[] = [];
  for (let d = shape.length - 1; d >= 0; d--) {
    const dim = { size: shape[d]!, a: a[d]!, b: b[d]! };
    if (dim.size === 1) continue;
    const within = dims.at(-1);
    const joins = within && dim.a === within.a * within.size && dim.b === within.b * within.size;
    if (joins) within.size *= dim.size;
    else dims.push(dim);
  }
  return dims;
}
