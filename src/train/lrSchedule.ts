import { ArgumentError } from '../errors.js';
import {
  ReduceLROnPlateau,
  type LRScheduler,
  type LRSchedulerState,
  type ReduceLROnPlateauState,
} from '../optim/lr.js';
import type { Callback, CallbackState, TrainingContext } from './callback.js';
import type { EpochRecord } from './history.js';
import { Monitor } from './monitor.js';

export interface LRScheduleOptions {
  /** How often the schedule goes on: once an epoch (default), or at each update of the parameters. */
  every?: 'epoch' | 'update';
  /** What ReduceLROnPlateau is given: a value of the record or a metric. Default 'valLoss'. */
  monitor?: string;
}

/**
 * Takes the steps of a schedule of `sg.optim.lr`.
 *
 * @example
 * const schedule = new sg.optim.lr.CosineAnnealingLR(optimizer, { tMax: 20 });
 * new Trainer(model, { optimizer, callbacks: [new LRSchedule(schedule)] });
 */
export class LRSchedule implements Callback {
  private readonly every: 'epoch' | 'update';
  private readonly monitor: Monitor;
  /** Updates that the schedule knows of. */
  private updates = 0;

  constructor(
    readonly scheduler: LRScheduler | ReduceLROnPlateau,
    { every = 'epoch', monitor }: LRScheduleOptions = {},
  ) {
    if (every !== 'epoch' && every !== 'update') {
      throw new ArgumentError('LRSchedule', "every 'epoch' or 'update'", every);
    }
    if (every === 'update' && scheduler instanceof ReduceLROnPlateau) {
      const fix = 'Its value is that of an epoch.';
      throw new ArgumentError('LRSchedule', "every 'epoch' for ReduceLROnPlateau", every, fix);
    }
    this.every = every;
    this.monitor = new Monitor('LRSchedule', { monitor });
  }

  onTrainBegin(): void {
    this.updates = 0;
  }

  onBatchEnd(_epoch: number, _batch: number, { updates }: TrainingContext): void {
    if (this.every === 'epoch' || this.scheduler instanceof ReduceLROnPlateau) return;
    for (; this.updates < updates; this.updates++) this.scheduler.step();
  }

  onEpochEnd(record: EpochRecord): void {
    if (this.every === 'update' || record.partial) return;
    if (!(this.scheduler instanceof ReduceLROnPlateau)) {
      this.scheduler.step();
      return;
    }
    const value = this.monitor.valueIn(record);
    if (value !== undefined) this.scheduler.step(value);
  }

  /** The class of its scheduler. */
  get schedulerName(): string {
    return this.scheduler.constructor.name;
  }

  stateDict(): CallbackState {
    return { values: { updates: this.updates, scheduler: this.scheduler.stateDict() } };
  }

  loadStateDict({ values }: CallbackState): void {
    const { updates, scheduler } = values as {
      updates: number;
      scheduler: LRSchedulerState & ReduceLROnPlateauState;
    };
    this.updates = updates;
    this.scheduler.loadStateDict(scheduler);
  }
}
