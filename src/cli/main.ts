import { Command, CommanderError } from 'commander';
import { close } from 'shadegrad';
import { version } from '../../package.json';
import { evaluateCommand } from './commands/evaluate.js';
import { gradcheckCommand } from './commands/gradcheck.js';
import { infoCommand } from './commands/info.js';
import { plotCommand } from './commands/plot.js';
import { predictCommand } from './commands/predict.js';
import { profileCommand } from './commands/profile.js';
import { summaryCommand } from './commands/summary.js';
import { trainCommand } from './commands/train.js';
import { describe } from './errors.js';
import { stopOnSignals } from './interruption.js';

/** Exit codes: 1 for what went wrong in a run, 2 for a command that was not understood. */
const FAILED = 1;
const MISUSED = 2;

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
  shadegrad predict runs/lenet5/model.safetensors digit.png
  shadegrad plot runs/lenet5`,
  )
  .exitOverride();

const COMMANDS = [
  ...[trainCommand, evaluateCommand, predictCommand],
  ...[plotCommand, summaryCommand, gradcheckCommand, profileCommand, infoCommand],
];
for (const make of COMMANDS) {
  program.addCommand(make().copyInheritedSettings(program));
}

stopOnSignals();
// Nobody reads on, as in `shadegrad train ... | head`: what is trained is still worth its files.
process.stdout.on('error', () => {});

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
