import activation from '../../../shaders/activation.wgsl';
import epilogue from '../../../shaders/epilogue.wgsl';
import source from '../../../shaders/matmul.wgsl';
import matrixSource from '../../../shaders/matmulSubgroupMatrix.wgsl';
import sumSource from '../../../shaders/matmulSum.wgsl';
import threadsSource from '../../../shaders/threads.wgsl';
import type { Device } from '../../gpu/device.js';
import type { DType } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import type { SubgroupMatrix } from '../../gpu/subgroupMatrix.js';
import {
  ACTIVATION_FLAGS,
  activationFlags,
  INCOMING_FLAGS,
  incomingFlags,
  type Activation,
  type Incoming,
} from './activation.js';

const PARAMS = {
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
} as const;

const shader = defineShader({
  name: 'matmul',
  source,
  params: PARAMS,
  flags: [
    ...INCOMING_FLAGS,
    'TILED',
    'SHARED',
    'ROWS_8',
    'ROWS_4',
    'ROWS_1',
    'COLS_16',
    'COLS_32',
    'SHALLOW',
    'SHALLOW_8',
    'A_QUADS',
    'B_QUADS',
    'C_QUADS',
    'TRANSPOSE_A',
    'TRANSPOSE_B',
    'BIAS',
    'ROW_SUMS',
    'TAIL',
    'SPLIT',
    'ADD',
  ],
  includes: { epilogue, activation, threads: threadsSource },
});

const matrixShader = defineShader({
  name: 'matmulSubgroupMatrix',
  source: matrixSource,
  params: PARAMS,
  flags: [
    ...ACTIVATION_FLAGS,
    'HEIGHT_16',
    'HEIGHT_32',
    'WIDTH_16',
    'WIDTH_32',
    'DEPTH_16',
    'DEPTH_32',
    'TRANSPOSE_A',
    'TRANSPOSE_B',
    'BIAS',
    'SPLIT',
  ],
  includes: { epilogue, activation, threads: threadsSource },
});

const sumShader = defineShader({
  name: 'matmulSum',
  source: sumSource,
  params: { count: 'u32', n: 'u32', splits: 'u32', rows: 'u32' },
  flags: [...ACTIVATION_FLAGS, 'BIAS', 'ROW_SUMS', 'QUADS'],
  includes: { epilogue, activation, threads: threadsSource },
});

/**
 * The kernels for a product; see shaders/matmul.wgsl and shaders/matmulSubgroupMatrix.wgsl.
 *
 *   registers   sums of 8x8, 4x8 or 1x8 elements in the registers of a thread
 *   subgroups   the same, and the threads of a quad share what they read
 *   subgroups16, subgroups32   the same with 8x16 and 8x32 elements a thread
 *   shallow     8 rows of A in the registers of a thread, and all there is of K; for a K of 1 to 8
 *   tiled64     tiles of 64x64 in workgroup memory, 8x8 elements a thread
 *   tiled32     tiles of 32x32, 4x4 elements a thread
 *   subgroupMatrix   blocks of 32x32 by the matrices that subgroups multiply, see `subgroupMatrixFor`
 */
export type MatmulVariant =
  | 'registers'
  | 'subgroups'
  | 'subgroups16'
  | 'subgroups32'
  | 'shallow'
  | 'tiled64'
  | 'tiled32'
  | 'subgroupMatrix';

/** A matrix within an array, or as many as a batch has. */
export interface Matrix {
  array: GpuArray;
  /** Stored as its transpose; never so for C. */
  transposed: boolean;
  /** Where it starts, in elements. */
  start: number;
  /** Elements from one row, as it is stored, to the next. */
  stride: number;
}

/** C = f(op(A) op(B) + bias), or with `add` C = f(C + op(A) op(B) + bias). */
export interface Product {
  a: Matrix;
  b: Matrix;
  c: Matrix;
  m: number;
  n: number;
  k: number;
  /** What A comes through: it is dL/dy of an activated y. */
  through: Omit<Incoming, 'array'>;
  bias?: GpuArray;
  activation?: Activation;
  /** (M,), to be filled with the sums of the rows of op(A). */
  rowSums?: GpuArray;
  add?: boolean;
}

