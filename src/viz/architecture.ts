/** The layers of a network and what flows between them, drawn as a graph. */

import { ArgumentError } from '../errors.js';
import { formatPrefixed } from '../nn/units.js';
import { cardsOf, type Card } from './architectureCards.js';
import { flowOf, type Flow } from './architectureFlow.js';
import { html, type Markup } from './html.js';
import { formatCount, INK, QUIET_INK } from './palette.js';
import { svgFigure, textWidth } from './svg.js';

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
  /**
   * Of the horizontal flow: in CSS pixels, how wide a line may be. A longer one is broken where one
   * arrow alone goes on. Default: 1200.
   */
  lineWidth?: number;
  /** Text above the graph. Default: the name of the network. */
  title?: string;
}

/**
 * Draws a network: its layers with their settings and parameters, the ops between them, and the
 * shapes of what flows, without the batch. What branches and joins is drawn so.
 *
 * @returns A complete `<svg>` element with a white background.
 * @throws ArgumentError  The graph is empty, an input is not an index of a node before, or
 *                        `lineWidth` is not positive.
 *
 * @example
 * architectureGraph(model.summary([1, 1, 28, 28]));
 */
export function architectureGraph(
  { graph, model, parameters, multiplyAdds }: Architecture,
  { direction = 'vertical', lineWidth = 1200, title = model }: ArchitectureOptions = {},
): string {
  if (graph.length === 0) {
    throw new ArgumentError('architectureGraph', 'a graph of one node or more', 'an empty one');
  }
  if (!(['vertical', 'horizontal'] as unknown[]).includes(direction)) {
    throw new ArgumentError('architectureGraph', "direction 'vertical', 'horizontal'", direction);
  }
  if (!(lineWidth > 0)) {
    throw new ArgumentError('architectureGraph', 'a positive lineWidth', lineWidth);
  }
  const vertical = direction === 'vertical';
  const cards = cardsOf(graph, vertical);
  const flows = vertical ? [flowOf(cards, true, false)] : linesOf(cards, lineWidth);

  const head = [
    title && headText(title, 17, 600, INK),
    headText(totalsText(parameters, multiplyAdds), 13, 400, QUIET_INK),
  ].filter((line) => line !== undefined && line !== '');
  const inner = Math.max(...[...head, ...flows].map(({ width }) => width));
  let y = PAD;
  const heading = head.map((line) => {
    y += line.height;
    return line.draw(PAD + inner / 2, y - 6);
  });
  if (head.length > 0) y += 10;
  const lines = flows.map((flow) => {
    const top = y;
    y += flow.height + LINE_GAP;
    // Lines begin below each other; one alone stands in the middle.
    return flow.draw(flows.length > 1 ? PAD : PAD + (inner - flow.width) / 2, top);
  });
  return svgFigure(
    inner + 2 * PAD,
    y - LINE_GAP + PAD,
    `Architecture${title ? ` of ${title}` : ''}: ${graph.map(({ type }) => type).join(', ')}`,
    html`${heading} ${lines}`,
  );
}

const PAD = 14;
const LINE_GAP = 26;

/** The cards in lines of at most `width`, broken where one arrow alone goes on. */
function linesOf(cards: readonly Card[], width: number): Flow[] {
  const lines: Flow[] = [];
  let start = 0;
  let line: Flow | undefined;
  const breaks = [...breaksOf(cards), cards.length];
  for (const [i, end] of breaks.entries()) {
    const longer = flowOf(part(cards, start, end), false, start > 0);
    if (line && longer.width > width) {
      lines.push(line);
      start = breaks[i - 1]!;
      line = flowOf(part(cards, start, end), false, true);
    } else line = longer;
  }
  return [...lines, line!];
}

/** The places, by the index of the card behind them, that only one arrow passes. */
function breaksOf(cards: readonly Card[]): number[] {
  const edges = cards.flatMap(({ inputs }, to) =>
    [...new Set(inputs)].map((from) => ({ from, to })),
  );
  return cards.flatMap((_, i) => {
    const passing = edges.filter(({ from, to }) => from < i && to >= i);
    const [only] = passing;
    const alone = passing.length === 1 && only!.from === i - 1 && only!.to === i;
    return alone ? [i] : [];
  });
}

function part(cards: readonly Card[], start: number, end: number): Card[] {
  return cards.slice(start, end).map((card) => ({
    ...card,
    inputs: card.inputs.map((input) => input - start).filter((input) => input >= 0),
  }));
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
