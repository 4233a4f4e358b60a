import { InvalidArgumentError, Option, type Command } from 'commander';

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

/** `--data`, `--root` and `--batch-size`. */
export function withDataOptions(command: Command, batchSize: number): Command {
  return command
    .addOption(new Option('--data <name>', 'data set').choices(['mnist']).default('mnist'))
    .option(
      '--root <folder>',
      'folder with the files of the data set (default: searched for, or downloaded)',
    )
    .option('--batch-size <n>', 'examples of a batch', wholeNumber(1), batchSize);
}
