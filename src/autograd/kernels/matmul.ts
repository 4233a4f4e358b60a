import source from '../../../shaders/matmul.wgsl';
import threads from '../../../shaders/threads.wgsl';
import type { Device } from '../../gpu/device.js';
import type { Shape } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import { castTo } from './cast.js';
import { partsOf } from './parts.js';
import { reduceDims } from './reduce.js';
import { reshaped } from './reshaped.js';
import { broadcastShape } from './strides.js';

const shader = defineShader({
  name: 'matmul',
  source,
  params: {
    m: 'u32',
    n: 'u32',
    k: 'u32',
    span: 'u32',
    splits: 'u32',
    batch: 'u32',
    inner: 'u32',
    aStart: 'u32',
    aOuter: 'u32',
    aInner: 'u32',
    bStart: 'u32',
    bOuter: 'u32',
    bInner: 'u32',
    cStart: 'u32',
    aStride: 'u32',
    bStride: 'u32',
    cStride: 'u32',
  },
  flags: [
    'ROWS_8',
    'ROWS_4',
    'ROWS_1',
    'A_QUADS',
    'B_QUADS',
    'TRANSPOSE_A',
    'TRANSPOSE_B',
    'BIAS',
    'TAIL',
    'SPLIT',
    'ADD',
  ],
  includes: { threads },
});

/** Columns of C in the block of one thread; its rows are 8, 4 or 1. */
const COLS = 8;

/**
 * How an adapter is kept busy. A GPU wants thousands of threads before it wants large blocks, and
 * neighbours in both directions; a CPU wants large blocks on each of its few cores.
 */
const TUNING = {
  software: { workgroup: 8, band: 1, threads: 32, leastSpan: 512 },
  hardware: { workgroup: 64, band: 8, threads: 8192, leastSpan: 64 },
};

export interface MatmulOptions {
  /** A is stored (..., K, M). Default false: (..., M, K). */
  transposeA?: boolean;
  /** B is stored (..., N, K). Default false: (..., K, N). */
  transposeB?: boolean;
  /** (N,), added to every row. */
  bias?: GpuArray;
}

/** A matrix within an array, or as many as a batch has. */
interface Matrix {
  array: GpuArray;
  /** Stored as its transpose; never so for C. */
  transposed: boolean;
  /** Where it starts, in elements. */
  start: number;
  /** Elements from one row, as it is stored, to the next. */
  stride: number;
}

/** C = op(A) op(B) + bias, or with `add` C += op(A) op(B) + bias. */
interface Product {
  a: Matrix;
  b: Matrix;
  c: Matrix;
  m: number;
  n: number;
  k: number;
  bias?: GpuArray;
  add?: boolean;
}

/**
 * C = op(A) op(B) + bias: (..., M, K) times (..., K, N) gives (..., M, N). The leading dimensions
 * broadcast; that K is the same is for the caller to check. Sums are of f32 whatever the dtype.
 *
 * Where C has too few elements to keep the adapter busy, long sums over K are split into parts
 * that are added up in a second pass; the order is fixed. Arrays over the adapter's binding limit
 * are worked on in parts.
 */
export function matmul(a: GpuArray, b: GpuArray, options: MatmulOptions = {}): GpuArray {
  let { transposeA = false, transposeB = false } = options;
  const { bias } = options;
  const [rowsOfA, k] = matrixSize(a, transposeA);
  let m = rowsOfA;
  let [, n] = matrixSize(b, transposeB);
  const lead = broadcastShape('matmul', a.shape.slice(0, -2), b.shape.slice(0, -2));
  const shape = [...lead, m, n];
  if (n === 1 && !bias) {
    // C is a vector, in memory the same as its transpose: C^T = op(B)^T op(A)^T has long rows.
    [a, b, transposeA, transposeB, m, n] = [b, a, !transposeB, !transposeA, n, m];
  }
  if (m === 1) transposeA = false; // (1, K) and (K, 1) are the same in memory
  const batch = batchOf(lead, a.shape, b.shape);
  const c = GpuArray.empty(shape, a.dtype, a.device);
  const product: Product = {
    a: { array: a, transposed: transposeA, start: 0, stride: transposeA ? m : k },
    b: { array: b, transposed: transposeB, start: 0, stride: transposeB ? k : n },
    c: { array: c, transposed: false, start: 0, stride: n },
    m,
    n,
    k,
    bias,
  };
  if (![a, b, c].some(isTooLarge)) return multiply(product, batch);

  let item = 0;
  for (const { a: aItem, b: bItem } of itemsOf(batch)) {
    multiplyInParts({
      ...product,
      a: { ...product.a, start: aItem * m * k },
      b: { ...product.b, start: bItem * k * n },
      c: { ...product.c, start: item++ * m * n },
    });
  }
  return c;
}

