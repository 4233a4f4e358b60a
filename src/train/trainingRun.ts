import { noGrad, tidy } from '../autograd/scope.js';
import { currentDevice } from '../gpu/device.js';
import type { Module } from '../nn/index.js';
import type { Callback, CheckpointMoment, TrainingContext, TrainingPlan } from './callback.js';
import { assess, type Evaluation } from './evaluate.js';
import { addEpoch, type EpochRecord, type History } from './history.js';
import { Counters } from './metric.js';
import { Pass, type PassState } from './pass.js';
import { checkFits, loadCallbacks, restore, stateOf, type TrainingParts } from './runState.js';
import type { Stepper } from './stepper.js';
import { Tally } from './tally.js';
import { readTrainingState, type TrainingState } from './trainingState.js';

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
      if (resumed) checkFits(resumed, this.parts);
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
    // First, for it waits until callbacks were told of what it has measured.
    const pass = this.pass && (await this.pass.state());
    const { epochs, updates, ended, history } = this;
    return stateOf(this.parts, { epochs, updates, ended, history, pass });
  };

  private get goesOn(): boolean {
    return !this.ended && !this.interrupted && this.epochs < this.plan.epochs;
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
    }
  }

  private load(state: TrainingState): void {
    restore(this.parts, state);
    const { history, epochs, ended, updates, pass } = state.values;
    this.history = history;
    this.epochs = epochs;
    this.ended = ended;
    // A pass that goes on counts its own from 0.
    this.updatesBefore = updates;
    this.resumedPass = pass;
  }
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
