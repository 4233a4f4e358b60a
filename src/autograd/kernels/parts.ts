import { OutOfMemoryError } from '../../errors.js';
import { BYTES_PER_ELEMENT } from '../../gpu/dtype.js';
import { BINDING_ALIGNMENT, GpuArray } from '../../gpu/gpuArray.js';
import { planCopy, stridedCopy } from './stridedCopy.js';
import type { Layout } from './strides.js';

/**
 * Groups of `rows` rows of `rowSize` elements that one binding can hold, as [first, count]. They
 * start where a binding may, wherever that is possible, and at a multiple of 4.
 *
 * @throws OutOfMemoryError if not even one row fits.
 */
export function partsOf(rows: number, rowSize: number, array: GpuArray): [number, number][] {
  const { device } = array;
  const rowBytes = rowSize * BYTES_PER_ELEMENT[array.dtype];
  const most = mostRows(device.bindingLimit, [rowBytes]);
  if (most === 0) refuseRow(device.bindingLimit, rowBytes);
  return groupsOf(rows, most);
}

/** The same, but one row after the other where they are larger than a binding. */
export function partsOrRows(rows: number, rowSize: number, array: GpuArray): [number, number][] {
  const rowBytes = rowSize * BYTES_PER_ELEMENT[array.dtype];
  return rowBytes > array.device.bindingLimit ? groupsOf(rows, 1) : partsOf(rows, rowSize, array);
}

/** True unless one of the arrays is larger than a binding. */
export function fitBindings(arrays: readonly GpuArray[]): boolean {
  return arrays.every(({ bytes, device }) => bytes <= device.bindingLimit);
}

/** How arrays are divided whose rows a kernel takes one by one: each of them is (outer, size, inner). */
export interface RowDims {
  outer: number;
  /** Elements from one of a row to the next; those side by side are of as many rows. Default 1. */
  inner?: number;
  /** Bytes that a row takes in an array of the kernel's own, if more than in those given. Default 0. */
  scratch?: number;
}

/** Some of the rows: a part of each array, (outer, size, inner) with a size of its own. */
export interface RowPart {
  outer: number;
  inner: number;
  inputs: GpuArray[];
  outputs: GpuArray[];
}

/**
 * Calls `work` with all rows of the arrays, or with one part after the other where an array is larger
 * than a binding. What all rows share is not among the arrays.
 *
 * @throws OutOfMemoryError if not even one row fits.
 */
export function inParts(
  { outer, inner = 1, scratch = 0 }: RowDims,
  inputs: readonly GpuArray[],
  outputs: readonly GpuArray[],
  work: (part: RowPart) => void,
): void {
  const arrays = [...inputs, ...outputs];
  const limit = arrays[0]!.device.bindingLimit;
  if (fitBindings(arrays) && outer * inner * scratch <= limit) {
    work({ outer, inner, inputs: [...inputs], outputs: [...outputs] });
    return;
  }
  const slabs = arrays.map((array) => array.numel / outer);
  const bytes = [
    ...arrays.map(({ dtype }, i) => slabs[i]! * BYTES_PER_ELEMENT[dtype]),
    scratch * inner,
  ];
  const most = mostRows(limit, bytes);
  const run = (part: Omit<RowPart, 'inputs' | 'outputs'>, blocks: (i: number) => Block): void => {
    const taken = arrays.map((array, i) => takeBlock(array, blocks(i)));
    work({
      ...part,
      inputs: taken.slice(0, inputs.length),
      outputs: taken.slice(inputs.length),
    });
    taken.forEach((array, i) => {
      if (i < inputs.length) array.release();
      else giveBlock(array, arrays[i]!, blocks(i));
    });
  };
  if (most > 0) {
    for (const [first, count] of groupsOf(outer, most)) {
      run({ outer: count, inner }, (i) => ({
        offset: first * slabs[i]!,
        size: 1,
        step: 0,
        length: count * slabs[i]!,
      }));
    }
    return;
  }
  // Columns of one slab after the other, which are not contiguous.
  const columns = mostRows(
    limit,
    bytes.map((slab) => slab / inner),
  );
  if (columns === 0) refuseRow(limit, Math.max(...bytes) / inner);
  for (let slab = 0; slab < outer; slab++) {
    for (const [first, count] of groupsOf(inner, columns)) {
      run({ outer: 1, inner: count }, (i) => ({
        offset: slab * slabs[i]! + first,
        size: slabs[i]! / inner,
        step: inner,
        length: count,
      }));
    }
  }
}

/** Arrays of f32, i32 or u32 one after the other. Takes them over. */
export function joined(pieces: readonly GpuArray[]): GpuArray {
  const [piece] = pieces as [GpuArray];
  if (pieces.length === 1) return piece;
  const count = pieces.reduce((sum, { numel }) => sum + numel, 0);
  const all = GpuArray.empty([count], piece.dtype, piece.device);
  let first = 0;
  for (const piece of pieces) {
    all.setPart(first, piece);
    first += piece.numel;
  }
  return all;
}

/** `size` pieces of `length` elements in an array, `step` from the start of one to that of the next. */
export interface Block {
  offset: number;
  size: number;
  step: number;
  length: number;
}

/** A block as an array of its own: the same memory where that can be bound, else a copy. */
export function takeBlock(array: GpuArray, block: Block): GpuArray {
  const { offset, size, length } = block;
  if (isInWords(array, block)) return array.part(offset, [length]);
  const copy = GpuArray.empty([size * length], array.dtype, array.device);
  stridedCopy(planCopy([size, length], { from: layoutOf(block) }), array, copy);
  return copy;
}

/** Writes what `takeBlock` gave back, where it was a copy; and releases it. */
export function giveBlock(taken: GpuArray, array: GpuArray, block: Block): void {
  const { offset, size, length } = block;
  if (isInWords(array, block)) {
    array.setPart(offset, taken);
    return;
  }
  stridedCopy(planCopy([size, length], { to: layoutOf(block) }), taken, array);
  taken.release();
}

/** True for what a copy of buffers, which is one of words, can move. */
function isInWords({ dtype }: GpuArray, { offset, size, length }: Block): boolean {
  return size === 1 && (dtype !== 'f16' || (offset % 2 === 0 && length % 2 === 0));
}

function layoutOf({ offset, step }: Block): Layout {
  return { strides: [step, 1], offset };
}

/** Rows of so many bytes that a binding holds, of the largest; at best such that parts may be bound. */
function mostRows(limit: number, rowBytes: readonly number[]): number {
  const fitting = Math.floor(limit / Math.max(...rowBytes));
  const aligned = rowBytes.map(
    (bytes) => BINDING_ALIGNMENT / commonDivisor(BINDING_ALIGNMENT, bytes),
  );
  const step = Math.max(4, ...aligned); // they are powers of 2
  return Math.floor(fitting / step) * step || fitting;
}

function groupsOf(rows: number, most: number): [number, number][] {
  const groups: [number, number][] = [];
  for (let first = 0; first < rows; first += most)
    groups.push([first, Math.min(most, rows - first)]);
  return groups;
}

function refuseRow(limit: number, rowBytes: number): never {
  throw new OutOfMemoryError(
    `expected rows of at most ${limit} bytes, which this adapter can bind, got rows of ${rowBytes}. Use smaller tensors.`,
  );
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
