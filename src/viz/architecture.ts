/** The layers of a network and what flows between them, drawn as a graph. */

import { ArgumentError } from '../errors.js';
import { formatPrefixed } from '../nn/units.js';
import { html, type Markup } from './html.js';
import { layered, type Layering } from './layering.js';
import { cssColor, formatCount, INK, mix, QUIET_INK, SERIES_COLORS, WHITE } from './palette.js';
import { fitText, svgFigure, textWidth } from './svg.js';

/** A layer, or something else that a network computes. */
export interface ArchitectureNode {
  /** Default: `layer`. */
  kind?: 'input' | 'layer' | 'op';
  /** Class of the layer, `Conv2d`, or name of the op, `add`. */
  type: string;
  /** Path of the layer: `features.0`. */
  name?: string;
  /** In words, with commas between: `96 filters 11x11, stride 4`. */
  settings?: string;
  /** Of what it returns, the batch first; that one is not shown, and may be a letter. */
  outputShape: readonly (number | string)[];
  /** Default: 0. */
  parameters?: number;
  /** True if the parameters are those of a layer before. Default: false. */
  repeated?: boolean;
  /** Where its inputs come from: indices in `graph`, smaller than its own. Default: the one before. */
  inputs?: readonly number[];
}

/** What `architectureGraph` draws; `summary()` of a Module gives one. */
export interface Architecture {
  /** What was computed, each node after its inputs. */
  graph: readonly ArchitectureNode[];
  /** Name of the network. */
  model?: string;
  /** Of the whole network. Default: not shown. */
  parameters?: number;
  /** Of the whole network. Default: not shown. */
  multiplyAdds?: number;
}

/** Options of `architectureGraph`. */
export interface ArchitectureOptions {
  /** Where the layers flow: down or to the right. Default: `vertical`. */
  direction?: 'vertical' | 'horizontal';
  /** Text above the graph. Default: the name of the network. */
  title?: string;
}

/**
 * Draws a network: its layers with their settings and parameters, the ops between them, and the
 * shapes of what flows, without the batch. What branches and joins is drawn so.
 *
 * @returns A complete `<svg>` element with a white background.
 * @throws ArgumentError  The graph is empty, or an input is not an index of a node before.
 *
 * @example
 * architectureGraph(model.summary([1, 1, 28, 28]));
 */
