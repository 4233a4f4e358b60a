/** What was measured, and the files that it is kept in. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { io } from 'shadegrad';
import { resultsName, type Environment } from '../bench/environment.js';
import type { Experiment, Figures, VersionName } from './experiments.js';

export const FOLDER = 'reproduce/results';

/** An epoch as it went; a test after it, where there is one. */
export interface EpochFigures {
  epoch: number;
  loss: number;
  accuracy: number;
  valLoss?: number;
  valAccuracy?: number;
  testLoss?: number;
  testAccuracy?: number;
  seconds: number;
}

/** One run of an experiment, ours or a Python program's. */
interface Run {
  experiment: string;
  version: VersionName;
  /** When its last figures were measured. */
  date: string;
  seed: number;
  /** Those that it was to run, at most. */
  plannedEpochs: number;
  epochs: number;
  figures: Partial<Figures>;
  history: EpochFigures[];
  /** See `Parts.digest`. */
  data: string;
}

export interface ExperimentResult extends Run {
  commit: string;
  /** False while it runs, and for ever where it was cut off: figures are of its last epoch. */
  finished: boolean;
  /** Trained with in an epoch. */
  images: number;
  validationImages: number;
  testImages: number;
  /** The one whose weights were restored, with early stopping. */
  bestEpoch?: number;
  /** Of all epochs, with validation and tests. */
  seconds: number;
  /** Trained with in a second, validation and tests aside. */
  imagesPerSecond: number;
}

/** As a program of this folder printed it. */
export interface PythonResult extends Run {
  /** With its version. */
  framework: string;
  threads: number;
  images: number;
}

export interface ResultsFile {
  environment: Environment;
  results: ExperimentResult[];
}

/**
 * Writes one result into `<adapter>-<date>.json` beside the others there: in place of those of the
 * same experiment and version, but for a finished one, which only a finished one replaces. The file
 * is whole at any moment.
 * @returns its path.
 */
export async function keepResult(
  folder: string,
  environment: Environment,
  result: ExperimentResult,
): Promise<string> {
  const file = path.join(folder, resultsName(environment));
  const before = (readJson(file) as ResultsFile | null)?.results ?? [];
  const isReplaced = (other: ExperimentResult): boolean =>
    isSame(other, result) && (result.finished || !other.finished);
  const results = [...before.filter((other) => !isReplaced(other)), result];
  await writeJson(file, { environment, results } satisfies ResultsFile);
  return file;
}

/** Writes one result of a Python program into `python-<date>.json`. @returns its path. */
export async function keepPythonResult(folder: string, result: PythonResult): Promise<string> {
  const file = path.join(folder, `python-${result.date.slice(0, 10)}.json`);
  const before = (readJson(file) as PythonResult[] | null) ?? [];
  await writeJson(file, [...before.filter((other) => !isSame(other, result)), result]);
  return file;
}

const isSame = (a: Run, b: Run): boolean =>
  a.experiment === b.experiment && a.version === b.version;

/** Whether a result is of an experiment in a size. */
export function isOf({ name }: Experiment, versionName: VersionName): (run: Run) => boolean {
  return ({ experiment, version }) => experiment === name && version === versionName;
}

/** What is kept in a folder. */
export interface Kept {
  /** The files of all adapters, the oldest first. */
  files: ResultsFile[];
  /** Of each experiment and version the last. */
  python: PythonResult[];
}

export function readKept(folder: string): Kept {
  const names = readdirSync(folder).filter((name) => /-\d{4}-\d{2}-\d{2}\.json$/.test(name));
  const isPython = (name: string): boolean => name.startsWith('python-');
  const read = (name: string): unknown => readJson(path.join(folder, name));
  const files = names.filter((name) => !isPython(name)).map((name) => read(name) as ResultsFile);
  const python = names.filter(isPython).flatMap((name) => read(name) as PythonResult[]);
  return {
    files: files.sort((a, b) => a.environment.date.localeCompare(b.environment.date)),
    python: lastOfEach(python),
  };
}

/** Of an adapter's results the last of each experiment and version; a finished one before others. */
export function resultsOf({ files }: Kept, adapter: string): ExperimentResult[] {
  const all = files
    .filter(({ environment }) => environment.adapter.description === adapter)
    .flatMap(({ results }) => results);
  return lastOfEach(all.sort((a, b) => Number(a.finished) - Number(b.finished)));
}

/** The last of those that are of the same experiment and version. */
function lastOfEach<R extends Run>(results: readonly R[]): R[] {
  return results.filter((one, i) => !results.slice(i + 1).some((later) => isSame(one, later)));
}

/** What a file says; null where there is none. */
function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

async function writeJson(file: string, content: unknown): Promise<void> {
  await io.writeFileAtomic(file, `${JSON.stringify(content, null, 1)}\n`);
}
