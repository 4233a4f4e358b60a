import { numelOf, type DType, type Shape } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import type { Activation, Incoming } from './activation.js';
import { choose, type KernelFamily } from './choice.js';
import {
  able,
  ALONE,
  multiply,
  subgroupMatrixFor,
  type MatmulVariant,
  type Matrix,
  type Product,
} from './matmulVariants.js';
import { partsOf } from './parts.js';
import { trialInputs } from './random.js';
import { broadcastShape } from './strides.js';
import { fromTable, TABLE, type MatmulSize } from './table.js';

export interface MatmulOptions {
  /** A is stored (..., K, M). Default false: (..., M, K). */
  transposeA?: boolean;
  /** B is stored (..., N, K). Default false: (..., K, N). */
  transposeB?: boolean;
  /** (N,), added to every row. */
  bias?: GpuArray;
  /** Applied to the result at last. Default none. */
  activation?: Activation;
  /** Where to write C. Default: a new array. */
  into?: GpuArray;
  /** (M,), to be filled with the sums of the rows of op(A); not for batches. */
  rowSums?: GpuArray;
}

/**
 * C = f(op(A) op(B) + bias): (..., M, K) times (..., K, N) gives (..., M, N). The leading dimensions
 * broadcast; that K is the same is for the caller to check. Sums are of f32 whatever the dtype.
 *
 * Where C has too few elements to keep the adapter busy, long sums over K are split into parts
 * that are added up in a second pass; the order is fixed. Arrays over the adapter's binding limit
 * are worked on in parts.
 *
 * @param incoming  A: an array, or dL/dy that has yet to go through the activation of y.
 * @param wanted    The kernel for it. Default: the one that is chosen.
 * @returns C, which is `into` if that is given.
 */
export function matmul(
  incoming: GpuArray | Incoming,
  b: GpuArray,
  options: MatmulOptions = {},
  wanted?: MatmulVariant,
): GpuArray {
  let { transposeA = false, transposeB = false } = options;
  const { bias, activation, rowSums } = options;
  const { array, ...through } = incoming instanceof GpuArray ? { array: incoming } : incoming;
  let a = array;
  const { dtype, device } = a;
  const [rowsOfA, k] = matrixSize(a, transposeA);
  let m = rowsOfA;
  let [, n] = matrixSize(b, transposeB);
  const lead = broadcastShape('matmul', a.shape.slice(0, -2), b.shape.slice(0, -2));
  const c = options.into ?? GpuArray.empty([...lead, m, n], dtype, device);
  if (n === 1 && !bias && !rowSums && !through.activated) {
    // C is a vector, in memory the same as its transpose: C^T = op(B)^T op(A)^T has long rows.
    [a, b, transposeA, transposeB, m, n] = [b, a, !transposeB, !transposeA, n, m];
  }
  if (m === 1) transposeA = false; // (1, K) and (K, 1) are the same in memory
  const batch = batchOf(lead, a.shape, b.shape);
  const size = { m, n, k, batch: numelOf(lead) };
  const problem: MatmulProblem = {
    ...{ ...size, transposeA, transposeB, dtype, activation },
    bias: bias !== undefined,
    activated: through.activated && through.activation,
    rowSums: rowSums !== undefined,
  };
  const variant = wanted ?? (choose(MATMUL, problem, device) as MatmulVariant);
  const whole: Product = {
    a: { array: a, transposed: transposeA, start: 0, stride: transposeA ? m : k },
    b: { array: b, transposed: transposeB, start: 0, stride: transposeB ? k : n },
    c: { array: c, transposed: false, start: 0, stride: n },
    ...{ m, n, k, through, bias, activation, rowSums },
  };
  if ([a, b, c].some(isTooLarge)) {
    let item = 0;
    for (const { a: aItem, b: bItem } of itemsOf(batch)) {
      const cItem = item++;
      multiplyInParts(startingAt(whole, aItem, bItem, cItem), variant);
    }
    return c;
  }
  const { outer, inner, starts } = batch;
  const walk = {
    batch: outer.count * inner.count,
    inner: inner.count,
    aOuter: outer.a * m * k,
    aInner: inner.a * m * k,
    bOuter: outer.b * k * n,
    bInner: inner.b * k * n,
  };
  for (const [i, start] of starts.entries()) {
    const part = startingAt(whole, start.a, start.b, i * walk.batch);
    multiply(part, walk, variant, starts.length === 1);
  }
  return c;
}

/** The product of other matrices of a batch. */
function startingAt(product: Product, a: number, b: number, c: number): Product {
  const { m, n, k } = product;
  return {
    ...product,
    a: { ...product.a, start: a * m * k },
    b: { ...product.b, start: b * k * n },
    c: { ...product.c, start: c * m * n },
  };
}

/** A product as the choice of a kernel sees it. */
export interface MatmulProblem extends MatmulSize {
  transposeA: boolean;
  transposeB: boolean;
  dtype: DType;
  bias: boolean;
  activation?: Activation;
  /** What A comes through. */
  activated?: Activation;
  rowSums: boolean;
}

