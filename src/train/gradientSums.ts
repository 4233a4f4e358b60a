import { addInPlace } from '../autograd/kernels/accumulate.js';
import { fill } from '../autograd/kernels/fill.js';
import { GpuArray } from '../gpu/gpuArray.js';
import type { Tensor } from '../tensor/tensor.js';

/**
 * Gradients added up over batches, in memory that stays the same: so each batch, and the update from
 * all of them, can be captured.
 */
export class GradientSums {
  private readonly sums: Map<Tensor, GpuArray>;
  /** Those that had a gradient. */
  private readonly met = new Set<Tensor>();

  constructor(parameters: readonly Tensor[]) {
    const trained = parameters.filter(({ requiresGrad }) => requiresGrad);
    this.sums = new Map(
      trained.map((parameter) => {
        const { shape, dtype, array } = parameter;
        return [parameter, fill(GpuArray.empty(shape, dtype, array.device), 0)];
      }),
    );
  }

  /** Adds the parameters' gradients. */
  add(): void {
    for (const [parameter, sum] of this.sums) {
      if (!parameter.gradArray) continue;
      addInPlace(sum, parameter.gradArray.share());
      this.met.add(parameter);
    }
  }

  /** Hands the sums to the parameters as their gradients, and starts anew. */
  take(): void {
    for (const [parameter, sum] of this.sums) {
      parameter.gradArray = this.met.has(parameter) ? sum.copy() : null;
      fill(sum, 0);
    }
  }

  dispose(): void {
    for (const sum of this.sums.values()) sum.release();
    this.sums.clear();
  }
}