/** The product of a whole batch in as few launches as there are starts. @returns C. */
function multiply({ a, b, c, m, n, k, bias }: Product, batch: Batch): GpuArray {
  const { outer, inner, starts } = batch;
  const count = outer.count * inner.count;
  const { device } = a.array;
  const { threads, leastSpan } = tuningOf(device);
  const { rows, blocks } = blocksOf(a, m, n, count);
  const mostSplits = starts.length > 1 ? 1 : Math.floor(k / leastSpan);
  const wanted = Math.max(1, Math.min(mostSplits, Math.ceil(threads / (blocks || 1))));
  const span = 4 * Math.ceil(k / 4 / wanted);
  const splits = Math.ceil(k / (span || 1)) || 1;
  const parts = splits > 1 ? GpuArray.empty([splits, ...c.array.shape], 'f32', device) : null;
  for (const [i, start] of starts.entries()) {
    dispatch({
      product: {
        ...{ m, n, k, bias },
        a: { ...a, start: start.a * m * k },
        b: { ...b, start: start.b * k * n },
        c: { ...c, array: parts ?? c.array, start: i * count * m * n },
      },
      rows,
      threads: blocks * splits,
      params: {
        span,
        splits,
        batch: count,
        inner: inner.count,
        aOuter: outer.a * m * k,
        aInner: inner.a * m * k,
        bOuter: outer.b * k * n,
        bInner: inner.b * k * n,
      },
    });
  }
  if (!parts) return c.array;
  const { shape, dtype } = c.array;
  c.array.release();
  const sum = reduceDims(parts, [0]);
  parts.release();
  const cast = castTo(sum, dtype);
  sum.release();
  return reshaped(cast, shape);
}

/** One product of arrays of which some are too large to be bound: first C, then B, then A. */
function multiplyInParts(product: Product): void {
  const { a, b, c, m, n, k, bias } = product;
  if (isTooLarge(c.array)) {
    forRows(c, m, (part, from, count) =>
      multiplyInParts({ ...product, c: part, a: move(a, !a.transposed, from), m: count }),
    );
  } else if (isTooLarge(b.array) && b.transposed) {
    forRows(b, n, (part, from, count) => {
      const biasPart = bias?.part(from, [count]);
      const to = { ...c, start: c.start + from };
      multiplyInParts({ ...product, b: part, c: to, n: count, bias: biasPart });
      biasPart?.release();
    });
  } else if (isTooLarge(b.array)) {
    forRows(b, k, (part, from, count) =>
      multiplyInParts({
        ...product,
        ...partOfSum(product, from),
        b: part,
        a: move(a, a.transposed, from),
        k: count,
      }),
    );
  } else if (isTooLarge(a.array) && a.transposed) {
    forRows(a, k, (part, from, count) =>
      multiplyInParts({
        ...product,
        ...partOfSum(product, from),
        a: part,
        b: move(b, !b.transposed, from),
        k: count,
      }),
    );
  } else if (isTooLarge(a.array)) {
    forRows(a, m, (part, from, count) =>
      multiplyInParts({ ...product, a: part, c: move(c, true, from), m: count }),
    );
  } else {
    const { rows, blocks } = blocksOf(a, m, n, 1);
    const alone = { aOuter: 0, aInner: 0, bOuter: 0, bInner: 0 };
    const params = { span: 4 * Math.ceil(k / 4), splits: 1, batch: 1, inner: 1, ...alone };
    dispatch({ product, rows, threads: blocks, params });
  }
}

/** The bias belongs to the first part of a sum over K, and the other parts are added to it. */
function partOfSum(product: Product, from: number): Pick<Product, 'bias' | 'add'> {
  return from === 0 ? product : { bias: undefined, add: true };
}

/** `matrix` from its row `from` on, as it is stored, or else from its column. */
function move(matrix: Matrix, byRows: boolean, from: number): Matrix {
  return { ...matrix, start: matrix.start + from * (byRows ? matrix.stride : 1) };
}

/** Calls `fn` with groups of rows, as they are stored, that are small enough to be bound. */
function forRows(
  matrix: Matrix,
  rows: number,
  fn: (part: Matrix, from: number, count: number) => void,
): void {
  const { array, stride } = matrix;
  const column = matrix.start % stride;
  for (const [from, count] of partsOf(rows, stride, array)) {
    const first = matrix.start - column + from * stride;
    const part = array.part(first, [count, stride]);
    fn({ ...matrix, array: part, start: column }, from, count);
    array.setPart(first, part);
  }
}

function isTooLarge(array: GpuArray): boolean {
  return array.bytes > array.device.bindingLimit;
}

