import { noGrad, tidy } from '../autograd/scope.js';
import type { DataLoader } from '../data/dataLoader.js';
import { ArgumentError } from '../errors.js';
import { currentDevice } from '../gpu/device.js';
import type { Module } from '../nn/index.js';
import { Optimizer, type OptimizerState } from '../optim/optimizer.js';
import { defaultGenerator } from '../random/generator.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Callback, CheckpointMoment, TrainingContext, TrainingPlan } from './callback.js';
import { assess, type Evaluation } from './evaluate.js';
import { addEpoch, type EpochRecord, type History } from './history.js';
import { LRSchedule } from './lrSchedule.js';
import { Counters } from './metric.js';
import { Pass, type PassParts, type PassState } from './pass.js';
import type { Stepper } from './stepper.js';
import { Tally } from './tally.js';
import { parametersOf } from './updates.js';
import { readTrainingState, type TrainingState } from './trainingState.js';

/** What a training is made of. */
export interface TrainingParts extends PassParts {
  callbacks: readonly Callback[];
  epochs: number;
  validation: DataLoader | undefined;
  evaluate: (loader: DataLoader) => Promise<Evaluation>;
  /** The file of a state to go on from. */
  resume: string | Uint8Array | undefined;
}

/** One call of `Trainer.fit`. */
export class TrainingRun implements TrainingContext {
  readonly model: Module;
  readonly optimizer: Stepper;
  readonly plan: TrainingPlan;
  history: History = { epochs: [], steps: [], bestEpoch: 0 };
  /** Updates of the epochs that are over. */
  private updatesBefore = 0;
  private epochs = 0;
  private pass: Pass | null = null;
  /** Of the epoch that a checkpoint was made in. */
  private resumedPass: PassState | null = null;
  private ended = false;
  private interrupted = false;

  constructor(private readonly parts: TrainingParts) {
    const { rule, loader, epochs } = parts;
    this.model = rule.model;
    this.optimizer = rule.optimizer;
    this.plan = { epochs, batches: loader.length, examples: loader.dataset.length };
  }

  get batch(): number {
    return this.pass?.batch ?? this.resumedPass?.batch ?? 0;
  }

  get updates(): number {
    return this.updatesBefore + (this.pass?.updateCount ?? 0);
  }

  readonly stop = (): void => {
    this.ended = true;
  };

  /** Ends it before its time: what a checkpoint is for. */
  interrupt(): void {
    this.interrupted = true;
  }

  async run(): Promise<History> {
    const { resume, callbacks } = this.parts;
    const resumed = resume === undefined ? null : await readTrainingState(resume);
    try {
      if (resumed) this.check(resumed);
      await this.compile();
      if (resumed) this.load(resumed);
      await this.tell('onTrainBegin', this.plan);
      if (resumed) loadCallbacks(callbacks, resumed);
    } finally {
      for (const tensor of Object.values(resumed?.tensors ?? {})) tensor.dispose();
    }
    while (this.goesOn) {
      await this.tell('onEpochBegin', this.epochs + 1);
      if (!this.goesOn) break;
      await this.runEpoch();
    }
    const isOver = this.ended || this.epochs >= this.plan.epochs;
    if (this.interrupted && !isOver) this.history.interrupted = true;
    await this.tell('onTrainEnd', this.history);
    return this.history;
  }

  readonly state = async (): Promise<TrainingState> => {
    const { model, parts } = this;
    // First, for it waits until callbacks were told of what it has measured.
    const pass = this.pass && (await this.pass.state());
    const remembered = this.optimizerState();
    const callbacks = remembering(parts.callbacks).map((callback) => callback.stateDict!());
    return {
      values: {
        made: describe(parts, remembered),
        epochs: this.epochs,
        updates: this.updates,
        ended: this.ended,
        history: structuredClone(this.history),
        pass,
        loader: parts.loader.stateDict(),
        validation: parts.validation?.stateDict() ?? null,
        generator: defaultGenerator.state,
        optimizer: {
          steps: Object.fromEntries(
            Object.entries(remembered.state).map(([place, { step }]) => [place, step]),
          ),
          paramGroups: remembered.paramGroups,
        },
        scaler: parts.rule.scaler?.stateDict() ?? null,
        callbacks: callbacks.map(({ values }) => values),
      },
      tensors: Object.fromEntries([
        ...prefixed('model', model.stateDict()),
        ...Object.entries(remembered.state).flatMap(([place, { arrays }]) =>
          prefixed(`optimizer.${place}`, arrays),
        ),
        ...callbacks.flatMap(({ tensors = {} }, i) => prefixed(`callbacks.${i}`, tensors)),
      ]),
    };
  };

  private get goesOn(): boolean {
    return !this.ended && !this.interrupted && this.epochs < this.plan.epochs;
  }

  private optimizerState(): OptimizerState<object> {
    if (this.optimizer instanceof Optimizer) {
      return (this.optimizer as Optimizer<object>).stateDict();
    }
    throw new ArgumentError('checkpoint', 'an optimizer of sg.optim', 'another one');
  }

  private async runEpoch(): Promise<void> {
    const { validation, evaluate } = this.parts;
    const record = await this.runPass();
    if (validation && !record.partial) addValidation(record, await evaluate(validation));
    addEpoch(this.history, record);
    if (!record.partial) this.epochs++;
    await this.tell('onEpochEnd', record);
    if (!record.partial) await this.rest('epoch');
  }

