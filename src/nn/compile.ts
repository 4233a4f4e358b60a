import { noGrad, tidy } from '../autograd/scope.js';
import { currentDevice } from '../gpu/device.js';
import type { Shape } from '../gpu/dtype.js';
import { zeros } from '../tensor/creation.js';
import type { Tensor } from '../tensor/tensor.js';

/** What a dry run needs of a Module. */
export interface Runnable {
  training: boolean;
  forward(...inputs: Tensor[]): Tensor;
}

export interface CompileOptions {
  /** Told how many of the pipelines are ready. */
  onProgress?: (done: number, total: number) => void;
}

/**
 * Runs a model forward, and backward if it is training: to be called where launches dispatch
 * nothing, within `device.dryRun` or `device.compile`.
 */
export function passThrough(model: Runnable, inputShape: Shape): void {
  if (!model.training) {
    noGrad(() => void model.forward(zeros(inputShape)));
    return;
  }
  tidy(() => {
    const y = model.forward(zeros(inputShape));
    if (y.requiresGrad) y.backward({ gradient: zeros(y.shape, { dtype: y.dtype }) });
  });
}

/** Compiles what a model needs, many pipelines at once. @returns how many were compiled. */
export async function compile(
  model: Runnable,
  inputShape: Shape,
  { onProgress }: CompileOptions = {},
): Promise<number> {
  return currentDevice().compile(() => passThrough(model, inputShape), onProgress);
}
