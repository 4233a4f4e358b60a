import { noGrad, tidy } from '../autograd/scope.js';
import type { DataLoader } from '../data/dataLoader.js';
import { ArgumentError } from '../errors.js';
import { currentDevice } from '../gpu/device.js';
import { CrossEntropyLoss, type Module, type Regularizer } from '../nn/index.js';
import { GradScaler } from '../optim/gradScaler.js';
import { Optimizer } from '../optim/optimizer.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Callback, TrainingContext, TrainingPlan } from './callback.js';
import { assess, evaluate, predict, type EvaluateOptions, type Evaluation } from './evaluate.js';
import { addEpoch, type EpochRecord, type History } from './history.js';
import { Counters, type Metric } from './metric.js';
import type { Stepper } from './stepper.js';
import { means, Tally, type Totals } from './tally.js';
import { Updates, type UpdateRule } from './updates.js';

/** How often the running loss is read back and noted. */
const RECORDS_PER_EPOCH = 50;

export interface TrainerOptions {
  optimizer: Stepper;
  /** Called with the logits (N, C) and the target; gives the mean over the batch. Default CrossEntropyLoss. */
  loss?: Module;
  /** Told how training goes, in this order. */
  callbacks?: readonly Callback[];
  /** Figures besides loss and accuracy, of the training data and of the validation data. */
  metrics?: readonly Metric[];
  /** Penalties that are added to the loss, which is reported with them. */
  regularizers?: readonly Regularizer[];
  /** Scales the gradients so that their norm is at most this: see `nn.utils.clipGradNorm_`. */
  clipGradNorm?: number;
  /** Limits every element of the gradients to this size; before `clipGradNorm`, where both are given. */
  clipGradValue?: number;
  /**
   * Batches of an update, whose gradients are weighted by their examples: for a loss that is a mean,
   * and a model without batch norm, n batches are as one that is n times as large. Those at the end
   * of an epoch make a smaller group. Default 1.
   */
  accumulate?: number;
  /**
   * Mixed precision: the forward pass under `sg.autocast`, gradients scaled by a GradScaler, of
   * which one with other settings may be given. Where the adapter has no f16, all is in f32. The
   * host then waits at each update, for whether the gradients are finite. Needs an optimizer of
   * `sg.optim`. Default false.
   */
  autocast?: boolean | GradScaler;
  /**
   * Whether steps on full batches are captured, anew for each epoch, so that nothing runs on the
   * host from the third batch on: model and loss must then do the same at each batch. Default true
   * for the optimizers of `sg.optim`, and false for others, whose `step()` may have to run.
   */
  capture?: boolean;
}

export interface FitOptions {
  /** Passes over the data. Default 1. */
  epochs?: number;
  /** Evaluated after each epoch. */
  validation?: DataLoader;
}

/**
 * Trains a classifier: forward, loss, backward, step, with a history of loss and accuracy.
 *
 * @example
 * const trainer = new Trainer(model, { optimizer: new Adam(model.parameters()) });
 * const history = await trainer.fit(loader, { epochs: 2, validation: testLoader });
 * const { accuracy } = await trainer.evaluate(testLoader);
 */
export class Trainer {
  private readonly rule: Omit<UpdateRule, 'scaler'>;
  private readonly metrics: readonly Metric[];
  private readonly callbacks: readonly Callback[];
  private readonly captures: boolean;
  private readonly autocast: boolean | GradScaler;
  private scaler: GradScaler | null = null;
  private stopping = false;

