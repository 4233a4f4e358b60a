/** Cards joined by arrows, in layers from one end to the other. */

import { SMALL, type Card } from './architectureCards.js';
import { html, type Markup } from './html.js';
import { layered, type Layering } from './layering.js';
import { QUIET_INK } from './palette.js';
import { textWidth } from './svg.js';

const NODE_GAP = 26;
const PASSING = 24;
const LABEL_START = 8;
/** Between layers: without a label, with one, with edges that bend. */
const GAPS = { plain: 16, labelled: 32, bent: 44 };
/** Of the arrow into the first card, where there is one. */
const ENTRY = 28;

type Point = readonly [x: number, y: number];

/** What can be drawn with its upper left corner anywhere. */
export interface Flow {
  width: number;
  height: number;
  draw(left: number, top: number): Markup;
}

/**
 * @param entry  Whether an arrow leads into the first card.
 * @returns with an arrow out of each card whose result nobody takes.
 */
export function flowOf(cards: readonly Card[], vertical: boolean, entry: boolean): Flow {
  const layout = layered(
    cards.map(({ width, height, inputs }) => ({ across: vertical ? width : height, inputs })),
    NODE_GAP,
    PASSING,
  );
  const along = alongOf(cards, layout, vertical);
  const before = entry ? ENTRY : 0;
  const length = along.ends.at(-1)! + before;
  // A label beside the path may be wider than half of its card.
  const room = vertical
    ? Math.max(0, ...cards.map(({ label, width }) => overhang(label, width)))
    : 0;
  return {
    width: vertical ? layout.across + 2 * room : length,
    height: vertical ? length : layout.across,
    draw: (left, top) =>
      drawFlow(cards, layout, along, vertical, entry, (across, onward) =>
        vertical
          ? [left + room + across, top + before + onward]
          : [left + before + onward, top + across],
      ),
  };
}

function drawFlow(
  cards: readonly Card[],
  layout: Layering,
  along: Along,
  vertical: boolean,
  entry: boolean,
  place: (across: number, onward: number) => Point,
): Markup {
  const sizeOf = ({ width, height }: Card): number => (vertical ? height : width);
  const arrow = (across: number, from: number, to: number): Markup => {
    const [start, stop, tip] = [from, to - ARROW, to].map((at) => place(across, at));
    return arrowed(`M${start!.join(' ')}L${stop!.join(' ')}`, tip!, vertical);
  };
  const middleOf = (i: number): number => along.middles[layout.layers[i]!]!;
  const paths = layout.edges.map(({ from, to, via }) => {
    const stops = [
      { layer: layout.layers[from]!, middle: layout.middles[from]! },
      ...via,
      { layer: layout.layers[to]!, middle: layout.middles[to]! },
    ];
    const start = middleOf(from) + sizeOf(cards[from]!) / 2;
    const end = middleOf(to) - sizeOf(cards[to]!) / 2;
    return edgePath(stops, start, end, along, place, vertical);
  });
  const boxes = cards.map((card, i) => {
    const [x, y] = place(layout.middles[i]!, middleOf(i));
    return card.draw(x - card.width / 2, y - card.height / 2);
  });
  const labels = cards.map((card, i) => {
    if (card.label === '') return undefined;
    const [x, y] = place(layout.middles[i]!, middleOf(i) + sizeOf(card) / 2);
    if (!vertical) return shapeLabel(card.label, x + LABEL_START, y - 7);
    const left = bends(layout, i, 1) && !bends(layout, i, -1);
    return shapeLabel(card.label, left ? x - 9 : x + 9, y + 20, left ? 'end' : 'start');
  });
  const ways = cards.flatMap((card, i) => {
    if (layout.edges.some(({ from }) => from === i)) return [];
    const end = middleOf(i) + sizeOf(card) / 2;
    const to = end + (vertical ? GAPS.labelled - 6 : textWidth(card.label, SMALL) + 22);
    return [arrow(layout.middles[i]!, end, to)];
  });
  const first = middleOf(0) - sizeOf(cards[0]!) / 2;
  return html`${entry && arrow(layout.middles[0]!, -ENTRY, first)} ${paths} ${ways} ${boxes}
  ${labels}`;
}

/** Middle and both ends of each layer in the direction of the flow. */
interface Along {
  middles: number[];
  starts: number[];
  ends: number[];
}

