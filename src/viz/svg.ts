/** The frame of every figure. */

import { escapeHtml, html, type Markup } from './html.js';
import { FONT } from './palette.js';

/** The opening tag of a figure: it has a natural size and shrinks with a narrow container. */
export function svgOpening(width: number, height: number, label: string): string {
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
    `viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(label)}" ` +
    `style="max-width:100%;height:auto">`
  );
}

/** A complete figure on white. `label` says to a screen reader what it shows. */
export function svgFigure(width: number, height: number, label: string, content: Markup): string {
  const body = html`<rect width="${width}" height="${height}" fill="#ffffff" />
    <g font-family="${FONT}">${content}</g>`;
  return `${svgOpening(width, height, label)}\n${body.toString()}\n</svg>`;
}

/** About how wide `text` is: it cannot be measured without a DOM. */
export function textWidth(text: string, fontSize: number): number {
  return Array.from(text).length * MEAN_LETTER * fontSize;
}

const MEAN_LETTER = 0.55; // em

/** `text` cut to what fits into `width` pixels at `fontSize`, ending in an ellipsis if cut. */
export function fitText(text: string, width: number, fontSize: number): string {
  const letters = Array.from(text);
  const room = Math.max(1, Math.floor(width / (MEAN_LETTER * fontSize)));
  return letters.length <= room ? text : `${letters.slice(0, room - 1).join('')}\u2026`;
}
