import { InvalidArgumentError, Option, type Command } from 'commander';
import { DATA_NAMES } from './dataSets.js';

/** Options that several commands share, and parsers that refuse what cannot be. */

export interface GlobalOptions {
  debug?: boolean;
}

export interface DataOptions {
  data: string;
  root?: string;
  batchSize: number;
}

export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
      throw new InvalidArgumentError(`Expected a whole number of ${least} or more.`);
    }
    return value;
  };
}

export function numberFrom(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isFinite(value) || value < least) {
      throw new InvalidArgumentError(`Expected a number of ${least} or more.`);
    }
    return value;
  };
}

/** A number of examples, or a share of them: 5000, 0.2 or 20%. */
export function countOrShare(text: string): number {
  const share = /^(\d+(?:\.\d+)?)%$/.exec(text);
  const value = share ? Number(share[1]) / 100 : Number(text);
  const isShare = value > 0 && value < 1;
  if (text.trim() === '' || !(isShare || (!share && Number.isSafeInteger(value) && value >= 0))) {
    throw new InvalidArgumentError('Expected a whole number of images, or a share such as 20%.');
  }
  return value;
}

/** `--data`, `--root` and `--batch-size`. */
export function withDataOptions(
  command: Command,
  { batchSize, data }: { batchSize: number; data?: string },
): Command {
  const choice = data === undefined ? 'data set (default: that of the training)' : 'data set';
  return command
    .addOption(new Option('--data <name>', choice).choices(DATA_NAMES).default(data))
    .option(
      '--root <folder>',
      'folder with the files of the data set (default: searched for, or downloaded); of folder, ' +
        'that of the images, with a sub-folder for each class',
    )
    .option('--batch-size <n>', 'examples of a batch', wholeNumber(1), batchSize);
}
