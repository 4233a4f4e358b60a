/** Which experiments run, and in which size. */
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
  /** Names of experiments. Default all. */
  only?: readonly string[];
  /** In place of those that the version has. */
  epochs?: number;
}

/** The size of each experiment. */
export function choose({
  software,
  quick = false,
  full = false,
  only,
  epochs,
}: ChoiceOptions): Choice[] {
  const chosen = EXPERIMENTS.filter(({ name }) => only?.includes(name) ?? true);
  return chosen.map((experiment) => {
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

/** The sizes of an experiment that are not the same. */
export function versionsOf({ versions }: Experiment): [VersionName, Version][] {
  const all = Object.entries(versions) as [VersionName, Version | null][];
  return all.filter(
    (entry): entry is [VersionName, Version] =>
      entry[1] !== null && (entry[0] === 'full' || entry[1] !== versions.full),
  );
}
