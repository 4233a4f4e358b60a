import { limitInPlace, scaleToNorm } from '../autograd/kernels/clip.js';
import { fill } from '../autograd/kernels/fill.js';
import { reduceDims } from '../autograd/kernels/reduce.js';
import { normOptions } from '../autograd/ops/norm.js';
import { Step } from '../autograd/step.js';
import { ArgumentError } from '../errors.js';
import { GpuArray } from '../gpu/gpuArray.js';
import { Tensor } from '../tensor/tensor.js';

/**
 * Limits to gradients, between `loss.backward()` and `optimizer.step()`. All of it is enqueued:
 * nothing waits for the GPU.
 */

export interface ClipGradNormOptions {
  /** 2 (default) the Euclidean length, 1 the sum of sizes, Infinity the largest size. */
  normType?: number;
}

/**
 * Scales the gradients of all parameters by one factor, in place, so that their norm, taken
 * together as one vector, is at most `maxNorm`:
 *
 *   grad *= min(1, maxNorm / (norm + 1e-6))
 *
 * Parameters without gradient are passed over. An infinite or NaN norm makes NaN of gradients, as
 * in PyTorch.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html
 *
 * @returns the norm before, () of f32, 0 where there is no gradient. It lives until the next
 *   training step begins, as the loss does; `retain()` keeps it.
 * @throws ArgumentError for a maxNorm below 0 or a normType that is not 1, 2 or Infinity.
 *
 * @example
 * loss.backward();
 * const norm = sg.nn.utils.clipGradNorm_(model.parameters(), 1);
 * optimizer.step();
 */
export function clipGradNorm_(
  parameters: Tensor | Iterable<Tensor>,
  maxNorm: number,
  { normType = 2 }: ClipGradNormOptions = {},
): Tensor {
  checkLimit('clipGradNorm_', 'maxNorm', maxNorm);
  const { root, ...parts } = normOptions('clipGradNorm_', normType);
  const grads = gradientsOf(parameters);
  const total = fill(GpuArray.empty([], 'f32', grads[0]?.device), 0);
  for (const grad of grads) {
    const dims = grad.shape.map((_, d) => d);
    reduceDims(grad, dims, { ...parts, dtype: 'f32', onto: total });
  }
  const norm = reduceDims(total, [], { root });
  total.release();
  for (const grad of grads) scaleToNorm(grad, norm, maxNorm);

  const result = new Tensor(norm);
  const step = new Step(); // that has ended: nobody else could free a norm that is not used
  step.add(result);
  step.end();
  return result;
}

/**
 * Limits every element of the gradients to [-value, value], in place. NaN stays NaN.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_value_.html
 *
 * @throws ArgumentError for a value below 0.
 */
export function clipGradValue_(parameters: Tensor | Iterable<Tensor>, value: number): void {
  checkLimit('clipGradValue_', 'value', value);
  for (const grad of gradientsOf(parameters)) limitInPlace(grad, value);
}

function gradientsOf(parameters: Tensor | Iterable<Tensor>): GpuArray[] {
  const list = parameters instanceof Tensor ? [parameters] : [...parameters];
  return list.flatMap((parameter) => parameter.gradArray ?? []);
}

function checkLimit(op: string, name: string, limit: number): void {
  if (!(limit >= 0)) throw new ArgumentError(op, `${name} from 0 up`, limit);
}
