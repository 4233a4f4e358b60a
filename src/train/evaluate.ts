import { noGrad } from '../autograd/scope.js';
import type { DataLoader } from '../data/dataLoader.js';
import { ArgumentError } from '../errors.js';
import type { Shape } from '../gpu/dtype.js';
import { enterEvalMode } from '../nn/evalMode.js';
import { CrossEntropyLoss, type Module, type Regularizer } from '../nn/index.js';
import type { Tensor } from '../tensor/tensor.js';
import { Confusions } from './counts.js';
import { Counters, type Metric } from './metric.js';
import type { ClassificationReport } from './report.js';
import { means, Tally } from './tally.js';

export interface EvaluateOptions {
  /** Whether to give a `report`, and what stands for 0 / 0 in it (default 0). Default false. */
  report?: boolean | { zeroDivision?: number };
  /** Counted too. */
  metrics?: readonly Metric[];
  /** Added to the loss. */
  regularizers?: readonly Regularizer[];
}

export interface Evaluation {
  /** Mean over the examples, with the penalties of regularizers. */
  loss: number;
  /** Share predicted right, from 0 to 1. */
  accuracy: number;
  /** The figures of the metrics, by name, if there are any. */
  metrics?: Readonly<Record<string, number>>;
  /** Confusion matrix, and precision, recall and F1 of the classes, if asked for. */
  report?: ClassificationReport;
}

/**
 * Loss and accuracy of a classifier, in eval mode; its mode is then what it was.
 *
 * @param loader   Of batches `[x, target]`.
 * @param loss     Called with the logits (N, C) and the target. Default CrossEntropyLoss.
 * @throws ArgumentError for a loader without batches.
 *
 * @example
 * const { report } = await sg.train.evaluate(model, loader, undefined, { report: true });
 * report.macro.f1;
 * report.classes[3].recall;
 */
export async function evaluate(
  model: Module,
  loader: DataLoader,
  loss: Module = new CrossEntropyLoss(),
  { report = false, metrics = [], regularizers = [] }: EvaluateOptions = {},
): Promise<Evaluation> {
  if (loader.length === 0) {
    throw new ArgumentError('evaluate', 'a loader of one batch or more', 'an empty one');
  }
  const tally = new Tally();
  const counters = new Counters(metrics);
  const confusions = report ? new Confusions() : null;
  try {
    await inEvalMode(model, loader, (x, target) => {
      const logits = assess({ model, loss, regularizers, tally, counters }, x, target);
      confusions?.add(logits, target);
    });
    const result: Evaluation = means(await tally.read());
    const figures = await counters.read();
    if (figures) result.metrics = figures;
    if (confusions)
      result.report = await confusions.report(typeof report === 'object' ? report : {});
    return result;
  } finally {
    for (const counter of [tally, counters, confusions]) counter?.dispose();
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

/** What an evaluation does with a batch. */
export interface Assessment {
  model: Module;
  loss: Module;
  regularizers: readonly Regularizer[];
  tally: Tally;
  counters: Counters;
}

/** Forward and loss of one batch, counted. @returns the logits. */
export function assess(
  { model, loss, regularizers, tally, counters }: Assessment,
  x: Tensor,
  target: Tensor,
): Tensor {
  const logits = model.forward(x);
  tally.add(withPenalty(loss.forward(logits, target), regularizers, model), logits, target);
  counters.add(logits, target);
  return logits;
}

/** The loss with the penalties of regularizers. */
export function withPenalty(
  loss: Tensor,
  regularizers: readonly Regularizer[],
  model: Module,
): Tensor {
  return regularizers.reduce((sum, regularizer) => sum.add(regularizer.penalty(model)), loss);
}

/** Calls `fn` for each batch, without gradients. */
async function inEvalMode(
  model: Module,
  loader: DataLoader,
  fn: (x: Tensor, target: Tensor) => void,
): Promise<void> {
  const leave = enterEvalMode(model.modules());
  try {
    for await (const [x, target] of loader) noGrad(() => fn(x!, target!));
  } finally {
    leave();
  }
}
