import { ArgumentError } from '../errors.js';
import type { Callback, CallbackState, TrainingContext } from './callback.js';
import type { EpochRecord, History } from './history.js';
import { Monitor, type MonitorOptions } from './monitor.js';
import { WeightCopy } from './weightCopy.js';

export interface EarlyStoppingOptions extends MonitorOptions {
  /** Epochs without an improvement after which training ends. Default 0, which is as 1. */
  patience?: number;
  /**
   * Epochs are counted from the first on, improvements or not, until the value is better than this;
   * training still ends only after one without. Default none.
   */
  baseline?: number;
  /** Whether the model gets back the parameters and buffers of its best epoch at the end. Default false. */
  restoreBestWeights?: boolean;
  /** Epochs before this one do not count. Default 1. */
  startFromEpoch?: number;
}

/**
 * Ends training once a value has stopped to improve.
 *
 * The best weights are kept on the GPU, as large as the model, and copied back when training ends,
 * early or not.
 * Source: https://keras.io/api/callbacks/early_stopping/
 *
 * @example
 * const stopping = new EarlyStopping({ patience: 10, minDelta: 1e-4, restoreBestWeights: true });
 * const trainer = new Trainer(model, { optimizer, callbacks: [stopping] });
 */
export class EarlyStopping implements Callback {
  /** The epoch after which it ended training; 0 if it did not. */
  stoppedEpoch = 0;
  /** The epoch of the best value, or the first where none is better than another; 0 before there is one. */
  bestEpoch = 0;
  /** The best value; undefined before there is one. */
  best: number | undefined;
  private readonly monitor: Monitor;
  private readonly options: Required<
    Pick<EarlyStoppingOptions, 'patience' | 'restoreBestWeights' | 'startFromEpoch'>
  > &
    Pick<EarlyStoppingOptions, 'baseline'>;
  private readonly weights = new WeightCopy();
  private waited = 0;

  constructor({
    patience = 0,
    baseline,
    restoreBestWeights = false,
    startFromEpoch = 1,
    ...monitored
  }: EarlyStoppingOptions = {}) {
    if (!(patience >= 0)) throw new ArgumentError('EarlyStopping', 'patience from 0 up', patience);
    this.monitor = new Monitor('EarlyStopping', monitored);
    this.options = { patience, baseline, restoreBestWeights, startFromEpoch };
  }

  onTrainBegin(): void {
    this.stoppedEpoch = 0;
    this.bestEpoch = 0;
    this.best = undefined;
    this.waited = 0;
    this.weights.dispose();
  }

  onEpochEnd(record: EpochRecord, context: TrainingContext): void {
    const { patience, baseline, startFromEpoch } = this.options;
    const value = this.monitor.valueIn(record);
    if (value === undefined || record.epoch < startFromEpoch) return;
    // Where none is ever better, such as NaN, the first is the best.
    const isFirst = this.bestEpoch === 0;
    const improves = this.monitor.improves(value, this.best);
    if (improves || isFirst) {
      this.bestEpoch = record.epoch;
      if (this.options.restoreBestWeights) this.weights.take(context.model.stateDict());
    }
    this.waited++;
    if (improves) {
      this.best = value;
      if (baseline === undefined || this.monitor.improves(value, baseline)) this.waited = 0;
      return;
    }
    if (this.waited >= patience && record.epoch > 1) {
      this.stoppedEpoch = record.epoch;
      context.stop();
    }
  }

  onTrainEnd(_history: History, { model }: TrainingContext): void {
    this.weights.restore(model);
    this.weights.dispose();
  }

  onFailure(): void {
    this.weights.dispose();
  }

  stateDict(): CallbackState {
    const { stoppedEpoch, bestEpoch, best, waited } = this;
    return { values: { stoppedEpoch, bestEpoch, best, waited }, tensors: this.weights.tensors };
  }

  loadStateDict({ values, tensors = {} }: CallbackState): void {
    Object.assign(this, values);
    this.weights.take(tensors);
  }
}
