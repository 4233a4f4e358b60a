import { ArgumentError } from '../errors.js';
import type { EpochRecord } from './history.js';

/** Whether a value should fall or rise; 'auto' goes by its name: accuracy, precision, recall and F1 rise. */
export type MonitorMode = 'auto' | 'min' | 'max';

export interface MonitorOptions {
  /** A value of the epoch's record, or the name of a metric. Default 'valLoss'. */
  monitor?: string;
  /** Default 'auto'. */
  mode?: MonitorMode;
  /** What a value has to be better by. Default 0. */
  minDelta?: number;
}

const RISING = /acc|auc|precision|recall|f1/i;

/** A value that is watched from epoch to epoch. */
export class Monitor {
  readonly name: string;
  readonly mode: 'min' | 'max';
  private readonly minDelta: number;

  /** @param owner  Named in errors. */
  constructor(
    private readonly owner: string,
    { monitor = 'valLoss', mode = 'auto', minDelta = 0 }: MonitorOptions = {},
  ) {
    if (!['auto', 'min', 'max'].includes(mode)) {
      throw new ArgumentError(owner, "mode 'auto', 'min' or 'max'", mode);
    }
    this.name = monitor;
    this.mode = mode === 'auto' ? (RISING.test(monitor) ? 'max' : 'min') : mode;
    this.minDelta = Math.abs(minDelta);
  }

  /**
   * The value in the record of an epoch; undefined in that of one that was stopped, if it is not there.
   * @throws ArgumentError if there is none of this name.
   */
  valueIn(record: EpochRecord): number | undefined {
    const values = valuesOf(record);
    const value = values[this.name];
    if (value !== undefined || record.partial) return value;
    const fix = this.name.startsWith('val') ? 'Pass validation to fit().' : undefined;
    const known = Object.keys(values).join(', ');
    throw new ArgumentError(this.owner, `a value to monitor of ${known}`, `'${this.name}'`, fix);
  }

  /** Whether `value` is better than `reference` by more than `minDelta`; NaN never is. */
  improves(value: number, reference: number | undefined): boolean {
    if (reference === undefined) return !Number.isNaN(value);
    return this.mode === 'min'
      ? value + this.minDelta < reference
      : value - this.minDelta > reference;
  }
}

/** All numbers of a record, metrics included, by name. */
export function valuesOf({ metrics, ...record }: EpochRecord): Record<string, number> {
  const numbers = Object.entries(record).filter(([, value]) => typeof value === 'number');
  return { ...(Object.fromEntries(numbers) as Record<string, number>), ...metrics };
}
