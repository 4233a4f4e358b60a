/** The confusion matrix of a classifier as a heat map, and the accuracy of each class. */

import { ArgumentError, ShapeError } from '../errors.js';
import { html, type Markup } from './html.js';
import {
  blues,
  cssColor,
  formatCount,
  formatPercent,
  GRID_LINE,
  INK,
  inkOn,
  oranges,
  QUIET_INK,
} from './palette.js';
import { fitText, svgFigure } from './svg.js';

/**
 * Counts of a classifier with K classes: row = true class, column = predicted class. Either K rows
 * of K numbers, or K * K numbers in row-major order.
 */
export type ConfusionCounts = ArrayLike<number> | readonly ArrayLike<number>[];

/** Options of `confusionMatrixChart`. */
export interface ConfusionMatrixOptions {
  /** Name of each class. Default: the indices from 0. */
  classNames?: readonly string[];
  /** Text above the chart. Default: none. */
  title?: string;
}

/** How often one class was recognised. */
export interface ClassAccuracy {
  name: string;
  /** Samples that belong to the class. */
  total: number;
  /** Those of them that were predicted as the class. */
  correct: number;
  /** correct / total (recall), from 0 to 1; NaN if the class has no sample. */
  accuracy: number;
  /** correct / all samples predicted as the class, from 0 to 1; NaN if there is none. */
  precision: number;
}

/**
 * Draws the counts, with the percent of each row below the count. What is right, the diagonal, is
 * framed and blue by its share of the row; mistakes are orange by their share, on a scale of their
 * own that ends at the most frequent mistake, since few mistakes would else all look white.
 *
 * With more than 16 classes the cells have no percent and with more than 28 no count, for want of
 * room; the tooltip of a cell always has both.
 *
 * @returns A complete `<svg>` element with a white background.
 * @throws ShapeError     Not a square of counts, or not one name for each class.
 * @throws ArgumentError  A count is negative or not finite.
 */
export function confusionMatrixChart(
  counts: ConfusionCounts,
  options: ConfusionMatrixOptions = {},
): string {
  const rows = checkedRows('confusionMatrixChart', counts);
  const names = checkedNames('confusionMatrixChart', rows.length, options.classNames);
  const k = rows.length;
  const cell = k <= 16 ? 50 : k <= 28 ? 34 : Math.max(8, Math.floor(900 / k));
  const labelSize = Math.min(15, Math.max(7, cell * 0.8));
  const longest = Math.max(...names.map((name) => Array.from(name).length));
  const room = Math.min(120, longest * labelSize * 0.58 + 8);
  const slanted = longest * labelSize * 0.58 > cell * 0.85;
  const left = 30 + room;
  const top = (options.title ? 40 : 12) + 24 + (slanted ? room : labelSize + 8);
  const width = left + k * cell + 12;
  const height = top + k * cell + 36;

  const totals = rows.map((row) => row.reduce((a, b) => a + b, 0));
  const share = (t: number, p: number): number => (totals[t]! > 0 ? rows[t]![p]! / totals[t]! : 0);
  const indices = names.map((_, i) => i);
  let worst = 0;
  for (const t of indices) {
    for (const p of indices) if (t !== p) worst = Math.max(worst, share(t, p));
  }

  const drawCell = (t: number, p: number): Markup => {
    const count = rows[t]![p]!;
    const hit = t === p;
    const depth = hit ? share(t, p) * 0.9 : worst > 0 ? (share(t, p) / worst) * 0.75 : 0;
    const fill = hit ? blues(depth) : oranges(depth);
    const [x, y] = [left + p * cell, top + t * cell];
    const words = `true ${names[t]}, predicted ${names[p]}: ${formatCount(count)} (${formatPercent(
      totals[t]! > 0 ? share(t, p) : NaN,
    )} of the row)`;
    const line = (dy: number, size: number, text: string): Markup =>
      html`<text
        x="${x + cell / 2}"
        y="${y + dy}"
        font-size="${size}"
        text-anchor="middle"
        fill="${count === 0 && !hit ? '#7b8794' : inkOn(fill)}"
        ${hit && html` font-weight="600"`}
        >${text}</text
      >`;
    const percent = share(t, p) * 100;
    const digits = percent >= 9.95 ? 0 : 1;
    return html`<g
      ><title>${words}</title
      ><rect
        x="${x}"
        y="${y}"
        width="${cell}"
        height="${cell}"
        fill="${cssColor(fill)}"
        stroke="${GRID_LINE}"
      />${
        k <= 28 &&
        line(cell / 2 + (k <= 16 && count > 0 ? -1 : 5), countSize(count, cell), formatCount(count))
      }${
        k <= 16 &&
        count > 0 &&
        line(cell / 2 + 15, 11, percent < 0.05 ? '<0.1 %' : `${percent.toFixed(digits)} %`)
      }</g
    >`;
  };

  const content = html`${
      options.title &&
      html`<text
        x="${width / 2}"
        y="26"
        font-size="17"
        font-weight="600"
        text-anchor="middle"
        fill="${INK}"
        >${fitText(options.title, width, 17)}</text
      >`
    }
    <text
      x="${left + (k * cell) / 2}"
      y="${(options.title ? 40 : 12) + 12}"
      font-size="15"
      text-anchor="middle"
      fill="${QUIET_INK}"
      >predicted</text
    >
    <text
      transform="translate(18 ${top + (k * cell) / 2}) rotate(-90)"
      font-size="15"
      text-anchor="middle"
      fill="${QUIET_INK}"
      >true</text
    >
    ${indices.map((i) => {
      const middle = (i + 0.5) * cell;
      const text = fitText(names[i]!, room, labelSize);
      const above = slanted
        ? html`transform="translate(${left + middle + labelSize * 0.35} ${top - 6}) rotate(-90)"
          text-anchor="start"`
        : html`x="${left + middle}" y="${top - 8}" text-anchor="middle"`;
      return html`<text
          x="${left - 7}"
          y="${top + middle + labelSize * 0.35}"
          font-size="${labelSize}"
          text-anchor="end"
          fill="${INK}"
          >${text}</text
        >
        <text ${above} font-size="${labelSize}" fill="${INK}">${text}</text>`;
    })}
    ${indices.map((t) => indices.map((p) => (k > 28 && t !== p && rows[t]![p] === 0 ? null : drawCell(t, p))))}
    <rect
      x="${left}"
      y="${top}"
      width="${k * cell}"
      height="${k * cell}"
      fill="none"
      stroke="#9aa5b1"
    />
    ${indices.map((i) => html`<rect x="${left + i * cell}" y="${top + i * cell}" width="${cell}" height="${cell}" fill="none" stroke="${cssColor(blues(1))}" stroke-width="${k <= 28 ? 2 : 1}" />`)}
    ${legend(left, top + k * cell + 12, k * cell, worst)}`;
  const right = indices.reduce((sum, i) => sum + rows[i]![i]!, 0);
  const all = totals.reduce((a, b) => a + b, 0);
  const label = `Confusion matrix of ${k} classes: ${formatCount(right)} of ${formatCount(all)} right`;
  return svgFigure(Math.ceil(width), Math.ceil(height), label, content);
}

