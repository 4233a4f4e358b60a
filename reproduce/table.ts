/** Published figures, ours and Python's beside each other. */
import { markdown } from '../bench/peers/table.js';
import { formatSeconds } from '../src/viz/palette.js';
import {
  gpuSeconds,
  GPU_WORDS,
  measuredRates,
  multiplyAddsOf,
  secondsAt,
  workOf,
  adaptersOf,
} from './duration.js';
import {
  EXPERIMENTS,
  type Bar,
  type Experiment,
  type Figures,
  type Version,
  type VersionName,
} from './experiments.js';
import { isOf, resultsOf, type ExperimentResult, type Kept, type PythonResult } from './results.js';

const FIGURES: Readonly<Record<keyof Figures, string>> = {
  trainLoss: 'train loss',
  trainAccuracy: 'train accuracy',
  testLoss: 'test loss',
  testAccuracy: 'test accuracy',
};

/** One line of the table. */
export interface Row {
  experiment: Experiment;
  versionName: VersionName;
  /** Null where it did not run: `note` then says why. */
  result: ExperimentResult | null;
  python: PythonResult | null;
  note?: string;
}

/** A table for each adapter that there are results of, under its name. */
export function keptTables(kept: Kept): string {
  const tables = adaptersOf(kept).map((adapter) => {
    const { cpu, versions } = kept.files.findLast(
      ({ environment }) => environment.adapter.description === adapter,
    )!.environment;
    const rows = keptRows(kept, adapter);
    return `${adapter}, ${cpu}, Node ${versions.node}\n\n${reproductionTable(rows)}`;
  });
  return tables.join('\n\n');
}

/** Each size of each experiment, with what is kept of it. */
export function keptRows(kept: Kept, adapter: string): Row[] {
  const results = resultsOf(kept, adapter);
  return EXPERIMENTS.flatMap((experiment) =>
    versionsOf(experiment).map(([versionName, version]) => {
      const isIt = isOf(experiment, versionName);
      const result = results.find(isIt) ?? null;
      const python = kept.python.find(isIt) ?? null;
      const note = result ? undefined : notRunWords(experiment, version, kept, adapter);
      return { experiment, versionName, result, python, note };
    }),
  );
}

/** The sizes of an experiment that are not the same. */
export function versionsOf({ versions }: Experiment): [VersionName, Version][] {
  const all = Object.entries(versions) as [VersionName, Version | null][];
  return all.filter(
    (entry): entry is [VersionName, Version] =>
      entry[1] !== null && (entry[0] === 'full' || entry[1] !== versions.full),
  );
}

const HEADER = [
  'experiment',
  'run',
  'published',
  'shadegrad',
  'Keras or PyTorch',
  'must be',
  '',
  'time',
];

/** In Markdown. */
export function reproductionTable(rows: readonly Row[]): string {
  return markdown(HEADER, rows.map(cells));
}

function cells({ experiment, versionName, result, python, note }: Row): string[] {
  const version = experiment.versions[versionName]!;
  const shown = shownFigures(experiment, version);
  return [
    experiment.name,
    result ? ranWords(versionName, result) : plannedWords(versionName, version),
    publishedWords(experiment),
    result ? figureWords(result.figures, shown) : (note ?? 'not run'),
    python ? `${figureWords(python.figures, shown)}, ${pythonWords(python, result)}` : '',
    version.bars.map(barWords).join(', '),
    result ? (meets(version.bars, result) ? 'reached' : missedWords(result)) : '',
    result ? `${formatSeconds(result.seconds)}, ${result.imagesPerSecond.toFixed(0)} images/s` : '',
  ];
}

/** Figures that were published or that the bars are about. */
function shownFigures({ published }: Experiment, { bars }: Version): (keyof Figures)[] {
  const wanted = new Set([
    ...(typeof published === 'string' ? [] : Object.keys(published)),
    ...bars.map((bar) => ('figure' in bar ? bar.figure : 'trainLoss')),
  ]);
  return (Object.keys(FIGURES) as (keyof Figures)[]).filter((figure) => wanted.has(figure));
}

function figureWords(figures: Partial<Figures>, shown: readonly (keyof Figures)[]): string {
  return shown
    .filter((figure) => figures[figure] !== undefined)
    .map((figure) => `${FIGURES[figure]} ${figures[figure]!.toFixed(4)}`)
    .join(', ');
}

function publishedWords({ published }: Experiment): string {
  if (typeof published === 'string') return `(${published})`;
  return figureWords(published, Object.keys(FIGURES) as (keyof Figures)[]);
}

const count = (n: number, what: string): string =>
  `${n.toLocaleString('en-US')} ${what}${n === 1 ? '' : 's'}`;

function ranWords(name: VersionName, result: ExperimentResult): string {
  const { epochs, plannedEpochs, images, finished, bestEpoch } = result;
  const early = finished && epochs < plannedEpochs;
  const words =
    early || !finished ? `${epochs} of ${plannedEpochs} epochs` : count(epochs, 'epoch');
  const best = bestEpoch ? `, the best ${bestEpoch}` : '';
  return `${name}: ${words} of ${count(images, 'image')}${best}${finished ? '' : ', cut off'}`;
}

function plannedWords(name: VersionName, { epochs, images, validation = 0 }: Version): string {
  const trained = Math.floor(images * (1 - validation));
  return `${name}: ${count(epochs, 'epoch')} of ${count(trained, 'image')}`;
}

/** What sets the Python figures apart from ours, too. */
function pythonWords(python: PythonResult, ours: ExperimentResult | null): string {
  const [framework] = python.framework.split(/[\s,]/);
  const data = ours && ours.data !== python.data ? ', other data' : '';
  return `${framework}, ${count(python.epochs, 'epoch')}${data}`;
}

function barWords(bar: Bar): string {
  if ('lossFalls' in bar) return 'loss falls';
  const figure = FIGURES[bar.figure];
  if ('atLeast' in bar) return `${figure} at least ${bar.atLeast}`;
  if ('atMost' in bar) return `${figure} at most ${bar.atMost}`;
  return `${figure} ${bar.near} within ${bar.within}`;
}

function missedWords({ finished }: ExperimentResult): string {
  return finished ? 'MISSED' : 'not yet';
}

/** Whether figures are as good as they must be. */
export function meets(
  bars: readonly Bar[],
  { figures, history }: Pick<ExperimentResult, 'figures' | 'history'>,
): boolean {
  return bars.every((bar) => {
    if ('lossFalls' in bar) return history.at(-1)!.loss < history[0]!.loss;
    const value = figures[bar.figure];
    if (value === undefined) return false;
    if ('atLeast' in bar) return value >= bar.atLeast;
    if ('atMost' in bar) return value <= bar.atMost;
    return Math.abs(value - bar.near) <= bar.within;
  });
}

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

/** `about 3 min`, and not to the second. */
function aboutWords(seconds: number): string {
  if (seconds < 60) return `about ${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 2 * 3600) return `about ${Math.round(seconds / 60)} min`;
  return `about ${Math.round(seconds / 3600)} h`;
}
