/**
 * Line charts as SVG, drawn by echarts without a DOM: the same in Node and in browsers.
 *
 * echarts is loaded by the first chart that is drawn, so a program without charts neither loads
 * nor bundles it.
 */

import { ArgumentError, ShapeError } from '../errors.js';
import { cleanText } from './html.js';
import { FONT, GRID_LINE, INK, QUIET_INK, SERIES_COLORS } from './palette.js';
import { svgOpening } from './svg.js';

/** One line of a chart. */
export interface LineSeries {
  /** The name in the legend. */
  name: string;
  /** Where the points stand on the x axis; finite, in any order. Default: 1, 2, 3, ... */
  x?: ArrayLike<number>;
  /** The values, as many as `x`. NaN and the infinities leave a gap in the line. */
  y: ArrayLike<number>;
  /** Any CSS colour. Default: the next one of a palette that all colour vision tells apart. */
  color?: string;
  /** Draw a dashed line. Default: false. */
  dashed?: boolean;
}

/** What `lineChart` draws. */
export interface LineChartOptions {
  series: readonly LineSeries[];
  title?: string;
  xLabel?: string;
  yLabel?: string;
  /** `percent`: y is a fraction, written as percent (0.98 as 98 %). Default: `number`. */
  yFormat?: 'number' | 'percent';
  /** `log`: logarithmic y axis; values of 0 and below leave a gap. Default: `linear`. */
  yScale?: 'linear' | 'log';
  /** Width in CSS pixels; the SVG scales with its container. Default: 560. */
  width?: number;
  /** Height in CSS pixels. Default: 360. */
  height?: number;
}

/** Lines with at most this many points show each point. */
const MAX_MARKED_POINTS = 32;

const SYMBOLS = ['circle', 'triangle', 'rect', 'diamond'] as const;

/**
 * Draws lines over a common x axis.
 *
 * @returns A complete `<svg>` element with a white background, without script or animation.
 * @throws ShapeError     `x` and `y` of a series differ in length.
 * @throws ArgumentError  No series, an `x` that is not finite, or a size that is not positive.
 *
 * @example
 * await lineChart({ title: 'Loss', xLabel: 'epoch', series: [{ name: 'train', y: [0.9, 0.4] }] });
 */
