import type { DataLoader } from '../data/dataLoader.js';
import { ArgumentError } from '../errors.js';
import { currentDevice } from '../gpu/device.js';
import { CrossEntropyLoss, type Module, type Regularizer } from '../nn/index.js';
import { GradScaler } from '../optim/gradScaler.js';
import { Optimizer } from '../optim/optimizer.js';
import type { Callback } from './callback.js';
import { evaluate, predict, type EvaluateOptions, type Evaluation } from './evaluate.js';
import type { History } from './history.js';
import type { Metric } from './metric.js';
import type { Stepper } from './stepper.js';
import { TrainingRun } from './trainingRun.js';
import type { UpdateRule } from './updates.js';

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
  /**
   * A checkpoint to go on from, bit for bit: what `TrainingCheckpoint` wrote, as its path (a URL in
   * browsers) or its bytes. Model, optimizer, loader, metrics and callbacks are made as they were
   * made for it; `epochs` may be more.
   */
  resume?: string | Uint8Array;
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
  private underWay: TrainingRun | null = null;

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

  /**
   * Interrupts `fit`, which ends after the update under way, with a checkpoint where there is a
   * `TrainingCheckpoint`. Does nothing while there is none.
   */
  stop(): void {
    this.underWay?.interrupt();
  }

  /**
   * Trains on `loader`, whose batches are `[x, target]`.
   *
   * @throws ArgumentError    for `resume` of a training with another model, optimizer, data size,
   *                          batch size, or other metrics or callbacks; DataFormatError for a file
   *                          that is damaged or of something else. Nothing has changed then.
   */
  async fit(
    loader: DataLoader,
    { epochs = 1, validation, resume }: FitOptions = {},
  ): Promise<History> {
    if (!Number.isInteger(epochs) || epochs < 1)
      throw new ArgumentError('fit', 'epochs of 1 or more', epochs);
    for (const [name, one] of Object.entries({ loader, validation })) {
      if (one?.length !== 0) continue;
      const fix = 'Lower batchSize or set dropLast to false.';
      throw new ArgumentError('fit', `a ${name} of one batch or more`, 'an empty one', fix);
    }
    const { callbacks, metrics, captures } = this;
    const rule = { ...this.rule, scaler: this.scalerForFit() };
    const evaluate = (loader: DataLoader): Promise<Evaluation> => this.evaluate(loader);
    this.underWay = new TrainingRun({
      ...{ rule, loader, metrics, captures, callbacks },
      ...{ epochs, validation, evaluate, resume },
    });
    try {
      return await this.underWay.run();
    } catch (error) {
      for (const callback of callbacks) callback.onFailure?.(error);
      throw error;
    } finally {
      this.underWay = null;
    }
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

  /** Kept from one fit to the next. */
  private scalerForFit(): GradScaler | null {
    if (this.autocast && currentDevice().hasF16) {
      this.scaler ??= this.autocast === true ? new GradScaler() : this.autocast;
    }
    return this.scaler;
  }
}