  constructor(
    readonly model: Module,
    {
      optimizer,
      loss = new CrossEntropyLoss(),
      callbacks = [],
      metrics = [],
      regularizers = [],
      clipGradNorm,
      clipGradValue,
      accumulate = 1,
      autocast = false,
      capture = optimizer instanceof Optimizer,
    }: TrainerOptions,
  ) {
    if (!Number.isInteger(accumulate) || accumulate < 1) {
      throw new ArgumentError('Trainer', 'accumulate of 1 or more', accumulate);
    }
    for (const [name, limit] of Object.entries({ clipGradNorm, clipGradValue })) {
      if (limit !== undefined && !(limit >= 0)) {
        throw new ArgumentError('Trainer', `${name} from 0 up`, limit);
      }
    }
    if (autocast && !(optimizer instanceof Optimizer)) {
      throw new ArgumentError('Trainer', 'an optimizer of sg.optim for autocast', 'another one');
    }
    const names = metrics.map(({ name }) => name);
    if (new Set(names).size < names.length) {
      throw new ArgumentError('Trainer', 'metrics of different names', names.join(', '));
    }
    this.rule = {
      model,
      loss,
      optimizer,
      regularizers,
      clipGradNorm,
      clipGradValue,
      accumulate,
    };
    this.metrics = metrics;
    this.captures = capture;
    this.callbacks = callbacks;
    this.autocast = autocast;
  }

  /** Ends `fit` after the batch under way; see `TrainingContext.stop`. */
  stop(): void {
    this.stopping = true;
  }

  /** Trains on `loader`, whose batches are `[x, target]`. */
  async fit(loader: DataLoader, { epochs = 1, validation }: FitOptions = {}): Promise<History> {
    if (!Number.isInteger(epochs) || epochs < 1)
      throw new ArgumentError('fit', 'epochs of 1 or more', epochs);
    if (loader.length === 0) {
      throw new ArgumentError(
        'fit',
        'a loader of one batch or more',
        'an empty one',
        'Lower batchSize or set dropLast to false.',
      );
    }
    try {
      return await this.run(loader, epochs, validation);
    } catch (error) {
      for (const callback of this.callbacks) callback.onFailure?.(error);
      throw error;
    }
  }

  private async run(
    loader: DataLoader,
    epochs: number,
    validation: DataLoader | undefined,
  ): Promise<History> {
    const { model } = this;
    const { optimizer } = this.rule;
    const history: History = { epochs: [], steps: [], bestEpoch: 0 };
    const plan: TrainingPlan = {
      epochs,
      batches: loader.length,
      examples: loader.dataset.length,
    };
    const context = { model, optimizer, plan, history, updates: 0, stop: () => this.stop() };
    this.stopping = false;
    if (this.autocast && currentDevice().hasF16) {
      this.scaler ??= this.autocast === true ? new GradScaler() : this.autocast;
    }
    await this.compile(loader, validation);
    await this.tell('onTrainBegin', plan, context);
    for (let epoch = 1; epoch <= epochs && !this.stopping; epoch++) {
      await this.tell('onEpochBegin', epoch, context);
      if (this.stopping) break;
      const record = await this.pass(loader, epoch, context);
      if (validation && !record.partial) addValidation(record, await this.evaluate(validation));
      addEpoch(history, record);
      await this.tell('onEpochEnd', record, context);
    }
    await this.tell('onTrainEnd', history, context);
    return history;
  }

  /** Loss, accuracy and the trainer's metrics on `loader`, with its regularizers: see `evaluate`. */
  evaluate(
    loader: DataLoader,
    { metrics = [], ...options }: Omit<EvaluateOptions, 'regularizers'> = {},
  ): Promise<Evaluation> {
    const { loss, regularizers } = this.rule;
    const all = [...this.metrics, ...metrics];
    return evaluate(this.model, loader, loss, { ...options, metrics: all, regularizers });
  }

  /** Probabilities of the classes for every example of `loader`: see `predict`. */
  predict(loader: DataLoader): ReturnType<typeof predict> {
    return predict(this.model, loader);
  }

