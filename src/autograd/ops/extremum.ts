import { ArgumentError } from '../../errors.js';
import type { GpuArray } from '../../gpu/gpuArray.js';
import { reduceDims } from '../kernels/reduce.js';
import { markExtremes, ratioRows } from '../kernels/reduceBackward.js';
import { Reduction, type ReduceOpOptions } from './reduce.js';

/**
 * Largest or smallest element over dimensions; NaN if there is one.
 *
 *   y = max x    dx = dy / (how many equal y) where x = y, else 0
 *
 * Ties share the gradient evenly, as PyTorch's amax and amin do; so do NaN.
 */
export class Extremum extends Reduction {
  private x!: GpuArray;
  private y!: GpuArray;

  constructor(
    readonly name: 'max' | 'min',
    options: ReduceOpOptions = {},
  ) {
    super(options);
  }

  forward(x: GpuArray): GpuArray {
    checkNotEmpty(this.name, this.resolve(x));
    const y = this.finish(reduceDims(x, this.dims, { kind: this.name }));
    if (this.recording) {
      this.x = this.save(x);
      this.y = this.save(y);
    }
    return y;
  }

  backward(dy: GpuArray): GpuArray {
    const [y, dyKept] = [this.keepdim(this.y), this.keepdim(dy)];
    const dx = shareOfExtremes(dyKept, this.x, y, this.dims);
    y.release();
    dyKept.release();
    return dx;
  }
}

/** dy shared evenly among the elements of `x` that are the extreme `y`, or of that size. */
export function shareOfExtremes(
  dy: GpuArray,
  x: GpuArray,
  y: GpuArray,
  dims: readonly number[],
  ofSize = false,
): GpuArray {
  const hits = markExtremes(x, y, ofSize);
  const ties = reduceDims(hits, dims, { of: 'abs', dtype: 'f32' });
  const dx = ratioRows(dy, hits, ties);
  hits.release();
  ties.release();
  return dx;
}

/** @throws ArgumentError unless there are elements to reduce. */
export function checkNotEmpty(op: string, count: number): void {
  if (count > 0) return;
  throw new ArgumentError(
    op,
    'at least one element to choose from',
    'none',
    'Leave out a dimension of size 0, or check numel first.',
  );
}
