import { writeFileAtomic } from '../data/files.js';
import type { Callback } from './callback.js';
import type { EpochRecord } from './history.js';

const COLUMNS = [
  'epoch',
  'loss',
  'accuracy',
  'valLoss',
  'valAccuracy',
  'seconds',
  'examplesPerSecond',
] as const;

/** Writes one line an epoch to a CSV file, in Node; the file is whole after every epoch. */
export class CSVLogger implements Callback {
  private lines: string[] = [];

  /** @param path  Of the file; it is replaced. */
  constructor(readonly path: string) {}

  onTrainBegin(): void {
    this.lines = [COLUMNS.join(',')];
  }

  async onEpochEnd(record: EpochRecord): Promise<void> {
    this.lines.push(COLUMNS.map((column) => record[column] ?? '').join(','));
    await writeFileAtomic(this.path, `${this.lines.join('\n')}\n`);
  }
}
