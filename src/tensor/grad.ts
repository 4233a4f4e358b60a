import { backward } from '../autograd/tape.js';
import type { Variable } from '../autograd/variable.js';
import { AutogradError } from '../errors.js';
import type { GpuArray } from '../gpu/gpuArray.js';
import { Tensor, type TensorBackwardOptions } from './tensor.js';

export interface GradOptions extends TensorBackwardOptions {
  /** Null for an input that the output was not computed from, instead of an error. Default false. */
  allowUnused?: boolean;
}

/**
 * The gradients of `output` with respect to `inputs`, leaves or hidden tensors, as new tensors;
 * `grad` of no tensor changes. Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.grad.html
 *
 * @throws AutogradError as `backward()` does, for an input that does not require grad, and for one
 *   that the output was not computed from.
 *
 * @example
 * const [dx] = sg.autograd.grad(x.square().sum(), [x]);
 */
export function grad(
  output: Tensor,
  inputs: readonly Tensor[],
  { gradient, retainGraph, allowUnused = false }: GradOptions = {},
): (Tensor | null)[] {
  inputs.forEach((x, i) => {
    if (!x.requiresGrad) {
      throw new AutogradError(`grad: expected input ${i} to require grad, got one that does not.`);
    }
  });
  const into = new Map<Variable, GpuArray | null>(inputs.map((x) => [x, null]));
  try {
    backward(output, { gradient: gradient?.array, retainGraph, into });
    const unused = inputs.findIndex((x) => !into.get(x));
    if (unused >= 0 && !allowUnused) {
      throw new AutogradError(
        `grad: expected input ${unused} to be used for the output, got one that was not. ` +
          'Pass { allowUnused: true } to get null for it.',
      );
    }
  } catch (error) {
    for (const array of into.values()) array?.release();
    throw error;
  }
  // A gradient may share memory with others, such as that of a sum.
  const owned = new Map([...into].map(([x, array]) => [x, array && new Tensor(array)]));
  return inputs.map((x) => owned.get(x)!);
}