export function architectureGraph(
  { graph, model, parameters, multiplyAdds }: Architecture,
  { direction = 'vertical', title = model }: ArchitectureOptions = {},
): string {
  if (graph.length === 0) {
    throw new ArgumentError('architectureGraph', 'a graph of one node or more', 'an empty one');
  }
  if (!(['vertical', 'horizontal'] as unknown[]).includes(direction)) {
    throw new ArgumentError('architectureGraph', "direction 'vertical', 'horizontal'", direction);
  }
  const vertical = direction === 'vertical';
  const cards = cardsOf(graph, vertical);
  const layout = layered(
    cards.map(({ width, height, inputs }) => ({ across: vertical ? width : height, inputs })),
    NODE_GAP,
    PASSING,
  );
  const along = alongOf(cards, layout, vertical);

  const head = [
    title && headText(title, 17, 600, INK),
    headText(totalsText(parameters, multiplyAdds), 13, 400, QUIET_INK),
  ].filter((line) => line !== undefined && line !== '');
  const top = PAD + head.reduce((sum, line) => sum + line.height, 0) + (head.length > 0 ? 10 : 0);
  const total = along.ends.at(-1)!;
  const [graphW, graphH] = vertical ? [layout.across, total] : [total, layout.across];
  // A label beside the path may be wider than half of its card.
  const room = vertical
    ? Math.max(0, ...cards.map(({ label, width }) => overhang(label, width)))
    : 0;
  const inner = Math.max(graphW + 2 * room, ...head.map(({ width }) => width));
  const left = PAD + (inner - graphW) / 2;

  /** A place in the picture. */
  const place = (across: number, onward: number): Point =>
    vertical ? [left + across, top + onward] : [left + onward, top + across];

  let y = PAD;
  const heading = head.map((line) => {
    y += line.height;
    return line.draw(PAD + inner / 2, y - 6);
  });
  const paths = layout.edges.map(({ from, to, via }) => {
    const stops = [
      { layer: layout.layers[from]!, middle: layout.middles[from]! },
      ...via,
      { layer: layout.layers[to]!, middle: layout.middles[to]! },
    ];
    const sizes = [cards[from]!, cards[to]!].map((card) => (vertical ? card.height : card.width));
    const start = along.middles[stops[0]!.layer]! + sizes[0]! / 2;
    const end = along.middles[stops.at(-1)!.layer]! - sizes[1]! / 2;
    return edgePath(stops, start, end, along, place, vertical);
  });
  const boxes = cards.map((card, i) => {
    const [x, y] = place(layout.middles[i]!, along.middles[layout.layers[i]!]!);
    return card.draw(x - card.width / 2, y - card.height / 2);
  });
  const labels = cards.map(({ label, height, width }, i) => {
    if (label === '') return undefined;
    const middle = layout.middles[i]!;
    const end = along.middles[layout.layers[i]!]! + (vertical ? height : width) / 2;
    const [x, y] = place(middle, end);
    if (!vertical) return shapeLabel(label, x + LABEL_START, y - 7);
    const left = bends(layout, i, 1) && !bends(layout, i, -1);
    return shapeLabel(label, left ? x - 9 : x + 9, y + 20, left ? 'end' : 'start');
  });
  const ways = cards.flatMap(({ height, width }, i) => {
    if (layout.edges.some(({ from }) => from === i)) return [];
    const end = along.middles[layout.layers[i]!]! + (vertical ? height : width) / 2;
    const to = vertical ? end + GAPS.labelled - 6 : end + textWidth(cards[i]!.label, SMALL) + 22;
    const [start, stop, tip] = [end, to - ARROW, to].map((at) => place(layout.middles[i]!, at));
    return [arrowed(`M${start!.join(' ')}L${stop!.join(' ')}`, tip!, vertical)];
  });
  return svgFigure(
    inner + 2 * PAD,
    top + graphH + PAD,
    `Architecture${title ? ` of ${title}` : ''}: ${graph.map(({ type }) => type).join(', ')}`,
    html`${heading} ${paths} ${ways} ${boxes} ${labels}`,
  );
}

const PAD = 14;
const NODE_GAP = 26;
const PASSING = 24;
const TEXT = 13;
const SMALL = 12;
const LINE = 18;
const CARD_PAD = 12;
const LABEL_START = 8;
/** Between layers: without a label, with one, with edges that bend. */
const GAPS = { plain: 16, labelled: 32, bent: 44 };

type Point = readonly [x: number, y: number];

/** A node with its size, to be drawn at its upper left corner. */
interface Card {
  width: number;
  height: number;
  inputs: readonly number[];
  /** Shape of what it returns, if that says something new. */
  label: string;
  draw(x: number, y: number): Markup;
}

function cardsOf(graph: readonly ArchitectureNode[], vertical: boolean): Card[] {
  const inputs = graph.map((node, i) => {
    const list = node.inputs ?? (i > 0 ? [i - 1] : []);
    const wrong = list.find((input) => !(Number.isInteger(input) && input >= 0 && input < i));
    if (wrong !== undefined) {
      const expected = `inputs of node ${i} (${node.type}) to be indices under ${i}`;
      throw new ArgumentError('architectureGraph', expected, wrong);
    }
    return list;
  });
  const shapes = graph.map(({ outputShape }) =>
    (outputShape.length > 1 ? outputShape.slice(1) : outputShape).join(' \u00d7 '),
  );
  // The cards of a column are of one width.
  const common = Math.max(MIN_CARD, ...graph.map((node) => (isCard(node) ? cardWidth(node) : 0)));
  const widest = Math.min(MAX_CARD, common);
  return graph.map((node, i) => {
    const draw = vertical ? verticalCard(node, widest) : horizontalCard(node);
    const same = inputs[i]!.length > 0 && inputs[i]!.every((input) => shapes[input] === shapes[i]);
    const isEnd = !inputs.some((list) => list.includes(i));
    return { ...draw, inputs: inputs[i]!, label: same && !isEnd ? '' : shapes[i]! };
  });
}