/** The products of one launch: so many, and how far A and B move along both dimensions of them. */
export interface BatchWalk {
  batch: number;
  inner: number;
  aOuter: number;
  aInner: number;
  bOuter: number;
  bInner: number;
}

export const ALONE: BatchWalk = { batch: 1, inner: 1, aOuter: 0, aInner: 0, bOuter: 0, bInner: 0 };

/**
 * How an adapter is kept busy. A GPU wants thousands of threads before it wants large blocks, and
 * neighbours in both directions; a CPU wants large blocks on each of its few cores.
 */
const TUNING = {
  software: { workgroup: 8, band: 1, threads: 32, leastSpan: 512 },
  hardware: { workgroup: 64, band: 8, threads: 8192, leastSpan: 64 },
};

const TILED_WORKGROUP = 64;

/** Blocks of C that are computed at once. */
interface Division {
  count: number;
  /** Threads of each. */
  threads: number;
  workgroup: number;
}

/** The same, with what their number depends on. */
interface Blocks extends Division {
  rows: 8 | 4 | 1;
  /** Of one thread in `registers`. */
  cols: 8 | 16 | 32 | 256;
  /** The threads of a quad have their columns in common. */
  shared: boolean;
  band: number;
}

/** A part of the sum over K in each of `splits`. */
interface Sums {
  span: number;
  splits: number;
}

/** Computes a product, or several, in one launch, or in two where long sums over K are split. */
export function multiply(
  product: Product,
  walk: BatchWalk,
  variant: MatmulVariant,
  maySplit = true,
): void {
  const { a, c, m, n, k, bias, activation, rowSums } = product;
  const { device } = a.array;
  const matrix = variant === 'subgroupMatrix' ? matrixFor(product) : undefined;
  const blocks = matrix ? null : blocksOf(variant, product, walk.batch);
  const division = blocks ?? matrixBlocksOf(product, walk.batch);
  const { threads, leastSpan } = tuningOf(device);
  const mostSplits = maySplit ? Math.floor(k / leastSpan) : 1;
  const busy = (division.count || 1) * division.threads;
  const wanted = Math.max(1, Math.min(mostSplits, Math.ceil(threads / busy)));
  const depth = matrix?.k ?? 4;
  const span = depth * Math.ceil(k / depth / wanted);
  const splits = Math.ceil(k / (span || 1)) || 1;
  const run = (part: Product): void => {
    if (matrix) dispatchMatrices(part, walk, division, matrix, { span, splits });
    else dispatch(part, walk, blocks!, { span, splits });
  };
  if (splits === 1) {
    run(product);
    return;
  }
  const parts = GpuArray.empty([splits, walk.batch * m * n], 'f32', device);
  const rowParts = rowSums && GpuArray.empty([splits, m], 'f32', device);
  const partial: Product = {
    ...product,
    c: { ...c, array: parts, start: 0 },
    bias: undefined,
    activation: undefined,
    rowSums: rowParts,
  };
  run(partial);
  const inputs = [parts, bias, rowParts].filter((array) => array !== undefined);
  const inQuads = n % 4 === 0;
  const size = inQuads ? 4 : 1;
  const count = (walk.batch * m * n) / size;
  const rows = rowSums ? m : 0;
  launch(sumShader, 'sum', {
    inputs,
    outputs: rowSums ? [c.array, rowSums] : [c.array],
    params: { count, n: n / size, splits, rows },
    flags: {
      ...activationFlags(activation),
      BIAS: bias !== undefined,
      ROW_SUMS: rowSums !== undefined,
      QUADS: inQuads,
    },
    threads: count + rows,
  });
  for (const array of [parts, rowParts]) array?.release();
}

function tuningOf(device: Device): (typeof TUNING)['software'] {
  return TUNING[device.info.software ? 'software' : 'hardware'];
}