/**
 * The accuracy of each class, from the same counts.
 *
 * @param classNames  Default: the indices from 0.
 * @throws As `confusionMatrixChart`.
 */
export function perClassAccuracy(
  counts: ConfusionCounts,
  classNames?: readonly string[],
): ClassAccuracy[] {
  const rows = checkedRows('perClassAccuracy', counts);
  return checkedNames('perClassAccuracy', rows.length, classNames).map((name, i) => {
    const total = rows[i]!.reduce((a, b) => a + b, 0);
    const predicted = rows.reduce((sum, row) => sum + row[i]!, 0);
    const correct = rows[i]![i]!;
    return { name, total, correct, accuracy: correct / total, precision: correct / predicted };
  });
}

/** Says what the two colours mean, if there is room for it. */
function legend(x: number, y: number, width: number, worst: number): Markup | undefined {
  if (width < 300) return undefined;
  const entry = (at: number, color: string, text: string): Markup =>
    html`<rect x="${at}" y="${y}" width="13" height="13" fill="${color}" />
      <text x="${at + 19}" y="${y + 11.5}" font-size="13" fill="${QUIET_INK}">${text}</text>`;
  return html`${entry(x, cssColor(blues(0.9)), 'right')}
  ${entry(x + 72, cssColor(oranges(0.75)), `wrong, full colour at ${formatPercent(worst, 1)} of a row`)}`;
}

function countSize(count: number, cell: number): number {
  return Math.min(cell * 0.32, (cell - 8) / (formatCount(count).length * 0.62));
}

function checkedRows(fn: string, counts: ConfusionCounts): number[][] {
  const nested = typeof counts[0] === 'object';
  const k = nested ? counts.length : Math.sqrt(counts.length);
  const flat = nested ? [] : Array.from(counts as ArrayLike<number>);
  const rows = nested
    ? Array.from(counts as ArrayLike<ArrayLike<number>>, (row) => Array.from(row))
    : Array.from({ length: Math.floor(k) }, (_, i) => flat.slice(i * k, (i + 1) * k));
  if (k < 1 || !Number.isInteger(k) || rows.some((row) => row.length !== k)) {
    throw new ShapeError(
      fn,
      'counts (K, K)',
      nested
        ? `rows of ${[...new Set(rows.map((row) => row.length))].join(' and ')}`
        : [counts.length],
      'Pass one row and one column for each class',
    );
  }
  const bad = rows.flat().findIndex((count) => !(count >= 0 && Number.isFinite(count)));
  if (bad >= 0) {
    const place = `${rows.flat()[bad]} in row ${Math.floor(bad / k)}, column ${bad % k}`;
    throw new ArgumentError(fn, 'counts of 0 and above', place);
  }
  return rows;
}

function checkedNames(fn: string, k: number, names?: readonly string[]): readonly string[] {
  if (names === undefined) return Array.from({ length: k }, (_, i) => String(i));
  if (names.length !== k) {
    throw new ShapeError(fn, `${k} classNames, one for each class`, [names.length]);
  }
  return names;
}