const MIN_CARD = 220;
const MAX_CARD = 440;

type Drawing = Pick<Card, 'width' | 'height' | 'draw'>;

/** A layer is a card, the input and ops are pills. */
function isCard({ kind = 'layer' }: ArchitectureNode): boolean {
  return kind === 'layer';
}

function settingsOf({ settings = '' }: ArchitectureNode): string {
  return settings.replace(/(\w)x(?=\d|any)/g, '$1\u00d7');
}

function parametersOf({ parameters = 0, repeated = false }: ArchitectureNode): string {
  if (parameters === 0) return '';
  return repeated ? 'shared parameters' : `${formatCount(parameters)} parameters`;
}

function cardWidth(node: ArchitectureNode): number {
  const first = textWidth(node.type, TEXT) * 1.1 + textWidth(node.name ?? '', SMALL);
  const second = textWidth(settingsOf(node), SMALL) + textWidth(parametersOf(node), SMALL);
  const oneLine = !hasSecondLine(node);
  const widths = oneLine ? [first + textWidth(settingsOf(node), SMALL) + 12] : [first, second];
  return Math.max(...widths) + 2 * CARD_PAD + 24;
}

/** Whoever learns has two lines; an activation or a pool has one. */
function hasSecondLine({ parameters = 0 }: ArchitectureNode): boolean {
  return parameters > 0;
}

/** Type and name above, settings and parameters below; in one line where nothing is learnt. */
function verticalCard(node: ArchitectureNode, width: number): Drawing {
  if (!isCard(node)) return pill(node);
  const two = hasSecondLine(node);
  const height = two ? 2 * LINE + 14 : LINE + 8;
  const settings = settingsOf(node);
  const typeWidth = textWidth(node.type, TEXT) * 1.1;
  const parameters = parametersOf(node);
  const inside = width - 2 * CARD_PAD;
  return {
    width,
    height,
    draw: (x, y) => {
      const [left, right] = [x + CARD_PAD, x + width - CARD_PAD];
      const first = y + (two ? 20 : 17);
      const name = node.name ?? '';
      const room = inside - typeWidth - 12;
      const beside = fitText(settings, room - textWidth(name, SMALL) - 8, SMALL);
      return html`<g data-node="${node.type}">
        ${box(node.type, x, y, width, height)}
        ${words(node.type, left, first, { bold: true }, two ? '' : beside)}
        ${words(fitText(name, room, SMALL), right, first, QUIET_END)}
        ${
          two &&
          html`${words(
            fitText(settings, inside - textWidth(parameters, SMALL) - 12, SMALL),
            left,
            first + LINE,
            { size: SMALL },
          )}
          ${words(parameters, right, first + LINE, { ...QUIET_END, ink: INK })}`
        }
      </g>`;
    },
  };
}

/** One setting under the other, so that cards are narrow. */
function horizontalCard(node: ArchitectureNode): Drawing {
  if (!isCard(node)) return pill(node);
  const parameters = parametersOf(node);
  const lines = [
    ...settingsOf(node).split(', ').filter(Boolean),
    parameters.replace('parameters', 'par.'),
  ].filter(Boolean);
  const texts = [node.name ?? '', ...lines];
  const width =
    2 * CARD_PAD +
    Math.max(textWidth(node.type, TEXT) * 1.1, ...texts.map((text) => textWidth(text, SMALL)));
  const height = (1 + texts.filter(Boolean).length) * LINE + 12;
  return {
    width,
    height,
    draw: (x, y) => {
      let line = y + 20;
      const middle = x + width / 2;
      const next = (text: string, ink: string): Markup | false =>
        text !== '' && words(text, middle, (line += LINE), { size: SMALL, anchor: 'middle', ink });
      return html`<g data-node="${node.type}">
        ${box(node.type, x, y, width, height)}
        ${words(node.type, middle, line, { bold: true, anchor: 'middle' })}
        ${next(node.name ?? '', QUIET_INK)} ${lines.map((text) => next(text, INK))}
      </g>`;
    },
  };
}

