/** The README's table: what a reader wants to know, in a few rows. */
import { median } from './stats.js';
import { formatMs, markdown } from './table.js';
import { timesOf, type BenchResults, type CellResult, type Measured } from './results.js';
import { formatNumber } from '../../src/viz/palette.js';

/** Milliseconds, or megabytes, of one peer in one row. */
export interface SummaryValue {
  value: number;
  /** The value is what it took at least: it was over the limit somewhere. */
  atLeast: boolean;
}

export interface SummaryRow {
  name: string;
  unit: 'ms' | 'MB';
  /** By peer; null where it cannot do this, or was wrong. */
  values: Record<string, SummaryValue | null>;
}

/** Convolutions of a network are one row, their sum; the rest stays as it is. */
export function summaryRows({ cells, peers }: BenchResults): SummaryRow[] {
  const rows = new Map<string, CellResult[]>();
  for (const cell of cells) {
    const { length } = cells.filter(({ group }) => group === cell.group);
    const name = cell.group ? `${cell.group}, convolutions (${length} passes)` : cell.name;
    rows.set(name, [...(rows.get(name) ?? []), cell]);
  }
  return [...rows].map(([name, group]) => ({
    name,
    unit: group[0]!.kind === 'memory' ? 'MB' : 'ms',
    values: Object.fromEntries(
      Object.keys(peers).map((id) => [id, sum(group.map(({ results }) => valueOf(results[id])))]),
    ),
  }));
}

function valueOf(measured: Measured | undefined): SummaryValue | null {
  switch (measured?.status) {
    case 'late':
      return { value: measured.limitSeconds! * 1000, atLeast: true };
    case 'measured':
    case 'once': {
      const { memory } = measured;
      if (!memory) return { value: median(timesOf(measured)), atLeast: false };
      return { value: Math.max(...memory.map(({ megabytes }) => megabytes)), atLeast: false };
    }
    default:
      return null;
  }
}

function sum(values: readonly (SummaryValue | null)[]): SummaryValue | null {
  const known = values.filter((value) => value !== null);
  if (known.length < values.length) return null;
  return {
    value: known.reduce((total, { value }) => total + value, 0),
    atLeast: known.some(({ atLeast }) => atLeast),
  };
}

/** The names of those that the chart and the table put beside ours, and how the reader knows them. */
export const RIVALS: Readonly<Record<string, string>> = {
  'tfjs-webgpu': 'TensorFlow.js, WebGPU',
  'jax-webgpu': 'jax-js, WebGPU',
};

export const OURS = 'shadegrad';

/** The libraries that use no WebGPU. */
const WITHOUT_GPU = ['tfjs-wasm', 'tfjs-cpu', 'jax-wasm', 'onnxruntime'];

/** The table of the README. */
export function summaryTable(results: BenchResults): string {
  const rows = summaryRows(results).map(({ name, unit, values }) => {
    const own = values[OURS] ?? null;
    const format = ({ value, atLeast }: SummaryValue): string => {
      const text = unit === 'MB' ? `${formatNumber(value, 3)} MB` : formatMs(value);
      return atLeast ? `over ${text}` : text;
    };
    const rivals = Object.keys(RIVALS).map((id) => {
      const theirs = values[id];
      if (!theirs) return '';
      const ratio = own ? `, ${formatNumber(theirs.value / own.value, 2)}x` : '';
      return `${format(theirs)}${ratio}`;
    });
    const scale = WITHOUT_GPU.flatMap((id) => {
      const value = values[id];
      return value && !value.atLeast && unit === 'ms' ? [{ id, value }] : [];
    }).sort((a, b) => a.value.value - b.value.value)[0];
    return [
      name,
      own ? format(own) : '',
      ...rivals,
      scale ? `${format(scale.value)}, ${scale.id}` : '',
    ];
  });
  return markdown([`work`, OURS, ...Object.values(RIVALS), 'fastest without WebGPU'], rows);
}

/** What stands between the two marks of the README. */
export function readmeBlock(results: BenchResults, chart: string): string {
  const versions = Object.values(results.peers)
    .map(({ library }) => library.replace(/, .*/, ''))
    .filter((library, i, all) => library !== OURS && all.indexOf(library) === i);
  return [
    `![Time of ${OURS} and its peers on ${results.adapter}](${chart})`,
    '',
    summaryTable(results),
    '',
    `Medians on ${results.adapter}, ${results.runtime}, ${results.cpu}, ${results.date}; "13x": so many times our time. Beside ${versions.join(', ')}; the same weights, batches and optimizers, results compared before anything was timed. \`npm run bench:peers\` measures it anew.`,
  ].join('\n');
}
