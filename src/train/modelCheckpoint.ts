import { save } from '../data/io.js';
import { ArgumentError } from '../errors.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Callback, CallbackState, TrainingContext } from './callback.js';
import type { EpochRecord } from './history.js';
import { Monitor, valuesOf, type MonitorOptions } from './monitor.js';

export interface ModelCheckpointOptions extends MonitorOptions {
  /** Saves only where the monitored value is better than when it was saved last. Default false. */
  saveBestOnly?: boolean;
  /** Epochs from one save to the next. Default 1. */
  every?: number;
}

/**
 * Keeps the weights somewhere; training waits for it.
 *
 * @param tensors  Parameters and buffers by key: the live ones.
 */
export type SaveWeights = (
  tensors: Readonly<Record<string, Tensor>>,
  record: EpochRecord,
  context: TrainingContext,
) => void | Promise<void>;

/**
 * Saves the weights at the end of whole epochs: of all, of every n-th, or of those that are the best
 * yet. One that was stopped within is left to `TrainingCheckpoint`.
 *
 * A path, in Node, is that of a safetensors file with PyTorch's keys, written whole or not at all.
 * In it `{epoch}` stands for the epoch and `{valLoss}` and the like for what the epoch's record and
 * its metrics have; `{epoch:02d}` has two digits or more, `{valLoss:.3f}` three after the point.
 * A function, for browsers, is given the tensors.
 * Source: https://keras.io/api/callbacks/model_checkpoint/
 *
 * @example
 * new ModelCheckpoint('runs/{epoch:02d}-{valLoss:.3f}.safetensors', { saveBestOnly: true });
 * new ModelCheckpoint(async (tensors) => keep(await sg.io.encodeSafetensors(tensors)));
 */
export class ModelCheckpoint implements Callback {
  /** The value that was saved last, with `saveBestOnly`; undefined before there is one. */
  best: number | undefined;
  /** Where the last save went, of a path; undefined before there is one. */
  savedPath: string | undefined;
  private readonly saveBestOnly: boolean;
  private readonly every: number;
  private readonly monitor: Monitor;

  constructor(
    private readonly target: string | SaveWeights,
    { saveBestOnly = false, every = 1, ...monitored }: ModelCheckpointOptions = {},
  ) {
    if (!Number.isInteger(every) || every < 1) {
      throw new ArgumentError('ModelCheckpoint', 'every of 1 epoch or more', every);
    }
    this.saveBestOnly = saveBestOnly;
    this.every = every;
    this.monitor = new Monitor('ModelCheckpoint', monitored);
  }

  onTrainBegin(): void {
    this.best = undefined;
    this.savedPath = undefined;
  }

  async onEpochEnd(record: EpochRecord, context: TrainingContext): Promise<void> {
    if (record.partial || record.epoch % this.every !== 0 || !this.isWanted(record)) return;
    const tensors = context.model.stateDict();
    if (typeof this.target === 'function') {
      await this.target(tensors, record, context);
      return;
    }
    const path = fillIn(this.target, record);
    const facts = Object.entries(valuesOf(record)).map(([name, value]) => [name, String(value)]);
    await save(path, tensors, Object.fromEntries(facts) as Record<string, string>);
    this.savedPath = path;
  }

  stateDict(): CallbackState {
    return { values: { best: this.best, savedPath: this.savedPath } };
  }

  loadStateDict({ values }: CallbackState): void {
    Object.assign(this, values);
  }

  private isWanted(record: EpochRecord): boolean {
    if (!this.saveBestOnly) return true;
    const value = this.monitor.valueIn(record);
    if (value === undefined || !this.monitor.improves(value, this.best)) return false;
    this.best = value;
    return true;
  }
}

/** The path with what its fields stand for. */
function fillIn(path: string, record: EpochRecord): string {
  const values = valuesOf(record);
  return path.replace(
    /\{(\w+)(?::([^}]*))?\}/g,
    (field: string, name: string, format: string = '') => {
      const value = values[name];
      if (value === undefined) {
        const known = Object.keys(values).join(', ');
        throw new ArgumentError('ModelCheckpoint', `fields of ${known} in the path`, field);
      }
      const parsed = /^(?:0(\d+)d|\.(\d+)f)?$/.exec(format);
      if (!parsed) {
        throw new ArgumentError(
          'ModelCheckpoint',
          'formats like {epoch:02d} and {loss:.3f}',
          field,
        );
      }
      const [, width, digits] = parsed;
      if (digits !== undefined) return value.toFixed(Number(digits));
      return String(value).padStart(Number(width ?? 0), '0');
    },
  );
}
