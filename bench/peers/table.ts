/** The results as tables of text. */
import { formatNumber } from '../../src/viz/palette.js';
import { timesOf, type BenchResults, type CellResult, type Measured } from './results.js';
import { median, ratioOf, type Ratio } from './stats.js';

/** 1.2 s, 34 ms. */
export function formatMs(ms: number): string {
  return ms < 1000 ? `${formatNumber(ms, 3)} ms` : `${formatNumber(ms / 1000, 3)} s`;
}

/** 13.5x (12.1 to 15.2). */
export function formatRatio({ median, low, high }: Ratio): string {
  const [middle, from, to] = [median, low, high].map((x) => formatNumber(x, 3));
  return from === to ? `${middle}x` : `${middle}x (${from} to ${to})`;
}

/** Rows of cells under a header, in Markdown. */
export function markdown(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((_, i) =>
    Math.max(...[header, ...rows].map((row) => Array.from(row[i]!).length)),
  );
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`;
  return [line(header), line(widths.map((w) => '-'.repeat(w))), ...rows.map(line)].join('\n');
}

/** A peer's entry: its time, and how many times ours that is. */
export function entry(cell: CellResult, peer: string, ours: string): string {
  const measured = cell.results[peer];
  if (!measured) return '';
  switch (measured.status) {
    case 'lacks':
      return '-';
    case 'wrong':
    case 'failed':
      return measured.status;
    case 'late':
      return `over ${measured.limitSeconds} s`;
    case 'once':
    case 'measured':
      break;
  }
  if (measured.memory) return memoryEntry(measured);
  const time = formatMs(median(timesOf(measured)));
  const own = cell.results[ours];
  if (!own || peer === ours) return time;
  // A peer's only run is held against the median of ours.
  const ratio =
    measured.status === 'once' && timesOf(own).length > 0
      ? ratioOf(measured.rounds, [median(timesOf(own))])
      : ratioOf(measured.rounds, own.rounds);
  const once = measured.status === 'once' ? ' once' : '';
  return `${time}${once}${ratio ? `, ${formatRatio(ratio)}` : ''}`;
}

/** 120 MB, +3 from step 100 on. */
function memoryEntry({ memory = [], note }: Measured): string {
  const last = memory.at(-1);
  if (!last) return 'failed';
  const settled = memory.find(({ step }) => step >= Math.min(100, last.step / 2)) ?? last;
  const growth = last.megabytes - settled.megabytes;
  const most = Math.max(...memory.map(({ megabytes }) => megabytes));
  const grown = `${growth < 0 ? '' : '+'}${growth.toFixed(1)} after step ${settled.step}`;
  return `${most.toFixed(0)} MB, ${grown}${note ? `, ${note}` : ''}`;
}

/** Throughput of ours: GFLOP/s or images/s. */
function throughput(cell: CellResult, ours: string): string {
  const own = cell.results[ours];
  if (!own || timesOf(own).length === 0) return '';
  const ms = median(timesOf(own));
  if (cell.flops) return `${formatNumber(cell.flops / ms / 1e6, 3)} GFLOP/s`;
  return cell.images ? `${formatNumber((cell.images / ms) * 1000, 3)} images/s` : '';
}

/** All cells: our time and rate, and of each peer its time and its ratio to ours. */
export function cellTable({ cells, peers }: BenchResults): string {
  const ids = Object.keys(peers);
  const [ours] = ids as [string];
  const header = ['cell', ours, 'rate', ...ids.slice(1)];
  const rows = cells.map((cell) => [
    cell.name,
    entry(cell, ours, ours),
    throughput(cell, ours),
    ...ids.slice(1).map((id) => entry(cell, id, ours)),
  ]);
  return markdown(header, rows);
}

/** Steps and inference: milliseconds of JavaScript until the work is enqueued; '' where there are none. */
export function jsTable({ cells, peers }: BenchResults): string {
  const ids = Object.keys(peers).filter((id) =>
    cells.some(({ results }) => results[id]?.js !== undefined),
  );
  const rows = cells
    .filter(({ kind }) => kind === 'train' || kind === 'infer')
    .map(({ name, results }) => [
      name,
      ...ids.map((id) => {
        const js = results[id]?.js;
        return js === undefined ? '' : formatMs(js);
      }),
    ]);
  return rows.length > 0 ? markdown(['JavaScript a run', ...ids], rows) : '';
}

/** What every reader of the figures should know. */
export function notes(results: BenchResults): string[] {
  const { tolerance, rounds, adapter, runtime, cpu } = results;
  return [
    `${adapter}, ${runtime}, ${cpu}; commit ${results.commit}, ${results.date}.`,
    `Medians of ${rounds} rounds, the peers by turns; "13x (12 to 15)": how many times our time, the median and the spread of the rounds' ratios; "once": the first run is the only one that the limit had room for, shaders compiled in it.`,
    `Compared first: outputs, and the losses of two steps (of one, where there was no time for two), with float64 to a relative norm of ${tolerance}; of CIFAR AlexNet the second loss with ours. Gradients of convolutions are without the forward pass.`,
    'Same weights, batches and optimizers; dropout is off on all sides. onnxruntime, WASM and CPU backends use the CPU without WebGPU and stand there for scale.',
  ];
}
