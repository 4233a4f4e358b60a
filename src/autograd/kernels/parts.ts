import { OutOfMemoryError } from '../../errors.js';
import { BYTES_PER_ELEMENT } from '../../gpu/dtype.js';
import { BINDING_ALIGNMENT, type GpuArray } from '../../gpu/gpuArray.js';

/**
 * Groups of `rows` rows of `rowSize` elements that one binding can hold, as [first, count]. They
 * start where a binding may, wherever that is possible, and at a multiple of 4.
 *
 * @throws OutOfMemoryError if not even one row fits.
 */
export function partsOf(rows: number, rowSize: number, array: GpuArray): [number, number][] {
  const rowBytes = rowSize * BYTES_PER_ELEMENT[array.dtype];
  const fitting = Math.floor(array.device.bindingLimit / rowBytes);
  if (fitting === 0) {
    throw new OutOfMemoryError(
      `expected rows of at most ${array.device.bindingLimit} bytes, which this adapter can bind, got rows of ${rowBytes}. Use smaller tensors.`,
    );
  }
  const aligned = Math.max(
    4,
    BINDING_ALIGNMENT / greatestCommonDivisor(BINDING_ALIGNMENT, rowBytes),
  );
  const most = Math.floor(fitting / aligned) * aligned || fitting;
  const parts: [number, number][] = [];
  for (let first = 0; first < rows; first += most)
    parts.push([first, Math.min(most, rows - first)]);
  return parts;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
