/** Which experiments run, and in which size. */
import { ArgumentError } from 'shadegrad';
import { EXPERIMENTS, type Experiment, type Version, type VersionName } from './experiments.js';

export interface Choice {
  experiment: Experiment;
  /** Null where it does not run. */
  version: Version | null;
  /** Of the one that runs; of what is left out, the one that it would take. */
  versionName: VersionName;
}

export interface ChoiceOptions {
  /** Whether the adapter is one of software. */
  software: boolean;
  quick?: boolean;
  /** As published, on a software adapter too. */
  full?: boolean;
  /** Names of experiments, in any case. Default all. */
  only?: readonly string[];
  /** In place of those that the version has. */
  epochs?: number;
}

/**
 * The size of each experiment.
 * @throws ArgumentError for a name that no experiment has.
 */
export function choose({
  software,
  quick = false,
  full = false,
  only,
  epochs,
}: ChoiceOptions): Choice[] {
  return named(only).map((experiment) => {
    const { versions } = experiment;
    const wanted = quick ? 'quick' : software && !full ? 'software' : 'full';
    const version = versions[wanted];
    const versionName = !version || version === versions.full ? 'full' : wanted;
    return {
      experiment,
      version: version && epochs ? { ...version, epochs } : version,
      versionName,
    };
  });
}

function named(only: readonly string[] | undefined): readonly Experiment[] {
  if (!only) return EXPERIMENTS;
  const wanted = only.map((name) => {
    const found = EXPERIMENTS.find((one) => one.name.toLowerCase() === name.toLowerCase());
    if (found) return found;
    const names = EXPERIMENTS.map((one) => one.name).join(', ');
    throw new ArgumentError('reproduce', `--only of ${names}`, `'${name}'`);
  });
  return EXPERIMENTS.filter((experiment) => wanted.includes(experiment));
}
