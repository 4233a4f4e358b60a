/** Runs experiments one after the other, and keeps and shows what they gave. */
import { mkdirSync } from 'node:fs';
import { ShadegradError, type Device } from 'shadegrad';
import { environmentOf } from '../bench/environment.js';
import { choose, type Choice, type ChoiceOptions } from './choice.js';
import type { Version } from './experiments.js';
import { runPython } from './python.js';
import {
  FOLDER,
  keepPythonResult,
  keepResult,
  readKept,
  resultsOf,
  type ExperimentResult,
  type PythonResult,
} from './results.js';
import { runExperiment } from './runner.js';
import {
  durationTable,
  meets,
  notRunWords,
  reproductionTable,
  versionsOf,
  type Row,
} from './table.js';

export interface ReproduceOptions extends Omit<ChoiceOptions, 'software'> {
  seed?: number;
  /** Runs the Python programs too, or them alone. Default neither: their kept results are shown. */
  python?: 'too' | 'alone';
  /** Default true. */
  save?: boolean;
  /** Where results are kept. Default {@link FOLDER}. */
  folder?: string;
  log?: (text: string) => void;
}

/** @returns whether all that ran is as it must be. */
export async function reproduce(device: Device, options: ReproduceOptions = {}): Promise<boolean> {
  const { folder = FOLDER, log = console.log } = options;
  const choices = choose({ ...options, software: device.info.software });
  mkdirSync(folder, { recursive: true });
  const problems: string[] = [];
  const rows: Row[] = [];
  for (const choice of choices) {
    const { row, problem } = await runChoice(device, choice, { ...options, folder, log });
    rows.push(row);
    if (problem) problems.push(`${choice.experiment.name}: ${problem}`);
  }
  log(`\n${reproductionTable(rows)}`);
  logTheRest(choices, folder, log);
  for (const problem of problems) log(`\n! ${problem}`);
  const isGood = ({ experiment, versionName, result }: Row): boolean =>
    !result || meets(experiment.versions[versionName]!.bars, result);
  return problems.length === 0 && rows.every(isGood);
}

type Settled = ReproduceOptions & Required<Pick<ReproduceOptions, 'folder' | 'log'>>;

async function runChoice(
  device: Device,
  choice: Choice,
  options: Settled,
): Promise<{ row: Row; problem?: string }> {
  const { experiment, version, versionName } = choice;
  const { folder, log, python } = options;
  const adapter = device.info.description;
  const row: Row = { experiment, versionName, result: null, python: null };
  if (!version) {
    const note = notRunWords(experiment, experiment.versions.full, readKept(folder), adapter);
    return { row: { ...row, note } };
  }
  log(`\n${experiment.title}\n  ${experiment.source}`);
  try {
    if (python !== 'alone') row.result = await runOurs(device, choice, version, options);
    if (python) row.python = await runTheirs(choice, version, options);
  } catch (error) {
    if (!(error instanceof ShadegradError)) throw error;
    const [problem] = error.message.split('\n');
    log(`! ${error.message}`);
    return { row: { ...row, note: 'did not run' }, problem };
  }
  const isIt = (one: ExperimentResult | PythonResult): boolean =>
    one.experiment === experiment.name && one.version === versionName;
  const kept = readKept(folder);
  row.result ??= resultsOf(kept, adapter).find(isIt) ?? null;
  row.python ??= kept.python.find(isIt) ?? null;
  return { row };
}

async function runOurs(
  device: Device,
  { experiment, versionName }: Choice,
  version: Version,
  { folder, log, seed = 1, save = true }: Settled,
): Promise<ExperimentResult> {
  const environment = environmentOf(device);
  const keep = async (measured: Awaited<ReturnType<typeof runExperiment>>) => {
    const { commit } = environment;
    const result = { experiment: experiment.name, version: versionName, commit, ...measured };
    if (save) await keepResult(folder, environment, result);
    return result;
  };
  const onEpoch = async (measured: Parameters<typeof keep>[0]): Promise<void> => {
    await keep(measured);
  };
  return keep(await runExperiment(experiment, version, { seed, log, onEpoch }));
}

async function runTheirs(
  { experiment, versionName }: Choice,
  version: Version,
  { folder, seed = 1, save = true }: Settled,
): Promise<PythonResult> {
  const result = await runPython(experiment, versionName, version, seed);
  if (save) await keepPythonResult(folder, result);
  return result;
}

/** What was chosen in a smaller size than there is, and how long the larger ones take. */
function logTheRest(choices: readonly Choice[], folder: string, log: (text: string) => void): void {
  const sizes = choices.flatMap(({ experiment, version, versionName }) =>
    versionsOf(experiment)
      .filter(([name]) => name !== 'quick' && (name !== versionName || !version))
      .map(([name, size]) => [experiment, name, size] as const),
  );
  if (sizes.length > 0) log(`\nWhat did not run:\n${durationTable(readKept(folder), sizes)}`);
}