export async function lineChart(options: LineChartOptions): Promise<string> {
  const { title, xLabel, yLabel, yFormat = 'number', yScale = 'linear' } = options;
  const width = checkedSize('width', options.width ?? 560);
  const height = checkedSize('height', options.height ?? 360);
  if (options.series.length === 0) {
    throw new ArgumentError('lineChart', 'at least one series', 'none', 'Pass {name, y}');
  }
  const lines = options.series.map((series) => points(series, yScale));
  const shown = lines.flat().filter(([, y]) => y !== null);
  const gaps = lines.flat().length - shown.length;
  const xs = lines.flat().map(([x]) => x);
  const many = options.series.length > 1;

  const { init, use } = await import('echarts/core');
  const { LineChart } = await import('echarts/charts');
  const { GridComponent, LegendComponent, TitleComponent } = await import('echarts/components');
  const { SVGRenderer } = await import('echarts/renderers');
  use([LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

  const label = { color: QUIET_INK, fontSize: 14, fontFamily: FONT, hideOverlap: true };
  const axis = {
    nameLocation: 'middle' as const,
    nameTextStyle: { color: INK, fontSize: 14, fontFamily: FONT },
    axisLabel: label,
    axisLine: { show: true, lineStyle: { color: '#9aa5b1' } },
    axisTick: { show: true, lineStyle: { color: '#9aa5b1' } },
    splitLine: { lineStyle: { color: GRID_LINE } },
  };
  const note = gapNote(shown.length, gaps, yScale);
  const layout = legendLayout(options, note !== '', width);

  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption({
      animation: false,
      backgroundColor: '#ffffff',
      textStyle: { fontFamily: FONT },
      title: {
        text: cleanText(title ?? ''),
        subtext: note,
        left: 16,
        top: 10,
        itemGap: 4,
        textStyle: { color: INK, fontSize: 17, fontWeight: 600, fontFamily: FONT },
        subtextStyle: { color: '#9a3412', fontSize: 13, fontFamily: FONT },
      },
      legend: {
        show: many,
        type: 'plain',
        right: 16,
        left: layout.legendLeft,
        top: layout.legendTop,
        itemWidth: 28,
        itemGap: 16,
        textStyle: {
          color: INK,
          fontSize: 14,
          fontFamily: FONT,
          width: layout.nameWidth,
          overflow: 'truncate',
        },
      },
      grid: {
        left: 16,
        right: 24,
        top: layout.gridTop,
        bottom: 14,
        outerBoundsMode: 'same',
        outerBoundsContain: 'all',
      },
      xAxis: {
        ...axis,
        type: 'value',
        name: cleanText(xLabel ?? ''),
        nameGap: 30,
        ...xRange(xs),
        splitLine: { show: false },
      },
      yAxis: {
        ...axis,
        type: yScale === 'log' ? 'log' : 'value',
        name: cleanText(yLabel ?? ''),
        nameGap: 52,
        scale: true,
        boundaryGap: xs.every((x) => x === xs[0]) ? ['10%', '10%'] : [0, 0], // a lone point off the axis
        ...(shown.length === 0 && (yScale === 'log' ? { min: 1, max: 10 } : { min: 0, max: 1 })),
        axisLabel: {
          ...label,
          formatter: yFormat === 'percent' ? (y: number) => `${trim(y * 100)} %` : trim,
        },
      },
      series: options.series.map((series, i) => ({
        type: 'line' as const,
        name: cleanText(series.name),
        data: lines[i]!.map(([x, y], k, all) => ({
          value: [x, y ?? '-'],
          symbol: isMarked(all, k) ? SYMBOLS[i % SYMBOLS.length] : 'none',
        })),
        symbol: SYMBOLS[i % SYMBOLS.length],
        symbolSize: 7,
        showAllSymbol: true,
        color: series.color ?? SERIES_COLORS[i % SERIES_COLORS.length],
        lineStyle: { width: 2.5, type: series.dashed ? ('dashed' as const) : ('solid' as const) },
        silent: true,
        emphasis: { disabled: true },
      })),
    });
    return standalone(chart.renderToSVGString(), title ?? yLabel ?? 'Line chart', width, height);
  } finally {
    chart.dispose(); // its timers would keep the process alive
  }
}

/** What one pass over the training data measured. */
export interface EpochValues {
  /** Number of the epoch, usually from 1. */
  epoch: number;
  /** Mean training loss. */
  loss: number;
  /** Training accuracy, a fraction from 0 to 1. */
  accuracy?: number;
  /** Mean validation loss after the epoch; absent if it was not measured then. */
  valLoss?: number;
  /** Validation accuracy after the epoch, a fraction from 0 to 1. */
  valAccuracy?: number;
}

/** What some batches within an epoch measured. */
export interface StepValues {
  /** Passes over the data so far, with its fraction. */
  epoch: number;
  /** Mean training loss. */
  loss: number;
  /** Training accuracy, a fraction from 0 to 1. */
  accuracy?: number;
}

/** What a training run measured; the history of a `Trainer` is one. */
export interface TrainingHistory {
  epochs: readonly EpochValues[];
  /** Where there are some, the training lines follow them and not the epochs' means. */
  steps?: readonly StepValues[];
}

/** The charts of `trainingCurves`, as SVG. */
export interface TrainingCurves {
  loss: string;
  /** Absent when the history has no accuracy. */
  accuracy?: string;
}

/**
 * The loss chart and the accuracy chart of a run: training solid, validation dashed.
 *
 * @param history  NaN leaves a gap; the line goes on over an epoch whose value is absent.
 * @param size     Width and height of each chart in CSS pixels. Default: 560 by 360.
 * @throws ArgumentError  The history has no epoch, or a number of an epoch is not finite.
 */
export async function trainingCurves(
  { epochs, steps = [] }: TrainingHistory,
  size: { width?: number; height?: number } = {},
): Promise<TrainingCurves> {
  if (epochs.length === 0) {
    throw new ArgumentError('trainingCurves', 'at least one epoch', 'an empty history.epochs');
  }
  const line = (key: Exclude<keyof EpochValues, 'epoch'>): LineSeries[] => {
    const validation = key.startsWith('val');
    const all: readonly EpochValues[] = validation || steps.length === 0 ? epochs : steps;
    const measured = all.filter((values) => values[key] !== undefined);
    if (measured.length === 0) return [];
    return [
      {
        name: validation ? 'validation' : 'training',
        x: measured.map(({ epoch }) => epoch),
        y: measured.map((values) => values[key]!),
        color: SERIES_COLORS[validation ? 1 : 0],
        dashed: validation,
      },
    ];
  };
  const losses = [...line('loss'), ...line('valLoss')];
  const accuracies = [...line('accuracy'), ...line('valAccuracy')];
  const common = { xLabel: 'epoch', ...size };
  const loss = await lineChart({ ...common, title: 'Loss', yLabel: 'loss', series: losses });
  if (accuracies.length === 0) return { loss };
  const accuracy = await lineChart({
    ...common,
    title: 'Accuracy',
    yLabel: 'accuracy',
    yFormat: 'percent',
    series: accuracies,
  });
  return { loss, accuracy };
}

type Point = readonly [x: number, y: number | null];

/** The points in the order of x; y is null where there is nothing to draw. */
function points(series: LineSeries, yScale: 'linear' | 'log'): Point[] {
  const { name, y } = series;
  const x = series.x ?? Array.from(y, (_, i) => i + 1);
  if (x.length !== y.length) {
    throw new ShapeError(
      'lineChart',
      `as many y as x (${x.length}) in series "${name}"`,
      [y.length],
      'Put NaN where a value is missing',
    );
  }
  return Array.from(x, (at, i): Point => {
    if (!Number.isFinite(at)) {
      throw new ArgumentError('lineChart', `finite x in series "${name}"`, `${at} at index ${i}`);
    }
    const value = y[i]!;
    return [at, Number.isFinite(value) && (yScale === 'linear' || value > 0) ? value : null];
  }).sort((a, b) => a[0] - b[0]);
}

/** Every point of a short line has a mark, in a long one only those that no line reaches. */
function isMarked(line: readonly Point[], i: number): boolean {
  if (line.length <= MAX_MARKED_POINTS) return true;
  return (line[i - 1]?.[1] ?? null) === null && (line[i + 1]?.[1] ?? null) === null;
}

function xRange(xs: readonly number[]): { min?: number; max?: number; minInterval?: number } {
  const whole = xs.every(Number.isInteger) ? { minInterval: 1 } : {};
  if (xs.length === 0) return { min: 0, max: 1 };
  const low = xs.reduce((a, b) => Math.min(a, b));
  const high = xs.reduce((a, b) => Math.max(a, b));
  if (low === high) return { min: low - 1, max: high + 1, ...whole };
  // Fractions of an epoch begin just after 0: the axis begins there, and not at an odd number.
  const nearZero = !xs.every(Number.isInteger) && low > 0 && low < high / 4;
  return { min: nearZero ? 0 : low, max: high, ...whole };
}

function gapNote(shown: number, gaps: number, yScale: 'linear' | 'log'): string {
  const kind = yScale === 'log' ? 'finite and positive' : 'finite';
  if (shown === 0) return `no ${kind} values`;
  if (gaps === 0) return '';
  return `${gaps} value${gaps === 1 ? ' is' : 's are'} not ${kind}, left out`;
}

/**
 * Where the legend goes: beside the title if there is room, else below it in as many rows as it
 * takes. Text cannot be measured without a DOM; 0.6 em a letter leaves room for wide fonts.
 */
function legendLayout(
  { title = '', series }: LineChartOptions,
  hasNote: boolean,
  width: number,
): { nameWidth: number; legendLeft: number; legendTop: number; gridTop: number } {
  const longest = Math.max(...series.map(({ name }) => Array.from(name).length));
  const nameWidth = Math.min(200, longest * 14 * 0.6);
  const entry = nameWidth + 28 + 5 + 16; // the line, the space after it, the gap between entries
  const room = width - 32;
  const beside = width - 16 - Math.min(room, series.length * entry);
  const head = hasNote ? 56 : 40;
  if (series.length === 1 || Array.from(title).length * 17 * 0.6 + 32 < beside) {
    return { nameWidth, legendLeft: beside, legendTop: 12, gridTop: head + 12 };
  }
  const rows = Math.ceil(series.length / Math.max(1, Math.floor(room / entry)));
  return { nameWidth, legendLeft: 16, legendTop: head, gridTop: head + 12 + rows * 24 };
}

/** Without the rounding noise of ticks such as 0.30000000000000004. */
function trim(value: number): string {
  return String(Number(value.toPrecision(6)));
}

function checkedSize(name: string, value: number): number {
  if (!(value > 0 && Number.isFinite(value))) {
    throw new ArgumentError('lineChart', `a positive ${name} in CSS pixels`, value);
  }
  return value;
}

/**
 * Takes out what echarts adds for its own scripts and style sheets, and names the clip paths after
 * the content, so that charts of one page do not share an id and the same data give the same text.
 */
function standalone(svg: string, label: string, width: number, height: number): string {
  const plain = svg
    .replace(/<style\s*>[\s\S]*?<\/style>\s*/g, '')
    .replace(/ (?:ecmeta_\w+|class)="[^"]*"/g, '')
    .replace(/(id="|url\(#)zr\d+-/g, '$1chart-');
  const name = `chart-${fingerprint(plain)}-`;
  return plain
    .replace(/(id="|url\(#)chart-/g, `$1${name}`)
    .replace(/^<svg [^>]*>/, () => svgOpening(width, height, label));
}

/** FNV-1a of the text, 32 bits in hexadecimal. */
function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16);
}
