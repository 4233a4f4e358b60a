import { ArgumentError } from '../../errors.js';
import type { Shape } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { resolveDim } from '../kernels/dims.js';
import { reshaped } from '../kernels/reshaped.js';
import { planCopy, stridedCopy } from '../kernels/stridedCopy.js';
import { contiguous } from '../kernels/strides.js';
import { Op } from '../op.js';

/**
 * Elements moved along some dimensions; those that leave one come in at its other end. Of any dtype.
 *
 *   y[(i + shift) mod size] = x[i]    dx = dy, moved back
 */
export class Roll extends Op {
  readonly name = 'roll';
  private readonly shifts: readonly number[];
  private readonly dims: readonly number[] | null;

  /**
   * @param shifts  Negative towards the front.
   * @param dims    One for each shift, one after the other. Default: through the flattened array.
   */
  constructor(shifts: number | readonly number[], dims?: number | readonly number[]) {
    super();
    this.shifts = [shifts].flat();
    this.dims = dims === undefined ? null : [dims].flat();
  }

  forward(x: GpuArray): GpuArray {
    const { shifts, dims } = this;
    const count = dims?.length ?? 1;
    if (shifts.length !== count)
      throw new ArgumentError(this.name, `a shift for each of ${count} dims`, shifts.length);
    if (!shifts.every(Number.isInteger))
      throw new ArgumentError(this.name, 'shifts as whole numbers', `[${shifts.join(', ')}]`);
    return this.rolled(x, 1);
  }

  backward(dy: GpuArray): GpuArray {
    return this.rolled(dy, -1);
  }

  private rolled(x: GpuArray, sign: 1 | -1): GpuArray {
    const shape: Shape = this.dims ? x.shape : [x.numel];
    const dims = (this.dims ?? [0]).map((dim) => resolveDim(this.name, dim, shape.length));
    let y = x.share(shape);
    dims.forEach((dim, i) => {
      const before = y;
      y = rollDim(before, sign * this.shifts[i]!, dim);
      before.release();
    });
    return reshaped(y, x.shape);
  }
}

function rollDim(x: GpuArray, shift: number, dim: number): GpuArray {
  const size = x.shape[dim]!;
  const { strides } = contiguous(x.shape);
  const y = GpuArray.empty(x.shape, x.dtype, x.device);
  const moved = size === 0 ? 0 : ((shift % size) + size) % size; // elements that come in again
  const parts = [
    { from: 0, to: moved, length: size - moved },
    { from: size - moved, to: 0, length: moved },
  ];
  for (const { from, to, length } of parts) {
    const shape = x.shape.map((whole, d) => (d === dim ? length : whole));
    const at = (place: number) => ({ strides, offset: place * strides[dim]! });
    stridedCopy(planCopy(shape, { from: at(from), to: at(to) }), x, y);
  }
  return y;
}
