import { writeFileAtomic } from '../data/files.js';
import { ArgumentError } from '../errors.js';
import type { Callback, CheckpointMoment, TrainingContext } from './callback.js';
import { encodeTrainingState, type TrainingState } from './trainingState.js';

export interface TrainingCheckpointOptions {
  /** Updates of the parameters from one save to the next within an epoch. Default by time. */
  every?: number;
  /**
   * Seconds from one save to the next within an epoch, where `every` is not given; more where saves
   * would otherwise take over a twentieth of the time. Default 60.
   */
  seconds?: number;
}

/** What takes a checkpoint; training waits for it. */
export type KeepCheckpoint = (bytes: Uint8Array) => void | Promise<void>;

/** Times what a save took that must pass before the next one within an epoch. */
const APART = 20;

/**
 * Saves all that training needs to go on after it was interrupted: weights, optimizer, schedules and
 * other callbacks, random state, epoch and position. `fit` with `resume` then ends with the weights
 * that an undisturbed run has, bit for bit.
 *
 * Saves after every epoch, now and then within one, and when `Trainer.stop` interrupts; never what
 * has a loss that is no number. A path, in Node, is that of a safetensors file, which is whole at
 * any moment; a function, for browsers, is given its bytes.
 *
 * @example
 * const path = 'runs/lenet/checkpoint.safetensors';
 * const trainer = new Trainer(model, { optimizer, callbacks: [new TrainingCheckpoint(path)] });
 * await trainer.fit(loader, { epochs: 10, resume: existsSync(path) ? path : undefined });
 */
export class TrainingCheckpoint implements Callback {
  /** Updates of the parameters in what was saved last; undefined before there is one. */
  savedUpdates: number | undefined;
  private readonly every: number | undefined;
  private readonly seconds: number;
  private nextTime = 0;

  /** @throws ArgumentError for `every` or `seconds` that no time can be. */
  constructor(
    private readonly target: string | KeepCheckpoint,
    { every, seconds = 60 }: TrainingCheckpointOptions = {},
  ) {
    if (every !== undefined && (!Number.isInteger(every) || every < 1)) {
      throw new ArgumentError('TrainingCheckpoint', 'every of 1 update or more', every);
    }
    if (!(seconds >= 0)) {
      throw new ArgumentError('TrainingCheckpoint', 'seconds from 0 up', seconds);
    }
    this.every = every;
    this.seconds = seconds;
  }

  onTrainBegin(): void {
    this.savedUpdates = undefined;
    this.nextTime = performance.now() + 1000 * this.seconds;
  }

  async onCheckpoint(at: CheckpointMoment, context: TrainingContext): Promise<void> {
    if (at === 'update' && !this.isDue(context)) return;
    const started = performance.now();
    const state = await context.state();
    if (isHealthy(state)) {
      const bytes = await encodeTrainingState(state);
      if (typeof this.target === 'function') await this.target(bytes);
      else await writeFileAtomic(this.target, bytes);
      this.savedUpdates = context.updates;
    }
    const cost = performance.now() - started;
    this.nextTime = performance.now() + Math.max(1000 * this.seconds, APART * cost);
  }

  private isDue({ updates }: TrainingContext): boolean {
    return this.every === undefined
      ? performance.now() >= this.nextTime
      : updates % this.every === 0;
  }
}

/** Whether the losses so far are numbers. */
function isHealthy({ values: { pass, history } }: TrainingState): boolean {
  if (pass) return Number.isFinite(pass.totals.lossSum);
  const { loss = 0, valLoss = 0 } = history.epochs.at(-1) ?? {};
  return Number.isFinite(loss) && Number.isFinite(valLoss);
}