  /** One epoch of training. */
  private async pass(
    loader: DataLoader,
    epoch: number,
    context: { -readonly [K in keyof TrainingContext]: TrainingContext[K] },
  ): Promise<EpochRecord> {
    const every = Math.max(1, Math.round(loader.length / RECORDS_PER_EPOCH));
    const tally = new Tally();
    const started = performance.now();
    let before: Totals = { lossSum: 0, examples: 0, right: 0 };
    let noted: Promise<void> = Promise.resolve();
    let failed = false;
    const note = (batch: number): void => {
      const totals = Promise.all([noted, tally.read()]);
      noted = totals.then(async ([, now]) => {
        const record = {
          step: (epoch - 1) * loader.length + batch,
          epoch: epoch - 1 + batch / loader.length,
          ...means({
            lossSum: now.lossSum - before.lossSum,
            examples: now.examples - before.examples,
            right: now.right - before.right,
          }),
        };
        before = now;
        context.history.steps.push(record);
        for (const callback of this.callbacks) await callback.onStep?.(record, context);
      });
      noted.catch(() => (failed = true)); // the loop stops, and `await noted` throws
    };
    const counters = new Counters(this.metrics);
    const updates = this.updatesOf(loader, tally, counters);
    const updatesBefore = context.updates;
    try {
      this.model.train();
      let batch = 0;
      for await (const [x, target] of loader) {
        batch++;
        await updates.take(x!, target!, batch);
        context.updates = updatesBefore + updates.count;
        for (const callback of this.callbacks) callback.onBatchEnd?.(epoch, batch, context);
        if (batch % every === 0) note(batch);
        if (failed || this.stopping) break;
      }
      await noted;
      const totals = await tally.read();
      const seconds = (performance.now() - started) / 1000;
      const examplesPerSecond = totals.examples / seconds;
      const record: EpochRecord = { epoch, ...means(totals), seconds, examplesPerSecond };
      const metrics = await counters.read();
      if (metrics) record.metrics = metrics;
      const lr = learningRateOf(this.rule.optimizer);
      if (lr !== undefined) record.lr = lr;
      if (batch < loader.length) record.partial = true;
      return record;
    } finally {
      await noted.catch(() => {}); // an error was thrown above already
      for (const one of [updates, tally, counters]) one.dispose();
    }
  }

  private updatesOf(loader: DataLoader, tally: Tally, counters: Counters): Updates {
    const rule = { ...this.rule, scaler: this.scaler };
    return new Updates(rule, loader, tally, counters, this.captures);
  }

  private async tell<K extends 'onTrainBegin' | 'onEpochBegin' | 'onEpochEnd' | 'onTrainEnd'>(
    event: K,
    argument: Parameters<NonNullable<Callback[K]>>[0],
    context: TrainingContext,
  ): Promise<void> {
    type Hook = (value: typeof argument, context: TrainingContext) => void | Promise<void>;
    for (const callback of this.callbacks) {
      await (callback[event] as Hook | undefined)?.call(callback, argument, context);
    }
  }

  /** Compiles what a step and an evaluation need, all at once, before the first batch. */
  private async compile(loader: DataLoader, validation: DataLoader | undefined): Promise<void> {
    const progress = (done: number, total: number): void => {
      for (const callback of this.callbacks) callback.onCompile?.(done, total);
    };
    const { loss, optimizer, regularizers } = this.rule;
    const tally = new Tally();
    const counters = new Counters(this.metrics);
    await currentDevice().compile(() => {
      this.model.train();
      const updates = this.updatesOf(loader, tally, counters);
      tidy(() => updates.rehearse(...(loader.sample() as [Tensor, Tensor])));
      updates.dispose();
      if (validation) {
        this.model.eval();
        noGrad(() => {
          const [x, target] = validation.sample();
          assess({ model: this.model, loss, regularizers, tally, counters }, x!, target!);
        });
      }
    }, progress);
    for (const one of [tally, counters]) one.dispose();
    // What the dry run left as gradients was never computed.
    optimizer.zeroGrad();
    this.model.zeroGrad();
  }
}

function learningRateOf(optimizer: Stepper): number | undefined {
  if (!(optimizer instanceof Optimizer)) return undefined;
  return (optimizer as Optimizer<{ lr?: number }>).paramGroups[0]?.lr;
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
