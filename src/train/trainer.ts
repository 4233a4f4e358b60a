import { noGrad, tidy } from '../autograd/scope.js';
import type { DataLoader } from '../data/dataLoader.js';
import { ArgumentError } from '../errors.js';
import { currentDevice } from '../gpu/device.js';
import { CrossEntropyLoss, type Module } from '../nn/index.js';
import { Optimizer } from '../optim/optimizer.js';
import { capture } from '../tensor/capture.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Callback } from './callback.js';
import { assess, evaluate, predict, type Evaluation } from './evaluate.js';
import type { EpochRecord, History, StepRecord } from './history.js';
import { means, Tally, type Totals } from './tally.js';

/** How often the running loss is read back and noted. */
const RECORDS_PER_EPOCH = 50;

/** What the trainer needs of an optimizer. */
export interface Stepper {
  step(): void;
  zeroGrad(): void;
}

export interface TrainerOptions {
  optimizer: Stepper;
  /** Called with the logits (N, C) and the target; gives the mean over the batch. Default CrossEntropyLoss. */
  loss?: Module;
  /** Told how training goes, in this order. */
  callbacks?: readonly Callback[];
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
  private readonly optimizer: Stepper;
  private readonly loss: Module;
  private readonly callbacks: readonly Callback[];
  private readonly captures: boolean;

  constructor(
    readonly model: Module,
    {
      optimizer,
      loss = new CrossEntropyLoss(),
      callbacks = [],
      capture = optimizer instanceof Optimizer,
    }: TrainerOptions,
  ) {
    this.captures = capture;
    this.optimizer = optimizer;
    this.loss = loss;
    this.callbacks = callbacks;
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
    const history: History = { epochs: [], steps: [] };
    await this.compile(loader, validation);
    await this.tell('onTrainBegin', {
      epochs,
      batches: loader.length,
      examples: loader.dataset.length,
    });
    for (let epoch = 1; epoch <= epochs; epoch++) {
      await this.tell('onEpochBegin', epoch);
      const record = await this.pass(loader, epoch, history.steps);
      if (validation) {
        const { loss, accuracy } = await this.evaluate(validation);
        Object.assign(record, { valLoss: loss, valAccuracy: accuracy });
      }
      history.epochs.push(record);
      await this.tell('onEpochEnd', record);
    }
    await this.tell('onTrainEnd', history);
    return history;
  }

  /** Loss and accuracy on `loader`: see `evaluate`. */
  evaluate(loader: DataLoader): Promise<Evaluation> {
    return evaluate(this.model, loader, this.loss);
  }

  /** Probabilities of the classes for every example of `loader`: see `predict`. */
  predict(loader: DataLoader): ReturnType<typeof predict> {
    return predict(this.model, loader);
  }

  /** One epoch of training. */
  private async pass(loader: DataLoader, epoch: number, steps: StepRecord[]): Promise<EpochRecord> {
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
        steps.push(record);
        for (const callback of this.callbacks) await callback.onStep?.(record);
      });
      noted.catch(() => (failed = true)); // the loop stops, and `await noted` throws
    };
    const plain = (x: Tensor, target: Tensor): void => this.step(x, target, tally);
    const captured = capture(plain);
    try {
      this.model.train();
      let batch = 0;
      for await (const [x, target] of loader) {
        const isFull = x!.shape[0] === loader.batchSize;
        if (this.captures && isFull) captured(x!, target!);
        else plain(x!, target!);
        batch++;
        for (const callback of this.callbacks) callback.onBatchEnd?.(epoch, batch);
        if (batch % every === 0) note(batch);
        if (failed) break;
      }
      await noted;
      const totals = await tally.read();
      const seconds = (performance.now() - started) / 1000;
      return { epoch, ...means(totals), seconds, examplesPerSecond: totals.examples / seconds };
    } finally {
      await noted.catch(() => {}); // an error was thrown above already
      captured.dispose();
      tally.dispose();
    }
  }

  private step(x: Tensor, target: Tensor, tally: Tally): void {
    const logits = this.model.forward(x);
    const loss = this.loss.forward(logits, target);
    this.optimizer.zeroGrad();
    loss.backward();
    tally.add(loss, logits, target);
    // A dry run must not reach into an optimizer that does not know of them.
    const isDry = currentDevice().collecting !== null;
    if (!isDry || this.optimizer instanceof Optimizer) this.optimizer.step();
  }

  private async tell<K extends 'onTrainBegin' | 'onEpochBegin' | 'onEpochEnd' | 'onTrainEnd'>(
    event: K,
    argument: Parameters<NonNullable<Callback[K]>>[0],
  ): Promise<void> {
    for (const callback of this.callbacks) {
      await (
        callback[event] as ((value: typeof argument) => void | Promise<void>) | undefined
      )?.call(callback, argument);
    }
  }

  /** Compiles what a step and an evaluation need, all at once, before the first batch. */
  private async compile(loader: DataLoader, validation: DataLoader | undefined): Promise<void> {
    const progress = (done: number, total: number): void => {
      for (const callback of this.callbacks) callback.onCompile?.(done, total);
    };
    const tally = new Tally();
    await currentDevice().compile(() => {
      this.model.train();
      tidy(() => this.step(...(loader.sample() as [Tensor, Tensor]), tally));
      if (validation) {
        this.model.eval();
        noGrad(() => {
          const [x, target] = validation.sample();
          assess(this.model, this.loss, x!, target!, null);
        });
      }
    }, progress);
    tally.dispose();
    // What the dry run left as gradients was never computed.
    this.optimizer.zeroGrad();
    this.model.zeroGrad();
  }
}
