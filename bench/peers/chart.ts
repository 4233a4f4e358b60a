/** The README's chart: a bar for each library and row, on a logarithmic axis. */
import { html, type Markup } from '../../src/viz/html.js';
import { GRID_LINE, INK, QUIET_INK, SERIES_COLORS } from '../../src/viz/palette.js';
import { fitText, svgFigure } from '../../src/viz/svg.js';
import { OURS, RIVALS, summaryRows, type SummaryRow } from './summary.js';
import type { BenchResults } from './results.js';
import { formatMs } from './table.js';

const WIDTH = 860;
const LEFT = 350; // names of rows
const RIGHT = 110; // what stands behind a bar
const TOP = 92;
const BAR = 14;
const GAP = 14;

/** Times of ours and its rivals, row by row. */
export function benchChart(results: BenchResults): string {
  const ids = [OURS, ...Object.keys(RIVALS)];
  const rows = summaryRows(results).filter(
    ({ unit, values }) => unit === 'ms' && ids.every((id) => values[id]),
  );
  const times = rows.flatMap(({ values }) => ids.map((id) => values[id]!.value));
  const low = Math.floor(Math.log10(Math.min(...times, 1e3) * 0.7)); // room for the shortest bar
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...times, 1))));
  const x = (ms: number): number =>
    LEFT + ((Math.log10(ms) - low) / (high - low)) * (WIDTH - LEFT - RIGHT);
  const rowHeight = ids.length * BAR + GAP;
  const bottom = TOP + rows.length * rowHeight;
  const decades = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i));
  const content = html`
    <text x="16" y="28" font-size="17" font-weight="600" fill="${INK}">Time, lower is better</text>
    <text x="16" y="48" font-size="13" fill="${QUIET_INK}"
      >${results.adapter}, ${results.runtime}, ${results.date}; logarithmic axis</text
    >
    ${ids.map((id, i) => legend(id, i))}
    ${decades.map(
      (ms) =>
        html`<line x1="${x(ms)}" y1="${TOP}" x2="${x(ms)}" y2="${bottom}" stroke="${GRID_LINE}" />
          <text
            x="${x(ms)}"
            y="${bottom + 18}"
            font-size="12"
            text-anchor="middle"
            fill="${QUIET_INK}"
            >${formatMs(ms)}</text
          >`,
    )}
    ${rows.map((row, i) => bars(row, ids, TOP + i * rowHeight + GAP / 2, x))}
  `;
  const label = `Time of ${OURS}, ${Object.values(RIVALS).join(' and ')} on ${results.adapter}`;
  return svgFigure(WIDTH, bottom + 32, label, content);
}

function legend(id: string, i: number): Markup {
  const at = 16 + i * 210;
  return html`<rect x="${at}" y="62" width="14" height="14" fill="${SERIES_COLORS[i]!}" />
    <text x="${at + 20}" y="74" font-size="13" fill="${INK}">${RIVALS[id] ?? id}</text>`;
}

function bars(
  { name, values }: SummaryRow,
  ids: readonly string[],
  top: number,
  x: (ms: number) => number,
): Markup {
  const middle = top + (ids.length * BAR) / 2 + 4;
  return html`<text x="${LEFT - 10}" y="${middle}" font-size="13" text-anchor="end" fill="${INK}"
      >${fitText(name, LEFT - 20, 13)}</text
    >
    ${ids.map((id, i) => {
      const { value, atLeast } = values[id]!;
      const [y, end] = [top + i * BAR, x(value)];
      return html`<rect
          x="${LEFT}"
          y="${y}"
          width="${Math.max(1, end - LEFT).toFixed(1)}"
          height="${BAR - 2}"
          fill="${SERIES_COLORS[i]!}"
        />
        <text x="${(end + 5).toFixed(1)}" y="${y + BAR - 4}" font-size="11" fill="${QUIET_INK}"
          >${atLeast ? 'over ' : ''}${formatMs(value)}</text
        >`;
    })}`;
}
