import { Option, type Command } from 'commander';
import { ArgumentError, DataFormatError, io, ResourceError } from 'shadegrad';
import { AUGMENTATION_NAMES, parseAugment } from './augmentations.js';
import type { NormalizationChoice } from './dataSets.js';
import { modelOptions, withModelOptions, withoutModelOptions } from './modelOptions.js';
import {
  countOrShare,
  numberFrom,
  wholeNumber,
  withDataOptions,
  type DataOptions,
  type GlobalOptions,
} from './options.js';
import { parseSchedule, SCHEDULE_NAMES } from './schedules.js';

/** All that a training is made with: the command line, a config file, and defaults. */
export interface TrainSettings extends DataOptions {
  model: string;
  /** Options of the network's constructor that were given. */
  options: Record<string, unknown>;
  normalize: NormalizationChoice;
  validation?: number;
  epochs: number;
  optimizer: OptimizerName;
  lr: number;
  momentum: number;
  weightDecay: number;
  schedule?: string;
  earlyStopping?: number;
  minDelta: number;
  monitor: string;
  augment?: string;
  accumulate: number;
  clipNorm?: number;
  mixedPrecision?: boolean;
  seed: number;
  checkpointEvery?: number;
  out: string;
}

/** What says how a training is run, and is not part of it. */
export interface TrainRequest extends GlobalOptions {
  settings: TrainSettings;
  /** Goes on with what is in the folder. */
  resume: boolean;
  /** Replaces an unfinished training. */
  overwrite: boolean;
}

/** The optimizers by name, with the learning rate that each starts from. */
const DEFAULT_LR = { adam: 1e-3, adamw: 1e-3, sgd: 0.05, rmsprop: 1e-3 } as const;

export type OptimizerName = keyof typeof DEFAULT_LR;

/** As commander hands it over. */
interface Given extends GlobalOptions, Omit<TrainSettings, 'model' | 'options' | 'lr' | 'out'> {
  lr?: number;
  out?: string;
  config?: string;
  resume?: string | true;
  overwrite?: boolean;
}

const NO_MODEL =
  "error: missing required argument 'model'\nName a network, or a training with --resume or --config.";

/** Those that are not settings of a training. */
const REQUESTS = ['config', 'resume', 'overwrite', 'debug', 'help'];
/** Those that may be others when a training goes on. */
const FREE = ['epochs', 'checkpointEvery', 'out', 'root'];

export function withTrainOptions(command: Command): Command {
  withModelOptions(withDataOptions(command, { batchSize: 64, data: 'mnist' }));
  return command
    .addOption(
      new Option('--normalize <how>', 'pixels less their mean and over their deviation, or 0 to 1')
        .choices(['standard', '0-1'])
        .default('standard'),
    )
    .option(
      '--augment <list>',
      `changes training images at random: ${AUGMENTATION_NAMES.join(', ')}, each alone or with its number`,
      parseAugment,
    )
    .option(
      '--validation <n>',
      'training images held out to validate on, or their share (default: 5000; 20% of few)',
      countOrShare,
    )
    .option('--epochs <n>', 'passes over the training images', wholeNumber(1), 2)
    .addOption(
      new Option('--optimizer <name>', 'how the weights are updated')
        .choices(Object.keys(DEFAULT_LR))
        .default('adam'),
    )
    .option(
      '--lr <rate>',
      `learning rate (default: ${DEFAULT_LR.adam}; ${DEFAULT_LR.sgd} for sgd)`,
      numberFrom(0),
    )
    .option('--momentum <share>', 'momentum of sgd', numberFrom(0), 0.9)
    .option('--weight-decay <weight>', 'weight of the L2 penalty', numberFrom(0), 0)
    .option(
      '--schedule <name>',
      `learning rate by the epoch: ${SCHEDULE_NAMES.join(', ')}; numbers follow, as in step:stepSize=5,gamma=0.5`,
      parseSchedule,
    )
    .option(
      '--early-stopping <epochs>',
      'ends after so many epochs without improvement, with the best weights',
      wholeNumber(0),
    )
    .option('--min-delta <change>', 'what counts as an improvement', numberFrom(0), 0)
    .option('--monitor <value>', 'what has to improve', 'valLoss')
    .option('--accumulate <n>', 'batches of an update', wholeNumber(1), 1)
    .option('--clip-norm <norm>', 'scales gradients down to this norm', numberFrom(0))
    .option('--mixed-precision', 'forward pass in f16, where the adapter has it')
    .option(
      '--seed <n>',
      'seed of weights and order; the same seed gives the same run',
      wholeNumber(0),
      1,
    )
    .addOption(
      new Option(
        '--config <file>',
        'reads these settings from a JSON file; the command line wins',
      ).conflicts('resume'),
    )
    .option('--out <folder>', 'where results go (default: runs/<model>)')
    .option('--resume [folder]', 'goes on with the training in a folder (default: that of --out)')
    .option(
      '--checkpoint-every <n>',
      'updates between checkpoints (default: by time)',
      wholeNumber(1),
    )
    .option('--overwrite', 'replaces an unfinished training');
}

