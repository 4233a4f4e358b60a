import { noGrad } from '../autograd/scope.js';
import type { DataLoader } from '../data/dataLoader.js';
import { ArgumentError } from '../errors.js';
import type { Shape } from '../gpu/dtype.js';
import { CrossEntropyLoss, type Module } from '../nn/index.js';
import type { Tensor } from '../tensor/tensor.js';
import { means, Tally } from './tally.js';

export interface Evaluation {
  /** Mean over the examples. */
  loss: number;
  /** Share predicted right, from 0 to 1. */
  accuracy: number;
}

/**
 * Loss and accuracy of a classifier, in eval mode; its mode is then what it was.
 *
 * @param loader  Of batches `[x, target]`.
 * @param loss    Called with the logits (N, C) and the target. Default CrossEntropyLoss.
 * @throws ArgumentError for a loader without batches.
 */
export async function evaluate(
  model: Module,
  loader: DataLoader,
  loss: Module = new CrossEntropyLoss(),
): Promise<Evaluation> {
  if (loader.length === 0) {
    throw new ArgumentError('evaluate', 'a loader of one batch or more', 'an empty one');
  }
  const tally = new Tally();
  try {
    await inEvalMode(model, loader, (x, target) => assess(model, loss, x, target, tally));
    return means(await tally.read());
  } finally {
    tally.dispose();
  }
}

/**
 * Probabilities of the classes for every example of `loader`, in its order, in eval mode.
 * @returns (examples, C), row-major.
 */
export async function predict(
  model: Module,
  loader: DataLoader,
): Promise<{ shape: Shape; data: Float32Array }> {
  const batches: Promise<Float32Array>[] = [];
  let classes = 0;
  await inEvalMode(model, loader, (x) => {
    const probabilities = model.forward(x).softmax(1);
    classes = probabilities.shape[1]!;
    batches.push(probabilities.data() as Promise<Float32Array>);
  });
  const parts = await Promise.all(batches);
  const data = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    data.set(part, at);
    at += part.length;
  }
  return { shape: [classes ? data.length / classes : 0, classes], data };
}

/** Forward and loss of one batch, added to `tally` if there is one. */
export function assess(
  model: Module,
  loss: Module,
  x: Tensor,
  target: Tensor,
  tally: Tally | null,
): void {
  const logits = model.forward(x);
  const value = loss.forward(logits, target);
  tally?.add(value, logits, target);
}

/** Calls `fn` for each batch, without gradients. */
async function inEvalMode(
  model: Module,
  loader: DataLoader,
  fn: (x: Tensor, target: Tensor) => void,
): Promise<void> {
  const modes = model.modules().map((module) => [module, module.training] as const);
  model.eval();
  try {
    for await (const [x, target] of loader) noGrad(() => fn(x!, target!));
  } finally {
    for (const [module, training] of modes) module.training = training;
  }
}