function tuningOf(device: Device): (typeof TUNING)['software'] {
  return TUNING[device.info.software ? 'software' : 'hardware'];
}

/** Rows of the block of one thread, and how many blocks C has. */
function blocksOf(
  a: Matrix,
  m: number,
  n: number,
  batch: number,
): { rows: 8 | 4 | 1; blocks: number } {
  const { band, threads } = tuningOf(a.array.device);
  const blocks = (rows: number): number =>
    Math.ceil(m / (rows * band)) * band * Math.ceil(n / COLS) * batch;
  // The kernel for one row reads it as one piece.
  const rows = m === 1 && !a.transposed ? 1 : m > 4 && blocks(8) >= threads ? 8 : 4;
  return { rows, blocks: blocks(rows) };
}

function dispatch(options: {
  product: Product;
  rows: 8 | 4 | 1;
  threads: number;
  params: Record<
    'span' | 'splits' | 'batch' | 'inner' | 'aOuter' | 'aInner' | 'bOuter' | 'bInner',
    number
  >;
}): void {
  const { product, rows, threads, params } = options;
  const { a, b, c, m, n, k, bias, add } = product;
  const { workgroup, band } = tuningOf(a.array.device);
  const inQuads = ({ array, start, stride }: Matrix): boolean =>
    stride % 4 === 0 && start % 4 === 0 && array.numel > 0;
  launch(shader, 'matmul', {
    inputs: bias ? [a.array, b.array, bias] : [a.array, b.array],
    outputs: [c.array],
    params: {
      ...{ m, n, k },
      ...params,
      aStart: a.start,
      bStart: b.start,
      cStart: c.start,
      aStride: a.stride,
      bStride: b.stride,
      cStride: c.stride,
    },
    flags: {
      [`ROWS_${rows}` as const]: true,
      A_QUADS: inQuads(a),
      B_QUADS: inQuads(b),
      TRANSPOSE_A: a.transposed,
      TRANSPOSE_B: b.transposed,
      BIAS: bias !== undefined,
      TAIL: k % 4 !== 0,
      SPLIT: params.splits > 1,
      ADD: add,
    },
    constants: { WORKGROUP: workgroup, BAND: band },
    threads,
  });
}

/** Rows and columns of op(x). */
function matrixSize({ shape }: GpuArray, transpose: boolean): [number, number] {
  const [rows, columns] = shape.slice(-2) as [number, number];
  return transpose ? [columns, rows] : [rows, columns];
}

/** A batch dimension: how many matrices A and B move along it, 0 where they broadcast. */
interface BatchDim {
  count: number;
  a: number;
  b: number;
}

interface Batch {
  outer: BatchDim;
  inner: BatchDim;
  starts: { a: number; b: number }[];
}

/** The matrices of A and B of each product, in the order of C. */
function* itemsOf({ outer, inner, starts }: Batch): Generator<{ a: number; b: number }> {
  for (const start of starts) {
    for (let i = 0; i < outer.count; i++) {
      for (let j = 0; j < inner.count; j++) {
        yield {
          a: start.a + i * outer.a + j * inner.a,
          b: start.b + i * outer.b + j * inner.b,
        };
      }
    }
  }
}

/**
 * The batch as the kernel walks it: two dimensions within a launch, and the matrices that each
 * launch starts at, of which there is more than one for patterns like (2, 1, 2, 1) x (1, 2, 1, 2).
 */
function batchOf(lead: Shape, aShape: Shape, bShape: Shape): Batch {
  const dims: BatchDim[] = [];
  let [a, b] = [1, 1]; // matrices in the dimensions that were passed
  for (let i = 1; i <= lead.length; i++) {
    const count = lead.at(-i)!;
    const aCount = aShape.at(-2 - i) ?? 1;
    const bCount = bShape.at(-2 - i) ?? 1;
    const dim = { count, a: aCount === 1 ? 0 : a, b: bCount === 1 ? 0 : b };
    [a, b] = [a * aCount, b * bCount];
    const last = dims[0];
    if (count === 1) continue;
    // Dimensions that both move through alike, or both broadcast alike, are one.
    if (last && dim.a === last.a * last.count && dim.b === last.b * last.count) {
      last.count *= count;
    } else dims.unshift(dim);
  }
  const one = { count: 1, a: 0, b: 0 };
  const [outer, inner] = [one, one, ...dims].slice(-2) as [BatchDim, BatchDim];
  let starts = [{ a: 0, b: 0 }];
  for (const dim of dims.slice(0, -2)) {
    starts = starts.flatMap((start) =>
      Array.from({ length: dim.count }, (_, i) => ({
        a: start.a + i * dim.a,
        b: start.b + i * dim.b,
      })),
    );
  }
  return { outer, inner, starts };
}
