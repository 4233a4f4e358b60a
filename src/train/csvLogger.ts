import { writeFileAtomic } from '../data/files.js';
import type { Callback, TrainingContext } from './callback.js';
import type { EpochRecord } from './history.js';

const COLUMNS = [
  'epoch',
  'loss',
  'accuracy',
  'valLoss',
  'valAccuracy',
  'lr',
  'seconds',
  'examplesPerSecond',
] as const;

/**
 * Writes one line an epoch to a CSV file, in Node; the file is whole after every epoch. Metrics, by
 * those of the first epoch, have the last columns.
 */
export class CSVLogger implements Callback {
  /** @param path  Of the file; it is replaced. */
  constructor(readonly path: string) {}

  async onEpochEnd(_: EpochRecord, { history }: TrainingContext): Promise<void> {
    const metrics = Object.keys(history.epochs[0]?.metrics ?? {});
    const line = (record: EpochRecord): string =>
      [...COLUMNS.map((column) => record[column]), ...metrics.map((name) => record.metrics?.[name])]
        .map((value) => value ?? '')
        .join(',');
    const lines = [[...COLUMNS, ...metrics].join(','), ...history.epochs.map(line)];
    await writeFileAtomic(this.path, `${lines.join('\n')}\n`);
  }
}