/** How C is divided. */
function blocksOf(wanted: MatmulVariant, { a, m, n, k, rowSums }: Product, batch: number): Blocks {
  const variant = wanted === 'subgroupMatrix' ? 'registers' : wanted;
  const tuning = tuningOf(a.array.device);
  const columns = rowSums ? Math.max(n, 1) : n; // there are sums to write without columns too
  if (variant === 'tiled64' || variant === 'tiled32') {
    const [rows, tile] = variant === 'tiled64' ? ([8, 64] as const) : ([4, 32] as const);
    const count = Math.ceil(m / tile) * Math.ceil(columns / tile) * batch;
    const threads = TILED_WORKGROUP;
    return { rows, cols: 8, shared: false, count, threads, band: 1, workgroup: threads };
  }
  const shared = variant !== 'registers' && a.array.device.hasSubgroups;
  const cols = COLS[able(variant, k) ? variant : 'subgroups'];
  const band = shared ? Math.max(QUAD, tuning.band) : tuning.band;
  const blocks = (rows: number): number =>
    Math.ceil(m / (rows * band)) * band * Math.ceil(columns / cols) * batch;
  // The kernel for one row reads it as one piece.
  const one = m === 1 && !a.transposed && cols === 8;
  const rows = one ? 1 : cols > 8 || (m > 4 && blocks(8) >= tuning.threads) ? 8 : 4;
  const { workgroup } = tuning;
  return { rows, cols, shared, count: blocks(rows), threads: 1, band, workgroup };
}

/** Of C, in the block of one thread. */
const COLS = {
  registers: 8,
  subgroups: 8,
  subgroups16: 16,
  subgroups32: 32,
  shallow: 256,
} as const;

/** True if the variant takes sums of `k` products; where it does not, small blocks do. */
export function able(variant: MatmulVariant, k: number): boolean {
  if (variant === 'shallow') return k >= 1 && k <= 8;
  const large = variant === 'subgroups16' || variant === 'subgroups32';
  return !large || k % 4 === 0;
}

/** Rows and columns of C that a subgroup computes, and what divides them. */
const MATRIX_BLOCK = 32;
const MATRIX_SIZES: readonly number[] = [8, 16, 32];
/** Invocations of a workgroup with subgroups that multiply matrices, four of them at most. */
const MATRIX_WORKGROUP = 128;
const MOST_SUBGROUPS = 4;

/**
 * The subgroup matrices for a product, the first that fits: their elements are those of A and B, sums
 * are of f32, and they divide C and K without a rest. None if A comes through an activation or its rows
 * are to be summed up, since what they read goes by no register that the kernel sees.
 */
export function subgroupMatrixFor(
  problem: { m: number; n: number; k: number; dtype: DType; activated: boolean; rowSums: boolean },
  device: Device,
): SubgroupMatrix | undefined {
  const { m, n, k, dtype, activated, rowSums } = problem;
  if (activated || rowSums || m * n * k === 0) return undefined;
  return device.info.subgroupMatrices.find(
    (matrix) =>
      matrix.component === dtype &&
      matrix.result === 'f32' &&
      [matrix.m, matrix.n, matrix.k].every((size) => MATRIX_SIZES.includes(size)) &&
      m % matrix.m === 0 &&
      n % matrix.n === 0 &&
      k % matrix.k === 0,
  );
}

/** The same for a part of a product, which may start anywhere. */
function matrixFor({
  a,
  b,
  c,
  m,
  n,
  k,
  through,
  rowSums,
  add,
}: Product): SubgroupMatrix | undefined {
  // Drivers want rows that start at 16 bytes.
  const aligned = [a, b, c].every(({ start, stride }) => start % 8 === 0 && stride % 8 === 0);
  if (add || !aligned) return undefined;
  const { dtype, device } = a.array;
  const activated = through.activated !== undefined;
  return subgroupMatrixFor({ m, n, k, dtype, activated, rowSums: rowSums !== undefined }, device);
}

