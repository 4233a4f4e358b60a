import type { Device } from '../../gpu/device.js';
import { WORKGROUP } from '../../gpu/launch.js';

/** Lanes of a workgroup that shares one row, and the length of rows from which that pays. */
const WIDE = {
  software: { lanes: 4, from: 1024 },
  hardware: { lanes: 128, from: 64 },
};

/**
 * How a kernel that includes shaders/rows.wgsl is launched on `rows` rows of `size` elements: one
 * thread for each row, or one workgroup where rows are long.
 *
 * @param always  A workgroup for each row, whatever its length.
 */
export function rowLaunch(
  device: Device,
  rows: number,
  size: number,
  always = false,
): { wide: boolean; constants: { WORKGROUP: number }; threads: number } {
  const { lanes, from } = WIDE[device.info.software ? 'software' : 'hardware'];
  const wide = always || size >= from;
  return wide
    ? { wide, constants: { WORKGROUP: lanes }, threads: rows * lanes }
    : { wide, constants: { WORKGROUP }, threads: rows };
}
