import { Command, CommanderError } from 'commander';
import { close } from 'shadegrad';
import { version } from '../../package.json';
import { evaluateCommand } from './commands/evaluate.js';
import { infoCommand } from './commands/info.js';
import { predictCommand } from './commands/predict.js';
import { summaryCommand } from './commands/summary.js';
import { trainCommand } from './commands/train.js';
import { describe } from './errors.js';

/** Exit codes: 1 for what went wrong in a run, 2 for a command that was not understood. */
const FAILED = 1;
const MISUSED = 2;

/** The progress bar hides it. */
const SHOW_CURSOR = '\u001b[?25h';

const program = new Command('shadegrad')
  .description('Trains and runs neural networks on WebGPU.')
  .version(version)
  .option('--debug', 'check every GPU dispatch, and show stack traces')
  .showSuggestionAfterError()
  .configureHelp({ showGlobalOptions: true })
  .addHelpText(
    'after',
    `
Examples:
  shadegrad train lenet5 --activation relu --pool max --epochs 2
  shadegrad evaluate runs/lenet5/model.safetensors
  shadegrad predict runs/lenet5/model.safetensors digit.png`,
  )
  .exitOverride();

for (const make of [trainCommand, evaluateCommand, predictCommand, summaryCommand, infoCommand]) {
  program.addCommand(make().copyInheritedSettings(program));
}

stopOnSignals();

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Help and version come this way too, with code 0; commander has printed what there is to say.
    process.exitCode = error.exitCode === 0 ? 0 : MISUSED;
  } else {
    console.error(program.opts<{ debug?: boolean }>().debug ? error : describe(error));
    process.exitCode = FAILED;
  }
} finally {
  close();
}

/**
 * Ends at once, and clean, on Ctrl-C, on a plain `kill` and when nobody reads the output any more
 * (`shadegrad train ... | head`): files that are being written go as the process exits.
 */
function stopOnSignals(): void {
  const stop = (exitCode: number): void => {
    if (process.stdout.isTTY) process.stdout.write(SHOW_CURSOR);
    process.exit(exitCode);
  };
  // Shells report a death by signal n as 128 + n.
  process.once('SIGINT', () => stop(130));
  process.once('SIGTERM', () => stop(143));
  process.stdout.on('error', () => process.exit(FAILED));
}
