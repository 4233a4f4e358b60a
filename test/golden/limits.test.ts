/**
 * The cases of ops.test.ts as on an adapter whose bindings hold less than the tensors: these are
 * worked on in parts, with the same results. Only what must be in one binding sets the limit.
 */
import { describe, test } from 'vitest';
import { unlessAll } from '../support/extent.js';
import { withBindingLimit } from '../support/limits.js';
import type { Case, Values } from './cases.js';
import { check, families } from './check.js';

const LEAST = 256; // bytes, and of what a limit is a multiple: a binding may start there
const PARTS = 8; // of the largest tensor, where that is larger

/** For ops that need a row, a plane or a box in one binding: how many last dimensions that is, */
const DIMS_IN_ONE: Readonly<Record<string, number>> = {
  adaptiveAvgPool2d: 2,
  adaptiveMaxPool2d: 2,
  avgPool2d: 2,
  maxPool2d: 2,
  BatchNorm2d: 2,
  pad: 3,
  crossEntropy: 1,
  cumsum: 1,
  dot: 1,
  logSoftmax: 1,
  matmul: 1,
  softmax: 1,
  sort: 1,
  topk: 1,
};

/** and how often in one array. */
const TIMES: Readonly<Record<string, number>> = { sort: 2, topk: 2 };

/** Convolutions need the windows of a sample's row and all weights in one array: most of them */
const CONVOLUTION = 3072;

/** and these: bytes by the start of the title. */
const LARGER_CONVOLUTIONS: Readonly<Record<string, number>> = {
  'conv2d (2, 3, 9, 10) (4, 3, 3, 3) (4), dilation 2': 5120,
  'conv2d (2, 4, 13, 12)': 5120,
  'convTranspose2d (1, 6, 5, 4)': 5120,
  'conv2d (1, 8, 13, 13)': 7168,
  'conv2d (2, 6, 14, 14)': 19712,
  'conv2d (1, 3, 39, 39)': 21504,
  'conv2d (1, 1, 28, 28)': 18944,
  'conv2d (1, 17, 7, 5)': 34048,
};

/** Batch normalization needs the moments of all parts of all channels: bytes. */
const MOMENTS = 512;

describe.each(families)('$file, PyTorch $torch', ({ cases }) => {
  test.each(unlessAll(oneOfEachCut(cases), cases))('$title', (given) =>
    withBindingLimit(limitOf(given), () => check(given)),
  );
});

/**
 * Of the cases of an op with the same options, those that differ in which tensors are larger than
 * the limit; where nothing is, ops.test.ts has the same.
 */
function oneOfEachCut(cases: readonly Case[]): Case[] {
  const first = new Map<string, Case>();
  for (const given of cases) {
    const { op, options, inputs, outputs } = given;
    const limit = limitOf(given);
    const cut = [...Object.values(inputs), ...outputs].map(({ data }) => data.byteLength > limit);
    // A convolution is cut into images and rows whatever its options, and has arrays of its own.
    const isConvolution = op.startsWith('conv');
    const named = isConvolution ? [] : Object.keys(options).sort();
    const key = JSON.stringify([op, named, cut]);
    if ((isConvolution || cut.includes(true)) && !first.has(key)) first.set(key, given);
  }
  return [...first.values()];
}

function limitOf({ title, op, inputs, outputs }: Case): number {
  const tensors = [...Object.values(inputs), ...outputs];
  const bytes = Math.max(
    LEAST,
    largest(tensors, Infinity) / PARTS,
    op in DIMS_IN_ONE ? largest(tensors, DIMS_IN_ONE[op]!) * (TIMES[op] ?? 1) : 0,
    op.startsWith('conv') ? convolutionLimit(title) : 0,
    op.startsWith('BatchNorm') ? MOMENTS : 0,
  );
  return Math.ceil(bytes / LEAST) * LEAST;
}

/** Bytes of the last `dims` dimensions of the tensor in which they are most. */
function largest(tensors: readonly Values[], dims: number): number {
  return Math.max(
    ...tensors.map(({ shape }) => 4 * shape.slice(-dims).reduce((count, size) => count * size, 1)),
  );
}

function convolutionLimit(title: string): number {
  const start = Object.keys(LARGER_CONVOLUTIONS).find((start) => title.startsWith(start));
  return start ? LARGER_CONVOLUTIONS[start]! : CONVOLUTION;
}
