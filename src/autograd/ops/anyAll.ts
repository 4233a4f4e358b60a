import type { GpuArray } from '../../gpu/gpuArray.js';
import { reduceDims } from '../kernels/reduce.js';
import type { Gradients } from '../op.js';
import { Compare } from './compare.js';
import { Reduction, type ReduceOpOptions } from './reduce.js';

/**
 * Whether any or all of the elements along dimensions are not 0: 1 or 0 of i32, without gradient.
 * NaN is not 0. Of nothing, any is 0 and all is 1.
 */
export class AnyAll extends Reduction {
  override readonly differentiable = false;

  constructor(
    readonly name: 'any' | 'all',
    options: ReduceOpOptions = {},
  ) {
    super(options);
  }

  forward(x: GpuArray): GpuArray {
    this.resolve(x);
    const isSet = new Compare('ne', 0).forward(x);
    const y = reduceDims(isSet, this.dims, { kind: this.name === 'any' ? 'max' : 'prod' });
    isSet.release();
    return this.finish(y);
  }

  backward(): Gradients {
    return null;
  }
}
