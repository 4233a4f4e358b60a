/** Published figures, ours and Python's beside each other. */
import { markdown } from '../bench/peers/table.js';
import { formatNumber, formatSeconds } from '../src/viz/palette.js';
import { barWords, meets } from './bars.js';
import { versionsOf } from './choice.js';
import { adaptersOf } from './duration.js';
import { notRunWords } from './durationTable.js';
import { EXPERIMENTS, type Experiment, type Version, type VersionName } from './experiments.js';
import { isOf, resultsOf, type ExperimentResult, type Kept, type PythonResult } from './results.js';
import { count, figureWords, plannedWords } from './words.js';

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
  return [
    experiment.name,
    result ? ranWords(versionName, result) : plannedWords(versionName, version),
    publishedWords(experiment),
    result ? measuredWords(experiment, version, result) : (note ?? 'not run'),
    python ? `${measuredWords(experiment, version, python)}, ${pythonWords(python, result)}` : '',
    version.bars.map(barWords).join(', '),
    result ? (meets(version.bars, result) ? 'reached' : missedWords(result)) : '',
    result
      ? `${formatSeconds(result.seconds)}, ${formatNumber(result.imagesPerSecond, 3)} images/s`
      : '',
  ];
}

/** The figures that were published, or that must be something. */
function measuredWords(
  { published }: Experiment,
  { bars }: Version,
  { figures, history }: Pick<ExperimentResult, 'figures' | 'history'>,
): string {
  const wanted = new Set([
    ...(typeof published === 'string' ? [] : Object.keys(published)),
    ...bars.flatMap((bar) => ('figure' in bar ? bar.figure : [])),
  ]);
  const words = figureWords(figures, (figure) => wanted.has(figure));
  if (!bars.some((bar) => 'lossFalls' in bar)) return words;
  const [first, last] = [history[0]!, history.at(-1)!].map(({ loss }) => (loss ?? NaN).toFixed(4));
  return [`loss from ${first} to ${last}`, words].filter(Boolean).join(', ');
}

function publishedWords({ published }: Experiment): string {
  if (typeof published === 'string') return `(${published})`;
  return figureWords(published);
}

function ranWords(name: VersionName, result: ExperimentResult): string {
  const { epochs, plannedEpochs, images, finished, bestEpoch } = result;
  const early = finished && epochs < plannedEpochs;
  const words =
    early || !finished ? `${epochs} of ${plannedEpochs} epochs` : count(epochs, 'epoch');
  const best = bestEpoch ? `, the best ${bestEpoch}` : '';
  return `${name}: ${words} of ${count(images, 'image')}${best}${finished ? '' : ', cut off'}`;
}

/** What sets the Python figures apart from ours, too. */
function pythonWords(python: PythonResult, ours: ExperimentResult | null): string {
  const [framework] = python.framework.split(/[\s,]/);
  const data = ours && ours.data !== python.data ? ', other data' : '';
  return `${framework}, ${count(python.epochs, 'epoch')}${data}`;
}

function missedWords({ finished }: ExperimentResult): string {
  return finished ? 'MISSED' : 'not yet';
}