function pill(node: ArchitectureNode): Drawing {
  const width = textWidth(node.type, TEXT) * 1.1 + 2 * CARD_PAD + 8;
  const height = LINE + 8;
  return {
    width,
    height,
    draw: (x, y) =>
      html`<g data-node="${node.type}">
        <rect
          x="${x}"
          y="${y}"
          width="${width}"
          height="${height}"
          rx="${height / 2}"
          fill="#ffffff"
          stroke="${QUIET_INK}"
        />
        ${words(node.type, x + width / 2, y + 17, { bold: true, anchor: 'middle' })}
      </g>`,
  };
}

interface TextStyle {
  size?: number;
  bold?: boolean;
  ink?: string;
  anchor?: 'start' | 'middle' | 'end';
}

const QUIET_END: TextStyle = { size: SMALL, ink: QUIET_INK, anchor: 'end' };

/** @param after  Words of the smaller size behind it: how wide it really is only a viewer knows. */
function words(text: string, x: number, y: number, style: TextStyle, after = ''): Markup {
  const { size = TEXT, bold = false, ink = INK, anchor = 'start' } = style;
  return html`<text
    x="${x}"
    y="${y}"
    font-size="${size}"
    font-weight="${bold ? 600 : 400}"
    text-anchor="${anchor}"
    fill="${ink}"
    >${text}${
      after !== '' && html`<tspan dx="8" font-size="${SMALL}" font-weight="400">${after}</tspan>`
    }</text
  >`;
}

/** What a layer does, by its class, and the colour of that. */
const COLORS: readonly (readonly [RegExp, string])[] = [
  [/pool/i, SERIES_COLORS[2]],
  [/norm/i, SERIES_COLORS[3]],
  [/conv/i, SERIES_COLORS[0]],
  [/linear|dense|matmul/i, SERIES_COLORS[1]],
  [/relu|elu|silu|sigmoid|tanh|softmax|softplus/i, SERIES_COLORS[4]],
];

function box(type: string, x: number, y: number, width: number, height: number): Markup {
  const color = COLORS.find(([pattern]) => pattern.test(type))?.[1] ?? QUIET_INK;
  const channels = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  const tint = mix(WHITE, channels as [number, number, number], 0.12);
  return html`<rect
      x="${x}"
      y="${y}"
      width="${width}"
      height="${height}"
      rx="5"
      fill="${cssColor(tint)}"
      stroke="${color}"
    />
    <rect x="${x}" y="${y}" width="5" height="${height}" rx="2.5" fill="${color}" />`;
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
    const labels = here.map(({ label }) => (vertical ? 0 : textWidth(label, SMALL) + 22));
    const labelled = here.some(({ label }) => label !== '') ? GAPS.labelled : GAPS.plain;
    const gap = Math.max(labelled, bent ? GAPS.bent : 0, ...labels);
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

function headText(
  text: string,
  size: number,
  weight: number,
  ink: string,
): '' | { width: number; height: number; draw(x: number, y: number): Markup } {
  if (text === '') return '';
  return {
    width: textWidth(text, size) * 1.1,
    height: size + 7,
    draw: (x, y) =>
      html`<text
        x="${x}"
        y="${y}"
        font-size="${size}"
        font-weight="${weight}"
        text-anchor="middle"
        fill="${ink}"
        >${text}</text
      >`,
  };
}

function totalsText(parameters?: number, multiplyAdds?: number): string {
  return [
    parameters !== undefined && `${formatCount(parameters)} parameters`,
    multiplyAdds !== undefined && `${formatPrefixed(multiplyAdds)} multiply-adds`,
  ]
    .filter(Boolean)
    .join(', ');
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