function alongOf(
  cards: readonly Card[],
  { layers, middles, edges }: Layering,
  vertical: boolean,
): Along {
  const count = Math.max(...layers) + 1;
  const along: Along = { middles: [], starts: [], ends: [] };
  let at = 0;
  for (let layer = 0; layer < count; layer++) {
    const here = cards.filter((_, i) => layers[i] === layer);
    const size = Math.max(...here.map(({ width, height }) => (vertical ? height : width)));
    along.starts.push(at);
    along.middles.push(at + size / 2);
    along.ends.push(at + size);
    const bent = edges.some(({ from, to, via }) => {
      const stops = [
        { layer: layers[from]!, middle: middles[from]! },
        ...via,
        { layer: layers[to]!, middle: middles[to]! },
      ];
      const i = stops.findIndex((stop) => stop.layer === layer);
      const next = stops[i + 1];
      return i >= 0 && next !== undefined && Math.abs(next.middle - stops[i]!.middle) > 1;
    });
    const labels = here.map(({ label }) => textWidth(label, SMALL) + 22);
    const labelled = here.some(({ label }) => label !== '') ? GAPS.labelled : GAPS.plain;
    // To the right, a label and a bend lie behind each other.
    const gap = vertical
      ? Math.max(labelled, bent ? GAPS.bent : 0)
      : Math.max(labelled, ...labels) + (bent ? GAPS.bent / 2 : 0);
    at += size + (layer < count - 1 ? gap : 0);
  }
  // What comes out at the end has its arrow too.
  const out = cards
    .filter((_, i) => layers[i] === count - 1)
    .map(({ label }) => textWidth(label, SMALL) + 22);
  along.ends[count - 1]! += vertical ? GAPS.labelled - 6 : Math.max(...out);
  return along;
}

/** From the end of a card to the start of another one, straight through the layers between. */
function edgePath(
  stops: readonly { layer: number; middle: number }[],
  start: number,
  end: number,
  along: Along,
  place: (across: number, along: number) => Point,
  vertical: boolean,
): Markup {
  const text = ([x, y]: Point): string => `${round(x)} ${round(y)}`;
  let d = `M${text(place(stops[0]!.middle, start))}`;
  let [across, at] = [stops[0]!.middle, start];
  stops.slice(1).forEach(({ layer, middle }, i) => {
    const last = i === stops.length - 2;
    const to = last ? end - ARROW : along.starts[layer]!;
    if (Math.abs(middle - across) < 1) d += `L${text(place(middle, to))}`;
    else {
      // Straight to the end of the layer, so that the bend lies where no card is.
      const from = Math.max(at, along.ends[stops[i]!.layer]!);
      if (from > at) d += `L${text(place(across, from))}`;
      const half = (from + to) / 2;
      const bend = [place(across, half), place(middle, half), place(middle, to)];
      d += `C${bend.map(text).join(' ')}`;
    }
    if (!last) d += `L${text(place(middle, along.ends[layer]!))}`;
    [across, at] = [middle, last ? to : along.ends[layer]!];
  });
  return arrowed(d, place(stops.at(-1)!.middle, end), vertical);
}

/** A path with a head at its end. */
function arrowed(d: string, [x, y]: Point, vertical: boolean): Markup {
  return html`<path d="${d}" fill="none" stroke="${QUIET_INK}" stroke-width="1.5" />
    <path
      d="M${round(x)} ${round(y)}${vertical ? 'l-4 -7h8z' : 'l-7 -4v8z'}"
      fill="${QUIET_INK}"
    />`;
}

const ARROW = 5;

/** True if an edge beside the way down from a node bends to the right (1) or to the left (-1). */
function bends({ edges, middles, layers }: Layering, node: number, side: number): boolean {
  const here = middles[node]!;
  const next = new Set(edges.filter(({ from }) => from === node).map(({ to }) => to));
  return edges.some(({ from, to, via }) => {
    const below = via.find(({ layer }) => layer === layers[node]! + 1)?.middle ?? middles[to]!;
    const beside = via.find(({ layer }) => layer === layers[node]!)?.middle ?? middles[from]!;
    const joins = next.has(to) && layers[to] === layers[node]! + 1 && (beside - here) * side > 1;
    return joins || (from === node && (below - here) * side > 1);
  });
}

function shapeLabel(text: string, x: number, y: number, anchor = 'start'): Markup {
  return html`<text
    x="${x}"
    y="${y}"
    text-anchor="${anchor}"
    font-size="${SMALL}"
    fill="${QUIET_INK}"
    stroke="#ffffff"
    stroke-width="4"
    paint-order="stroke"
    data-shape="${text}"
    >${text}</text
  >`;
}

/** How far a label beside the middle reaches over the edge of its card. */
function overhang(label: string, width: number): number {
  return Math.max(0, 12 + textWidth(label, SMALL) - width / 2);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
