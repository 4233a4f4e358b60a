import fs from 'node:fs';
import { Option, type Command } from 'commander';
import { ArgumentError, DataFormatError } from 'shadegrad';
import { AUGMENTATION_NAMES, parseAugment } from './augmentations.js';
import type { NormalizationChoice } from './dataSets.js';
import { readJson } from './json.js';
import { MODEL_OPTIONS, modelOptions, withModelOptions } from './modelOptions.js';
import {
  countOrShare,
  numberFrom,
  wholeNumber,
  withDataOptions,
  type DataOptions,
  type GlobalOptions,
} from './options.js';
import { parseSchedule, SCHEDULE_NAMES, spelledOut } from './schedules.js';

/** All that a training is made with: the command line, a config file, and defaults. */
export interface TrainSettings extends DataOptions {
  model: string;
  /** Options of the network's constructor that were given. */
  options: Record<string, unknown>;
  normalize: NormalizationChoice;
  validation?: number;
  epochs: number;
  optimizer: OptimizerName;
  /** Default that of the optimizer. */
  lr?: number;
  momentum: number;
  /** Default that of the optimizer. */
  weightDecay?: number;
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

/** What a call asks for: the settings of a training, and what to do about one that is there. */
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

/** The learning rate that a training begins with. */
export function initialLr({ lr, optimizer }: Pick<TrainSettings, 'lr' | 'optimizer'>): number {
  return lr ?? DEFAULT_LR[optimizer];
}

/** As commander hands it over. */
interface Given extends GlobalOptions, Omit<TrainSettings, 'model' | 'options' | 'out'> {
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
const FREE = ['epochs', 'checkpointEvery', 'root'];

/** What `--monitor` may name. */
export const MONITORED = ['valLoss', 'valAccuracy', 'loss', 'accuracy'] as const;

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
    .option(
      '--weight-decay <weight>',
      'weight of the L2 penalty (default: 0; 0.01 for adamw)',
      numberFrom(0),
    )
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
    .addOption(
      new Option('--monitor <value>', 'what has to improve').choices(MONITORED).default('valLoss'),
    )
    .option('--accumulate <n>', 'batches of an update', wholeNumber(1), 1)
    .option('--clip-norm <norm>', 'scales gradients down to this norm', numberFrom(0))
    .option('--mixed-precision', 'forward pass in f16, where the adapter has it')
    .option('--no-mixed-precision', 'in f32, whatever the config file says')
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
  const { resume, config, out } = given;
  let name = model;
  let fileOptions: object = {};
  const take = (file: string, values: Record<string, unknown>, wins: readonly string[]): void => {
    const { model: own, options = {}, ...rest } = values;
    if (typeof own === 'string') name ??= own;
    if (typeof options !== 'object' || options === null || Array.isArray(options)) {
      throw new DataFormatError(file, 'expected an object of the options of the network');
    }
    fileOptions = options;
    for (const [key, value] of Object.entries(rest)) {
      const isGiven = command.getOptionValueSource(key) === 'cli';
      if (!isGiven || !wins.includes(key)) setOption(command, key, value, file);
    }
  };
  const all = command.options.map((option) => option.attributeName());
  if (config !== undefined) take(config, await readJson(config), all);
  const folder = typeof resume === 'string' ? resume : (out ?? (model && `runs/${model}`));
  if (resume !== undefined) {
    if (folder === undefined) command.error(NO_MODEL);
    if (out !== undefined && out !== folder) {
      const fix = 'A training goes on in its own folder: leave --out out.';
      throw new ArgumentError('train', `one folder, ${folder}`, `--out ${out}`, fix);
    }
    const file = configPath(folder);
    // Where it is missing, and a network is named, the training has not begun.
    if (model === undefined || fs.existsSync(file)) {
      const kept = await readJson(file);
      refuseChanges(command, model, kept, file);
      take(file, kept, FREE);
    }
  }
  if (name === undefined) command.error(NO_MODEL);
  const found = command.optsWithGlobals<Given>();
  const { overwrite = false, debug } = found;
  for (const [key, isOf, owner] of [
    ['momentum', found.optimizer === 'sgd', '--optimizer sgd'],
    ['minDelta', found.earlyStopping !== undefined, '--early-stopping'],
  ] as const) {
    if (isOf || command.getOptionValueSource(key) !== 'cli') continue;
    const { long } = command.options.find((option) => option.attributeName() === key)!;
    throw new ArgumentError('train', `${long} with ${owner} alone`, `it without ${owner}`);
  }
  const isSetting = (key: string): boolean => ![...REQUESTS, ...MODEL_OPTIONS, 'out'].includes(key);
  const rest = Object.fromEntries(Object.entries(found).filter(([key]) => isSetting(key))) as Omit<
    TrainSettings,
    'model' | 'options' | 'out'
  >;
  const settings: TrainSettings = {
    ...rest,
    model: name,
    options: { ...fileOptions, ...modelOptions(found) },
    schedule: rest.schedule && spelledOut(rest.schedule, rest.epochs),
    out: (resume === undefined ? found.out : folder) ?? `runs/${name}`,
  };
  return { settings, resume: resume !== undefined, overwrite, debug };
}

/** Takes one setting of a file as if it stood on the command line. */
function setOption(command: Command, key: string, value: unknown, file: string): void {
  const known = command.options.filter((one) => !REQUESTS.includes(one.attributeName()));
  const option = known.find((one) => one.attributeName() === key);
  if (!option) {
    const names = ['model', 'options', ...known.map((one) => one.attributeName())].join(', ');
    throw new DataFormatError(file, `expected settings of ${names}, got '${key}'`);
  }
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
  const lr = initialLr(kept as object as TrainSettings);
  const was: Record<string, unknown> = { ...kept, lr, ...(options as object) };
  const given = { ...command.optsWithGlobals<Given>() } as Record<string, unknown>;
  if (typeof given.schedule === 'string') {
    given.schedule = spelledOut(given.schedule, Number(kept.epochs));
  }
  const changes = command.options
    .map((option) => ({ key: option.attributeName(), name: option.long! }))
    .filter(({ key }) => ![...FREE, ...REQUESTS, 'out'].includes(key))
    .filter(({ key }) => command.getOptionValueSource(key) === 'cli')
    .map(({ key, name }) => ({ name, got: given[key], kept: was[key] }));
  if (model !== undefined) changes.unshift({ name: 'the network', got: model, kept: was.model });
  for (const { name, got, kept } of changes) {
    if (got === kept || (got === false && kept === undefined)) continue;
    const fix = 'Leave it out, or begin another training with --out.';
    const expected = `${name} ${kept === undefined ? 'left out' : JSON.stringify(kept)}, as in ${file}`;
    throw new ArgumentError('train --resume', expected, got, fix);
  }
}
