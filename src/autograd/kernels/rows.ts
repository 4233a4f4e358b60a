import type { Device } from '../../gpu/device.js';
import { WORKGROUP } from '../../gpu/launch.js';

/** Lanes of a workgroup that shares one row, and the length of rows from which that pays. */
const WIDE = {
  software: { lanes: 4, from: 1024 },
  hardware: { lanes: 128, from: 64 },
};

/** Into how many parts rows are cut: for so many threads, each with `least` to `most` elements. */
const PARTS = {
  software: { threads: 1024, least: 1024, most: 4096 },
  hardware: { threads: 2 ** 18, least: 16, most: 4096 },
};

/** The flag WIDE of shaders/rows.wgsl, and the size of a launch. */
export interface RowLaunch {
  wide: boolean;
  constants: { WORKGROUP: number };
  threads: number;
}

/**
 * How a kernel that includes shaders/rows.wgsl is launched on `rows` rows of `size` elements: one
 * thread for each row, or one workgroup where rows are long.
 *
 * @param wide  A workgroup for each row whatever its length, or for none.
 */
export function rowLaunch(
  device: Device,
  rows: number,
  size: number,
  wide = size >= tuning(WIDE, device).from,
): RowLaunch {
  const { lanes } = tuning(WIDE, device);
  return wide
    ? { wide, constants: { WORKGROUP: lanes }, threads: rows * lanes }
    : { wide, constants: { WORKGROUP }, threads: rows };
}

/**
 * The same for a sum over rows that are few and long: each is cut into `parts` of `partSize`
 * elements (the last may have fewer), each of them a row of the launch. The cut, and with it the
 * order of the additions, depends on the sizes and the kind of adapter alone.
 */
export function partLaunch(
  device: Device,
  rows: number,
  size: number,
  wide = size >= tuning(WIDE, device).from,
): RowLaunch & { parts: number; partSize: number } {
  const lanes = wide ? tuning(WIDE, device).lanes : 1;
  const { threads, least, most } = tuning(PARTS, device);
  const wanted = Math.min(Math.ceil(threads / (rows * lanes)), Math.floor(size / (least * lanes)));
  const partSize = Math.ceil(size / Math.max(wanted, Math.ceil(size / (most * lanes)), 1)) || 1;
  const parts = Math.ceil(size / partSize) || 1; // also of no elements, whose sum is 0
  return { parts, partSize, ...rowLaunch(device, rows * parts, partSize, wide) };
}

function tuning<T>(table: { software: T; hardware: T }, device: Device): T {
  return table[device.info.software ? 'software' : 'hardware'];
}
