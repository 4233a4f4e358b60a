/** The state of a training: taken from its parts, compared with them, and put back into them. */
import type { DataLoader } from '../data/dataLoader.js';
import { ArgumentError } from '../errors.js';
import { Optimizer, type OptimizerState } from '../optim/optimizer.js';
import { defaultGenerator } from '../random/generator.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Callback } from './callback.js';
import { LRSchedule } from './lrSchedule.js';
import type { Evaluation } from './evaluate.js';
import type { PassParts } from './pass.js';
import type { Stepper } from './stepper.js';
import type { TrainingState, TrainingValues } from './trainingState.js';

/** What a training is made of. */
export interface TrainingParts extends PassParts {
  callbacks: readonly Callback[];
  epochs: number;
  validation: DataLoader | undefined;
  evaluate: (loader: DataLoader) => Promise<Evaluation>;
  /** The file of a state to go on from. */
  resume: string | Uint8Array | undefined;
}

/** How far a training has come. */
type Progress = Pick<TrainingValues, 'epochs' | 'updates' | 'ended' | 'history' | 'pass'>;

/** @throws ArgumentError for an optimizer that is not of `sg.optim`. */
export function stateOf(parts: TrainingParts, progress: Progress): TrainingState {
  const { rule, loader, validation } = parts;
  const optimizer = optimizerState(rule.optimizer);
  const callbacks = remembering(parts.callbacks).map((callback) => callback.stateDict!());
  return {
    values: {
      ...structuredClone(progress),
      made: describe(parts, optimizer),
      loader: loader.stateDict(),
      validation: validation?.stateDict() ?? null,
      generator: defaultGenerator.state,
      optimizer: {
        steps: Object.fromEntries(
          Object.entries(optimizer.state).map(([place, { step }]) => [place, step]),
        ),
        paramGroups: optimizer.paramGroups,
      },
      scaler: rule.scaler?.stateDict() ?? null,
      callbacks: callbacks.map(({ values }) => values),
    },
    tensors: Object.fromEntries([
      ...prefixed('model', rule.model.stateDict()),
      ...Object.entries(optimizer.state).flatMap(([place, { arrays }]) =>
        prefixed(`optimizer.${place}`, arrays),
      ),
      ...callbacks.flatMap(({ tensors = {} }, i) => prefixed(`callbacks.${i}`, tensors)),
    ]),
  };
}

/** @throws ArgumentError for the state of another training. */
export function checkFits({ values, tensors }: TrainingState, parts: TrainingParts): void {
  const { optimizer, model } = parts.rule;
  const made = describe(parts, optimizerState(optimizer));
  for (const [name, value] of Object.entries(made)) {
    if (values.made[name] === value) continue;
    const expected = `a checkpoint of ${name} ${value}`;
    throw new ArgumentError('fit', expected, `one of ${values.made[name]}`);
  }
  const begun = values.epochs + (values.pass ? 1 : 0);
  if (parts.epochs < begun) {
    const expected = `epochs of ${begun} or more, which the checkpoint has begun`;
    throw new ArgumentError('fit', expected, parts.epochs);
  }
  const own = Object.keys(model.stateDict());
  const kept = Object.keys(within('model', tensors));
  const strange = kept.filter((key) => !own.includes(key));
  const missing = own.filter((key) => !kept.includes(key));
  if (strange.length + missing.length === 0) return;
  const expected = `a checkpoint of this ${model.constructor.name}`;
  throw new ArgumentError('fit', expected, `one with other keys: ${[...strange, ...missing][0]}`);
}

/** Puts a state back, but for the callbacks'. */
export function restore(parts: TrainingParts, { values, tensors }: TrainingState): void {
  const { rule, loader, validation } = parts;
  rule.model.loadStateDict(within('model', tensors));
  const { steps, paramGroups } = values.optimizer;
  (rule.optimizer as Optimizer<object>).loadStateDict({
    state: Object.fromEntries(
      Object.entries(steps).map(([place, step]) => [
        place,
        { step, arrays: within(`optimizer.${place}`, tensors) },
      ]),
    ),
    paramGroups: paramGroups as OptimizerState<object>['paramGroups'],
  });
  if (values.scaler) rule.scaler?.loadStateDict(values.scaler);
  defaultGenerator.state = values.generator;
  loader.loadStateDict(values.loader);
  if (values.validation) validation?.loadStateDict(values.validation);
}

/** What a training that goes on must have in common with the one that a checkpoint is of. */
function describe(
  { loader, rule, metrics, callbacks }: TrainingParts,
  { paramGroups }: OptimizerState<object>,
): Record<string, string | number> {
  return {
    model: rule.model.constructor.name,
    optimizer: rule.optimizer.constructor.name,
    'parameter groups of': paramGroups.map(({ params }) => params.length).join(', '),
    examples: loader.dataset.length,
    'batch size': loader.batchSize,
    shuffle: String(loader.shuffle),
    dropLast: String(loader.dropLast),
    'accumulated batches': rule.accumulate,
    'mixed precision': rule.scaler ? 'on' : 'off',
    metrics: metrics.map(({ name }) => name).join(', ') || 'none',
    callbacks:
      remembering(callbacks)
        .map((callback) =>
          callback instanceof LRSchedule ? callback.schedulerName : callback.constructor.name,
        )
        .join(', ') || 'none',
  };
}

function remembering(callbacks: readonly Callback[]): Callback[] {
  return callbacks.filter((callback) => callback.stateDict !== undefined);
}

export function loadCallbacks(
  callbacks: readonly Callback[],
  { values, tensors }: TrainingState,
): void {
  remembering(callbacks).forEach((callback, i) => {
    const own = within(`callbacks.${i}`, tensors);
    callback.loadStateDict?.({ values: values.callbacks[i], tensors: own });
  });
}

function prefixed(
  prefix: string,
  tensors: Readonly<Record<string, Tensor>>,
): [key: string, tensor: Tensor][] {
  return Object.entries(tensors).map(([key, tensor]) => [`${prefix}.${key}`, tensor]);
}

/** Those whose key begins with a prefix, which is taken off. */
function within(prefix: string, tensors: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(tensors)
      .filter(([key]) => key.startsWith(`${prefix}.`))
      .map(([key, tensor]) => [key.slice(prefix.length + 1), tensor]),
  );
}

function optimizerState(optimizer: Stepper): OptimizerState<object> {
  if (optimizer instanceof Optimizer) return (optimizer as Optimizer<object>).stateDict();
  throw new ArgumentError('checkpoint', 'an optimizer of sg.optim', 'another one');
}