/** The kernels that multiply matrices. */
export const MATMUL: KernelFamily<MatmulProblem> = {
  name: 'matmul',

  key({ m, n, k, batch, dtype, transposeA, transposeB, bias, activation, activated, rowSums }) {
    const words = [
      ...[`m${m} n${n} k${k} x${batch} ${dtype}`, transposeA && 'a^T', transposeB && 'b^T'],
      ...[bias && 'bias', activation, activated && `through ${activated}`, rowSums && 'rowSums'],
    ];
    return words.filter(Boolean).join(' ');
  },

  candidates(problem, device) {
    const all: MatmulVariant[] = ['registers'];
    if (device.hasSubgroups) all.push('subgroups', 'subgroups16', 'subgroups32');
    all.push('shallow', 'tiled64', 'tiled32');
    const activated = problem.activated !== undefined;
    if (subgroupMatrixFor({ ...problem, activated }, device)) all.push('subgroupMatrix');
    return all.filter((variant) => able(variant, problem.k));
  },

  preferred(problem, device) {
    return fromTable(TABLE.matmul, problem, device, this.candidates(problem, device));
  },

  trial(problem, device) {
    const { m, n, k, batch, transposeA, transposeB, dtype, activation, activated } = problem;
    const random = trialInputs(dtype, device);
    const a = random(transposeA ? [batch, k, m] : [batch, m, k]);
    const b = random(transposeB ? [batch, n, k] : [batch, k, n]);
    const y = activated && random(a.shape);
    const bias = problem.bias ? random([n]) : undefined;
    return {
      run(variant) {
        const rowSums = problem.rowSums ? GpuArray.empty([m], dtype, device) : undefined;
        const options = { transposeA, transposeB, bias, activation, rowSums };
        const incoming = { array: a, activation: activated, activated: y };
        const c = matmul(incoming, b, options, variant as MatmulVariant);
        return rowSums ? [c, rowSums] : [c];
      },
      release() {
        for (const array of [a, b, y, bias]) array?.release();
      },
    };
  },
};

/** One product of arrays of which some are too large to be bound: first C, then B, then A. */
function multiplyInParts(product: Product, variant: MatmulVariant): void {
  const { a, b, c, m, n, k, through, bias, rowSums } = product;
  const go = (part: Partial<Product>): void => multiplyInParts({ ...product, ...part }, variant);
  if (isTooLarge(c.array)) {
    forRows(c, m, (part, from, count) => {
      const sums = rowSums?.part(from, [count]);
      go({ c: part, a: move(a, !a.transposed, from), m: count, rowSums: sums });
      if (sums) rowSums!.setPart(from, sums);
    });
  } else if (isTooLarge(b.array) && b.transposed) {
    forRows(b, n, (part, from, count) => {
      const biasPart = bias?.part(from, [count]);
      const sums = from === 0 ? rowSums : undefined;
      go({ b: part, c: move(c, false, from), n: count, bias: biasPart, rowSums: sums });
      biasPart?.release();
    });
  } else if (isTooLarge(b.array)) {
    forRows(b, k, (part, from, count) => {
      const sum = partOfSum(product, from, count);
      go({ ...sum, b: part, a: move(a, a.transposed, from), k: count });
    });
  } else if (isTooLarge(a.array)) {
    forRows(a, a.transposed ? k : m, (part, from, count, first) => {
      const activated = through.activated?.part(first, part.array.shape);
      const to = { a: part, through: { ...through, activated } };
      if (a.transposed) {
        const sum = partOfSum(product, from, count);
        go({ ...sum, ...to, b: move(b, !b.transposed, from), k: count });
      } else {
        const sums = rowSums?.part(from, [count]);
        go({ ...to, c: move(c, true, from), m: count, rowSums: sums });
        if (sums) rowSums!.setPart(from, sums);
      }
      activated?.release();
    });
  } else {
    multiply(product, ALONE, variant, false);
  }
}

/** The bias belongs to the first part of a sum over K, to which the others are added, and f to the last. */
function partOfSum(
  { bias, add, activation, k }: Product,
  from: number,
  count: number,
): Pick<Product, 'bias' | 'add' | 'activation'> {
  return {
    bias: from === 0 ? bias : undefined,
    add: add || from > 0,
    activation: from + count === k ? activation : undefined,
  };
}

/** `matrix` from its row `from` on, as it is stored, or else from its column. */
function move(matrix: Matrix, byRows: boolean, from: number): Matrix {
  return { ...matrix, start: matrix.start + from * (byRows ? matrix.stride : 1) };
}

/**
 * Calls `fn` with groups of rows, as they are stored, that are small enough to be bound, and with the
 * element of the array that they start at.
 */
function forRows(
  matrix: Matrix,
  rows: number,
  fn: (part: Matrix, from: number, count: number, first: number) => void,
): void {
  const { array, stride } = matrix;
  const column = matrix.start % stride;
  for (const [from, count] of partsOf(rows, stride, array)) {
    const first = matrix.start - column + from * stride;
    const part = array.part(first, [count, stride]);
    fn({ ...matrix, array: part, start: column }, from, count, first);
    array.setPart(first, part);
  }
}

function isTooLarge(array: GpuArray): boolean {
  return array.bytes > array.device.bindingLimit;
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
function* itemsOf({ outer, inner, starts }: Batch): Iterable<{ a: number; b: number }> {
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
