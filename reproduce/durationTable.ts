/** How long experiments take, in words. */
import { markdown } from '../bench/peers/table.js';
import {
  adaptersOf,
  gpuSeconds,
  GPU_WORDS,
  measuredRates,
  multiplyAddsOf,
  secondsAt,
  workOf,
} from './duration.js';
import type { Experiment, Version, VersionName } from './experiments.js';
import type { Kept } from './results.js';
import { aboutWords, plannedWords } from './words.js';

/** How long each size of each experiment takes, by adapter. Opens networks to count what they do. */
export function durationTable(
  kept: Kept,
  sizes: readonly (readonly [Experiment, VersionName, Version])[],
): string {
  const adapters = adaptersOf(kept);
  const rows = sizes.map(([experiment, name, version]) => {
    const work = workOf(experiment, version);
    const rates = measuredRates(kept, experiment);
    return [
      experiment.name,
      plannedWords(name, version),
      String(version.batchSize ?? experiment.batchSize),
      ...adapters.map((adapter) => {
        const rate = rates.get(adapter);
        return rate === undefined ? 'not measured' : aboutWords(secondsAt(work, rate));
      }),
      aboutWords(gpuSeconds(work, multiplyAddsOf(experiment))),
    ];
  });
  return markdown(['experiment', 'size', 'batch', ...adapters, GPU_WORDS], rows);
}

/** What a row says of a size that did not run: how long it takes here, and on a GPU. */
export function notRunWords(
  experiment: Experiment,
  version: Version,
  kept: Kept,
  adapter: string,
): string {
  const work = workOf(experiment, version);
  const rate = measuredRates(kept, experiment).get(adapter);
  const here = rate === undefined ? '' : `${aboutWords(secondsAt(work, rate))} here, `;
  const why =
    experiment.needsGpu && version === experiment.versions.full ? 'needs a GPU' : 'not run';
  const onGpu = aboutWords(gpuSeconds(work, multiplyAddsOf(experiment)));
  return `${why}: ${here}${onGpu} on ${GPU_WORDS}`;
}
