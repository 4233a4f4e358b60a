/** `npm run reproduce`: the tutorials' experiments, published figures beside ours. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError, Option } from 'commander';
import { close, init, io, ShadegradError, type Device } from 'shadegrad';
import { withBlock } from '../bench/text.js';
import { describe } from '../src/cli/errors.js';
import { adapterLine } from '../src/cli/gpu.js';
import { wholeNumber } from '../src/cli/options.js';
import { choose, versionsOf } from './choice.js';
import { durationTable } from './durationTable.js';
import { EXPERIMENTS } from './experiments.js';
import { reproduce, type ReproduceOptions } from './reproduce.js';
import { FOLDER, readKept } from './results.js';
import { keptTables } from './table.js';

const README = 'reproduce/README.md';

interface Options {
  quick?: boolean;
  full?: boolean;
  only?: string[];
  epochs?: number;
  seed: number;
  python?: boolean;
  pythonOnly?: boolean;
  list?: boolean;
  readme?: boolean;
  root?: string;
  save: boolean;
}

const program = new Command('npm run reproduce --')
  .description("Runs the tutorials' experiments: published figures beside ours.")
  .option('--quick', 'sizes of which a software adapter does all in less than 15 minutes')
  .addOption(
    new Option('--full', 'as published, on a software adapter too, in hours').conflicts('quick'),
  )
  .addOption(
    new Option('--only <names...>', 'these alone').choices(EXPERIMENTS.map(({ name }) => name)),
  )
  .option('--epochs <n>', 'in place of those of the experiment', wholeNumber(1))
  .option('--seed <n>', 'of weights, orders and dropout', wholeNumber(0), 1)
  .option('--python', 'runs the Python programs beside, and not only shows their kept results')
  .option('--python-only', 'runs the Python programs alone')
  .option('--list', 'how long each experiment takes on which adapter; runs nothing')
  .option('--readme', `writes the table of the kept results to ${README}; runs nothing`)
  .option(
    '--root <folder>',
    'has the folders mnist, fashion-mnist, cifar10 (default: $SHADEGRAD_DATA)',
  )
  .option('--no-save', 'keeps no results')
  .exitOverride();

try {
  program.parse();
  await main(program.opts<Options>());
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    console.error(error instanceof ShadegradError ? describe(error) : error);
    process.exitCode = 1;
  }
} finally {
  close();
}

async function main({
  root,
  list,
  readme,
  python,
  pythonOnly,
  ...options
}: Options): Promise<void> {
  // Where the library looks, and the Python programs do too.
  if (root !== undefined) process.env['SHADEGRAD_DATA'] = root;
  const device = await init({ onNote: (note) => console.error(note) });
  if (list) console.log(listed(options.only));
  else if (readme) await writeReadme();
  else await run(device, { ...options, python: pythonOnly ? 'alone' : python ? 'too' : undefined });
}

async function run(device: Device, options: ReproduceOptions): Promise<void> {
  console.log(`adapter: ${adapterLine(device)}`);
  const good = await reproduce(device, options);
  if (!good) process.exitCode = 1;
}

function listed(only: readonly string[] | undefined): string {
  const sizes = choose({ software: false, only }).flatMap(({ experiment }) =>
    versionsOf(experiment).map(([name, version]) => [experiment, name, version] as const),
  );
  return durationTable(readKept(FOLDER), sizes);
}

async function writeReadme(): Promise<void> {
  const block = keptTables(readKept(FOLDER));
  await io.writeFileAtomic(README, withBlock(readFileSync(README, 'utf8'), block, 'results'));
  console.log(`${block}\n\nwrote ${README}`);
}