/**
 * The settings of a call, from the command line, then the training that goes on or the config file,
 * then the defaults.
 *
 * @param model       From the command line, if given.
 * @param configPath  Where a folder keeps the settings of its training.
 */
export async function resolveSettings(
  model: string | undefined,
  command: Command,
  configPath: (folder: string) => string,
): Promise<TrainRequest> {
  const given = command.optsWithGlobals<Given>();
  const { resume, config } = given;
  let name = model;
  let fileOptions: unknown;
  const take = (file: string, { model: own, options, ...rest }: Record<string, unknown>): void => {
    if (typeof own === 'string') name ??= own;
    fileOptions = options;
    for (const [key, value] of Object.entries(rest)) setOption(command, key, value, file);
  };
  if (config !== undefined) take(config, await readJson(config));
  const folder = typeof resume === 'string' ? resume : (given.out ?? (model && `runs/${model}`));
  if (resume !== undefined) {
    if (folder === undefined) command.error(NO_MODEL);
    const file = configPath(folder);
    const kept = await readJson(file).catch((error: unknown) => {
      // It was ended before it wrote anything: from its beginning, then.
      if (model !== undefined && error instanceof ResourceError) return null;
      throw error;
    });
    if (kept) {
      refuseChanges(command, model, kept, file);
      take(file, kept);
    }
  }
  if (name === undefined) command.error(NO_MODEL);
  const all = command.optsWithGlobals<Given>();
  const { overwrite = false, debug, out, lr, ...rest } = withoutModelOptions(all);
  delete rest.config;
  delete rest.resume;
  const settings: TrainSettings = {
    ...rest,
    model: name,
    options: { ...(fileOptions as object), ...modelOptions(all) },
    lr: lr ?? DEFAULT_LR[rest.optimizer],
    out: (resume === undefined ? out : folder) ?? `runs/${name}`,
  };
  return { settings, resume: resume !== undefined, overwrite, debug };
}

/** @throws DataFormatError for a file that has no JSON object. */
export async function readJson(file: string): Promise<Record<string, unknown>> {
  const text = new TextDecoder().decode(await io.readFile(file));
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>;
    }
  } catch (error) {
    throw new DataFormatError(file, `expected JSON: ${(error as Error).message}`);
  }
  throw new DataFormatError(file, 'expected a JSON object, such as { "epochs": 10 }');
}

/** Takes one setting of a file as if it stood on the command line, unless one does. */
function setOption(command: Command, key: string, value: unknown, file: string): void {
  const known = command.options.filter((one) => !REQUESTS.includes(one.attributeName()));
  const option = known.find((one) => one.attributeName() === key);
  if (!option) {
    const names = ['model', 'options', ...known.map((one) => one.attributeName())].join(', ');
    throw new DataFormatError(file, `expected settings of ${names}, got '${key}'`);
  }
  if (command.getOptionValueSource(key) === 'cli') return;
  command.setOptionValueWithSource(key, parseAs(option, value, file), 'config');
}

function parseAs(option: Option, value: unknown, file: string): unknown {
  if (!option.required && !option.optional) {
    if (typeof value === 'boolean') return value;
    throw new DataFormatError(file, `expected true or false for ${option.attributeName()}`);
  }
  try {
    const text = String(value);
    const parse = option.parseArg as ((text: string, before: unknown) => unknown) | undefined;
    return parse ? parse(text, undefined) : text;
  } catch (error) {
    const problem = `${option.attributeName()} ${JSON.stringify(value)}: ${(error as Error).message}`;
    throw new DataFormatError(file, problem);
  }
}

/** @throws ArgumentError for a setting on the command line that a training did not begin with. */
function refuseChanges(
  command: Command,
  model: string | undefined,
  { options = {}, ...kept }: Record<string, unknown>,
  file: string,
): void {
  const was: Record<string, unknown> = { ...kept, ...(options as object) };
  const given = command.optsWithGlobals<Record<string, unknown>>();
  const changes = command.options
    .map((option) => ({ key: option.attributeName(), name: option.long! }))
    .filter(({ key }) => ![...FREE, ...REQUESTS].includes(key))
    .filter(({ key }) => command.getOptionValueSource(key) === 'cli')
    .map(({ key, name }) => ({ name, got: given[key], kept: was[key] }));
  if (model !== undefined) changes.unshift({ name: 'the network', got: model, kept: was.model });
  for (const { name, got, kept } of changes) {
    if (got === kept) continue;
    const fix = 'Leave it out, or begin another training with --out.';
    const expected = `${name} ${kept === undefined ? 'left out' : JSON.stringify(kept)}, as in ${file}`;
    throw new ArgumentError('train --resume', expected, got, fix);
  }
}
