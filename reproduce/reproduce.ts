/** Runs experiments one after the other, and keeps and shows what they gave. */
import { mkdirSync } from 'node:fs';
import { ShadegradError, type Device } from 'shadegrad';
import { adapterName, environmentOf } from '../bench/environment.js';
import { describe } from '../src/cli/errors.js';
import { meets } from './bars.js';
import { choose, versionsOf, type Choice, type ChoiceOptions } from './choice.js';
import { durationTable, notRunWords } from './durationTable.js';
import type { Version } from './experiments.js';
import { runPython } from './python.js';
import {
  FOLDER,
  isOf,
  keepPythonResult,
  keepResult,
  readKept,
  resultsOf,
  type ExperimentResult,
  type PythonResult,
} from './results.js';
import { runExperiment, type Measured } from './runner.js';
import { reproductionTable, type Row } from './table.js';

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
  const settled = { folder: FOLDER, log: console.log, seed: 1, save: true, ...options };
  const { folder, log } = settled;
  const choices = choose({ ...options, software: device.info.software });
  mkdirSync(folder, { recursive: true });
  const problems: string[] = [];
  const rows: Row[] = [];
  for (const choice of choices) rows.push(await runChoice(device, choice, settled, problems));
  log(`\n${reproductionTable(rows)}`);
  logTheRest(choices, folder, log);
  for (const problem of problems) log(`\n! ${problem}`);
  const isGood = ({ experiment, versionName, result }: Row): boolean =>
    !result || meets(experiment.versions[versionName]!.bars, result);
  return problems.length === 0 && rows.every(isGood);
}

type Settled = ReproduceOptions &
  Required<Pick<ReproduceOptions, 'folder' | 'log' | 'seed' | 'save'>>;

/** @param problems  Takes what went wrong, by the experiment's name. */
async function runChoice(
  device: Device,
  { experiment, version, versionName }: Choice,
  options: Settled,
  problems: string[],
): Promise<Row> {
  const { folder, log, python } = options;
  const adapter = adapterName(device.info);
  const row: Row = { experiment, versionName, result: null, python: null };
  if (!version) {
    const note = notRunWords(experiment, experiment.versions.full, readKept(folder), adapter);
    return { ...row, note };
  }
  const attempt = async <T>(run: () => Promise<T>): Promise<T | null> => {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof ShadegradError)) throw error;
      log(describe(error));
      const [problem] = error.message.split(/\. |\n/);
      row.note ??= `did not run: ${problem}`;
      problems.push(`${experiment.name}: ${problem}`);
      return null;
    }
  };
  log(`\n${experiment.title}\n  ${experiment.source}`);
  const run = { experiment, version, versionName };
  if (python !== 'alone') {
    row.result = await attempt(() => runOurs(device, run, options));
    if (!row.result) return row;
  }
  if (python) row.python = await attempt(() => runTheirs(run, options));
  const kept = readKept(folder);
  const isIt = isOf(experiment, versionName);
  row.result ??= resultsOf(kept, adapter).find(isIt) ?? null;
  row.python ??= kept.python.find(isIt) ?? null;
  return row;
}

interface ChosenRun extends Choice {
  version: Version;
}

async function runOurs(
  device: Device,
  { experiment, version, versionName }: ChosenRun,
  { folder, log, seed, save }: Settled,
): Promise<ExperimentResult> {
  const environment = environmentOf(device);
  const keep = async (measured: Measured): Promise<ExperimentResult> => {
    const { commit } = environment;
    const result = { experiment: experiment.name, version: versionName, commit, ...measured };
    if (save) await keepResult(folder, environment, result);
    return result;
  };
  return keep(await runExperiment(experiment, version, { seed, log, onEpoch: keep }));
}

async function runTheirs(
  { experiment, version, versionName }: ChosenRun,
  { folder, seed, save }: Settled,
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
