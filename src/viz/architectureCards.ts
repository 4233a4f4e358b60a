/** The boxes of an architecture: what a layer says of itself, and how large that is. */

import { ArgumentError } from '../errors.js';
import type { ArchitectureNode } from './architecture.js';
import { html, type Markup } from './html.js';
import { cssColor, formatCount, INK, mix, QUIET_INK, SERIES_COLORS, WHITE } from './palette.js';
import { fitText, textWidth } from './svg.js';

const TEXT = 13;
/** Size of all letters but those of titles and types. */
export const SMALL = 12;
const LINE = 18;
const CARD_PAD = 12;

/** A node with its size, to be drawn at its upper left corner. */
export interface Card {
  width: number;
  height: number;
  inputs: readonly number[];
  /** Shape of what it returns, if that says something new. */
  label: string;
  draw(x: number, y: number): Markup;
}

/** @throws ArgumentError for an input that is no node before. */
export function cardsOf(graph: readonly ArchitectureNode[], vertical: boolean): Card[] {
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

/** Types are bold. */
function typeWidth({ type }: ArchitectureNode): number {
  return textWidth(type, TEXT) * 1.2;
}

function cardWidth(node: ArchitectureNode): number {
  const first = typeWidth(node) + textWidth(node.name ?? '', SMALL);
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
  const behind = typeWidth(node) + 12;
  const parameters = parametersOf(node);
  const inside = width - 2 * CARD_PAD;
  return {
    width,
    height,
    draw: (x, y) => {
      const [left, right] = [x + CARD_PAD, x + width - CARD_PAD];
      const first = y + (two ? 20 : 17);
      const name = node.name ?? '';
      const room = inside - behind;
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
    2 * CARD_PAD + Math.max(typeWidth(node), ...texts.map((text) => textWidth(text, SMALL)));
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
  const width = typeWidth(node) + 2 * CARD_PAD + 8;
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
