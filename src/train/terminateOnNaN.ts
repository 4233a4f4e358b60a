import type { Callback, TrainingContext } from './callback.js';
import type { EpochRecord, StepRecord } from './history.js';

/**
 * Ends training once the loss is NaN or infinite. It looks at the losses that are read back anyway,
 * about fifty an epoch, and so costs nothing.
 * Source: https://keras.io/api/callbacks/terminate_on_nan/
 */
export class TerminateOnNaN implements Callback {
  /** The epoch in which it ended training; 0 if it did not. */
  stoppedEpoch = 0;

  onTrainBegin(): void {
    this.stoppedEpoch = 0;
  }

  onStep({ loss, epoch }: StepRecord, context: TrainingContext): void {
    this.check(loss, Math.ceil(epoch), context);
  }

  onEpochEnd({ loss, epoch }: EpochRecord, context: TrainingContext): void {
    this.check(loss, epoch, context);
  }

  private check(loss: number, epoch: number, context: TrainingContext): void {
    if (Number.isFinite(loss)) return;
    this.stoppedEpoch ||= epoch;
    context.stop();
  }
}