  /** One epoch of training, or what is left of it. */
  private async runPass(): Promise<EpochRecord> {
    const { parts, model } = this;
    const pass = new Pass(parts, this.epochs + 1, async (record) => {
      this.history.steps.push(record);
      for (const callback of parts.callbacks) await callback.onStep?.(record, this);
    });
    if (this.resumedPass) pass.load(this.resumedPass);
    this.resumedPass = null;
    this.pass = pass;
    try {
      model.train();
      for await (const [x, target] of parts.loader) {
        await pass.take(x!, target!);
        for (const callback of parts.callbacks) {
          callback.onBatchEnd?.(this.epochs + 1, pass.batch, this);
        }
        pass.note();
        const stops = this.interrupted && !pass.isMidUpdate;
        if (!pass.isMidUpdate && !this.ended) await this.rest(stops ? 'stop' : 'update');
        if (pass.failed || this.ended || stops) break;
      }
      await pass.settle();
      const record = await pass.record();
      this.updatesBefore += pass.updateCount;
      return record;
    } finally {
      await pass.dispose();
      this.pass = null;
    }
  }

  /** A moment at which the state is whole. */
  private async rest(at: CheckpointMoment): Promise<void> {
    for (const callback of this.parts.callbacks) {
      if (callback.onCheckpoint) await callback.onCheckpoint(at, this);
    }
  }

  private async tell<K extends 'onTrainBegin' | 'onEpochBegin' | 'onEpochEnd' | 'onTrainEnd'>(
    event: K,
    argument: Parameters<NonNullable<Callback[K]>>[0],
  ): Promise<void> {
    type Hook = (value: typeof argument, context: TrainingContext) => void | Promise<void>;
    for (const callback of this.parts.callbacks) {
      await (callback[event] as Hook | undefined)?.call(callback, argument, this);
    }
  }

  /** Compiles what a step and an evaluation need, all at once, before the first batch. */
  private async compile(): Promise<void> {
    const { callbacks, rule, metrics, validation } = this.parts;
    const { model, loss, regularizers } = rule;
    const progress = (done: number, total: number): void => {
      for (const callback of callbacks) callback.onCompile?.(done, total);
    };
    const pass = new Pass(this.parts, 1, async () => {});
    const tally = new Tally();
    const counters = new Counters(metrics);
    try {
      await currentDevice().compile(() => {
        model.train();
        tidy(() => pass.rehearse());
        if (validation) {
          model.eval();
          noGrad(() => {
            const [x, target] = validation.sample();
            assess({ model, loss, regularizers, tally, counters }, x!, target!);
          });
        }
      }, progress);
    } finally {
      for (const one of [tally, counters]) one.dispose();
      await pass.dispose();
      // What the dry run left as gradients was never computed.
      rule.optimizer.zeroGrad();
      for (const parameter of parametersOf(rule)) parameter.grad = null;
    }
  }

  /** @throws ArgumentError for the state of another training. */
  private check({ values, tensors }: TrainingState): void {
    const made = describe(this.parts, this.optimizerState());
    for (const [name, value] of Object.entries(made)) {
      if (values.made[name] === value) continue;
      const expected = `a checkpoint of ${name} ${value}`;
      throw new ArgumentError('fit', expected, `one of ${values.made[name]}`);
    }
    const begun = values.epochs + (values.pass ? 1 : 0);
    if (this.plan.epochs < begun) {
      const expected = `epochs of ${begun} or more, which the checkpoint has begun`;
      throw new ArgumentError('fit', expected, this.plan.epochs);
    }
    const own = Object.keys(this.model.stateDict());
    const kept = Object.keys(within('model', tensors));
    const strange = kept.filter((key) => !own.includes(key));
    const missing = own.filter((key) => !kept.includes(key));
    if (strange.length + missing.length === 0) return;
    const expected = `a checkpoint of this ${this.model.constructor.name}`;
    throw new ArgumentError('fit', expected, `one with other keys: ${[...strange, ...missing][0]}`);
  }

  private load({ values, tensors }: TrainingState): void {
    const { rule, loader, validation } = this.parts;
    this.model.loadStateDict(within('model', tensors));
    const { steps, paramGroups } = values.optimizer;
    (this.optimizer as Optimizer<object>).loadStateDict({
      state: Object.fromEntries(
        Object.entries(steps).map(([place, step]) => [
          place,
          { step, arrays: within(`optimizer.${place}`, tensors) },
        ]),
      ),
      paramGroups: paramGroups as OptimizerState<object>['paramGroups'],
    });
    if (values.scaler) rule.scaler?.loadStateDict(values.scaler);
    this.history = values.history;
    this.epochs = values.epochs;
    this.ended = values.ended;
    // A pass that goes on counts its own from 0.
    this.updatesBefore = values.updates;
    this.resumedPass = values.pass;
    defaultGenerator.state = values.generator;
    loader.loadStateDict(values.loader);
    if (values.validation) validation?.loadStateDict(values.validation);
  }
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

function loadCallbacks(callbacks: readonly Callback[], { values, tensors }: TrainingState): void {
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

/** Notes figures of the validation data beside those of the training data. */
function addValidation(record: EpochRecord, { loss, accuracy, metrics }: Evaluation): void {
  Object.assign(record, { valLoss: loss, valAccuracy: accuracy });
  if (!metrics) return;
  const all: Record<string, number> = { ...record.metrics };
  for (const [name, value] of Object.entries(metrics))
    all[`val${name[0]!.toUpperCase()}${name.slice(1)}`] = value;
  record.metrics = all;
}