function matrixBlocksOf({ a, m, n }: Product, batch: number): Division {
  const threads = a.array.device.subgroupMaxSize;
  const count = Math.ceil(m / MATRIX_BLOCK) * Math.ceil(n / MATRIX_BLOCK) * batch;
  return { count, threads, workgroup: threads * subgroupsOf(threads) };
}

/** Those of a workgroup, whose size must be a multiple of the largest subgroup's. */
function subgroupsOf(maxSize: number): number {
  return Math.min(MOST_SUBGROUPS, MATRIX_WORKGROUP / maxSize);
}

function dispatchMatrices(
  product: Product,
  walk: BatchWalk,
  { count, threads, workgroup }: Division,
  matrix: SubgroupMatrix,
  sums: Sums,
): void {
  const { a, b, c, m, n, k, bias, activation } = product;
  launch(matrixShader, 'multiply', {
    inputs: bias ? [a.array, b.array, bias] : [a.array, b.array],
    outputs: [c.array],
    params: paramsOf(product, walk, sums),
    flags: {
      ...activationFlags(activation),
      HEIGHT_16: matrix.m === 16,
      HEIGHT_32: matrix.m === 32,
      WIDTH_16: matrix.n === 16,
      WIDTH_32: matrix.n === 32,
      DEPTH_16: matrix.k === 16,
      DEPTH_32: matrix.k === 32,
      TRANSPOSE_A: a.transposed,
      TRANSPOSE_B: b.transposed,
      BIAS: bias !== undefined,
      SPLIT: sums.splits > 1,
    },
    constants: { WORKGROUP: workgroup, SUBGROUPS: subgroupsOf(threads) },
    threads: count * threads * sums.splits,
    flops: 2 * m * n * k * walk.batch,
  });
}

function paramsOf(
  { a, b, c, m, n, k }: Product,
  walk: BatchWalk,
  sums: Sums,
): { [name in keyof typeof PARAMS]: number } {
  return {
    ...{ m, n, k },
    ...sums,
    ...walk,
    aStart: a.start,
    bStart: b.start,
    cStart: c.start,
    aStride: a.stride,
    bStride: b.stride,
    cStride: c.stride,
  };
}

const QUAD = 4; // threads that share what they read

function dispatch(product: Product, walk: BatchWalk, blocks: Blocks, sums: Sums): void {
  const { a, b, c, m, n, k, through, bias, activation, rowSums, add } = product;
  const inQuads = ({ array, start, stride }: Matrix): boolean =>
    stride % 4 === 0 && start % 4 === 0 && array.numel > 0;
  const tiled = blocks.threads > 1;
  const inputs = [a.array, b.array, through.activated, bias];
  launch(shader, tiled ? 'tiled' : 'registers', {
    inputs: inputs.filter((array) => array !== undefined),
    outputs: rowSums ? [c.array, rowSums] : [c.array],
    params: paramsOf(product, walk, sums),
    flags: {
      ...activationFlags(activation),
      ...incomingFlags({ array: a.array, ...through }),
      TILED: tiled,
      SHARED: blocks.shared,
      [`ROWS_${blocks.rows}` as const]: true,
      COLS_16: blocks.cols === 16 || blocks.cols === 32,
      COLS_32: blocks.cols === 32,
      SHALLOW: blocks.cols === 256,
      SHALLOW_8: blocks.cols === 256 && k > 4,
      A_QUADS: inQuads(a),
      B_QUADS: inQuads(b),
      C_QUADS: inQuads(c) && n % 4 === 0,
      TRANSPOSE_A: a.transposed,
      TRANSPOSE_B: b.transposed,
      BIAS: bias !== undefined,
      ROW_SUMS: rowSums !== undefined,
      TAIL: k % 4 !== 0,
      SPLIT: sums.splits > 1,
      ADD: add,
    },
    constants: { WORKGROUP: blocks.workgroup, BAND: blocks.band },
    threads: blocks.count * blocks.threads * sums.splits,
    flops: 2 * m * n * k * walk.batch,
  });
}
