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

/**
 * Writes one line an epoch to a CSV file, in Node; the file is whole after every epoch. Metrics, by
 * those of the first epoch, have the last columns.
 */
export class CSVLogger implements Callback {
  private lines: string[] = [];
  private metrics: string[] = [];

  /** @param path  Of the file; it is replaced. */
  constructor(readonly path: string) {}

  onTrainBegin(): void {
    this.lines = [];
  }

  async onEpochEnd(record: EpochRecord): Promise<void> {
    if (this.lines.length === 0) {
      this.metrics = Object.keys(record.metrics ?? {});
      this.lines = [[...COLUMNS, ...this.metrics].join(',')];
    }
    const values = [
      ...COLUMNS.map((column) => record[column]),
      ...this.metrics.map((name) => record.metrics?.[name]),
    ];
    this.lines.push(values.map((value) => value ?? '').join(','));
    await writeFileAtomic(this.path, `${this.lines.join('\n')}\n`);
  }
}
