import source from '../../../shaders/matmul.wgsl';
import threads from '../../../shaders/threads.wgsl';
import type { Shape } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
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

/**
 * C = op(A) op(B) + bias, f32: (..., M, K) times (..., K, N) gives (..., M, N). The leading
 * dimensions broadcast; that K is the same is for the caller to check.
 *
 * Where C has too few elements to keep the adapter busy, long sums over K are split into parts
 * that are added up in a second pass; the order is fixed.
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

  const { workgroup, band, threads, leastSpan } =
    TUNING[a.device.info.software ? 'software' : 'hardware'];
  const { outer, inner, starts } = batchOf(lead, a.shape, b.shape);
  const batch = outer.count * inner.count;
  const blocks = (rows: number): number =>
    Math.ceil(m / (rows * band)) * band * Math.ceil(n / COLS) * batch;
  const rows = m === 1 ? 1 : m > 4 && blocks(8) >= threads ? 8 : 4;
  const mostSplits = starts.length > 1 ? 1 : Math.floor(k / leastSpan);
  const wanted = Math.max(1, Math.min(mostSplits, Math.ceil(threads / (blocks(rows) || 1))));
  const span = 4 * Math.ceil(k / 4 / wanted);
  const splits = Math.ceil(k / (span || 1)) || 1;

  const c = GpuArray.empty(splits === 1 ? shape : [splits, ...shape], 'f32', a.device);
  const inQuads = (x: GpuArray, contiguous: number): boolean => contiguous % 4 === 0 && x.numel > 0;
  for (const [i, start] of starts.entries()) {
    launch(shader, 'matmul', {
      inputs: bias ? [a, b, bias] : [a, b],
      outputs: [c],
      params: {
        m,
        n,
        k,
        span,
        splits,
        batch,
        inner: inner.count,
        aStart: start.a * m * k,
        aOuter: outer.a * m * k,
        aInner: inner.a * m * k,
        bStart: start.b * k * n,
        bOuter: outer.b * k * n,
        bInner: inner.b * k * n,
        cStart: i * batch * m * n,
      },
      flags: {
        [`ROWS_${rows}` as const]: true,
        A_QUADS: inQuads(a, transposeA ? m : k),
        B_QUADS: inQuads(b, transposeB ? k : n),
        TRANSPOSE_A: transposeA,
        TRANSPOSE_B: transposeB,
        BIAS: bias !== undefined,
        TAIL: k % 4 !== 0,
      },
      constants: { WORKGROUP: workgroup, BAND: band },
      threads: blocks(rows) * splits,
    });
  }
  if (splits === 1) return c;
  const sum = reduceDims(c, [0]);
  c.release();
  return reshaped(sum, shape);
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

/**
 * The batch as the kernel walks it: two dimensions within a launch, and the matrices that each
 * launch starts at, of which there is more than one for patterns like (2, 1, 2, 1) x (1, 2, 1, 2).
 */
function batchOf(
  lead: Shape,
  aShape: Shape,
  bShape: Shape,
): { outer: BatchDim; inner: BatchDim; starts: { a: number; b: number }[] } {
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
