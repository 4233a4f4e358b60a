/** Grids of small images as SVG: batches, filters, predictions. Pixels are embedded as PNG. */

import { ArgumentError, ShapeError } from '../errors.js';
import { html, type Markup } from './html.js';
import {
  cssColor,
  diverging,
  formatNumber,
  formatPercent,
  grey,
  INK,
  QUIET_INK,
  RIGHT,
  WRONG,
  type Rgb,
} from './palette.js';
import { fitText, svgFigure } from './svg.js';

/** Images as plain numbers, contiguous in row-major order. */
export interface ImageBatch {
  data: ArrayLike<number>;
  /** (N, C, H, W); C is 1 (grey) or 3 (red, green, blue). */
  shape: readonly number[];
}

/**
 * Which value is black (or the low end) and which is white:
 * `bytes` is 0 to 255, `each` the minimum to the maximum of each image, `common` those of the whole
 * batch, `symmetric` -m to m, where m is the largest magnitude in the batch.
 */
export type ImageScale = 'bytes' | 'each' | 'common' | 'symmetric' | { min: number; max: number };

/** What `imageGrid` draws beside the pixels; lists have one entry for each image. */
export interface ImageGridOptions {
  /** Default: `bytes` for Uint8Array and Uint8ClampedArray data, otherwise `common`. */
  scale?: ImageScale;
  /** For C = 1: `grey`, or `diverging` (orange, white, blue: low, middle, high). Default: `grey`. */
  colors?: 'grey' | 'diverging';
  /** Images in a row. Default: a grid about as high as wide, at most 10. */
  columns?: number;
  /** Size of the longer side of an image in CSS pixels. Default: 64. */
  cellSize?: number;
  /** Lines of text under each image. */
  captions?: readonly (string | readonly string[])[];
  /** CSS colour of the frame of each image; undefined draws a thin grey one. */
  borders?: readonly (string | undefined)[];
  /** A tick or a cross in the corner of each image. */
  marks?: readonly ('tick' | 'cross' | undefined)[];
  /** Text above the grid. */
  title?: string;
}

/**
 * Draws a batch as a grid, row by row. A value that is NaN is drawn magenta.
 *
 * @returns A complete `<svg>` element with a white background; images are PNG data URIs.
 * @throws ShapeError     The shape is not (N, 1, H, W) or (N, 3, H, W) of the data, or a list has
 *                        not one entry for each image.
 * @throws ArgumentError  `columns` or `cellSize` is not a positive number, or `scale` is empty.
 *
 * @example
 * await imageGrid({ data: pixels, shape: [20, 1, 28, 28] }, { captions: labels.map(String) });
 */
export async function imageGrid(
  images: ImageBatch,
  options: ImageGridOptions = {},
): Promise<string> {
  const cells = await imageCells('imageGrid', images, options);
  const { columns = columnsFor(cells.length), title } = options;
  return arrange('imageGrid', cells, columns, title ?? `${cells.length} images`, title);
}

/** About as many columns as rows, at most 10. */
export function columnsFor(count: number): number {
  return Math.min(10, Math.ceil(Math.sqrt(count)));
}

/** What `filterGrids` draws. */
export interface FilterGridsOptions {
  /** Weights of the layer after training, (K, C, kH, kW). */
  after: ImageBatch;
  /** Weights before training, of the same shape. */
  before?: ImageBatch;
  /** For C other than 3. Default: `diverging`. */
  colors?: 'grey' | 'diverging';
  /** Filters in a row. Default: as `imageGrid`; C when each filter is a row of C planes. */
  columns?: number;
  /** Size of a filter in CSS pixels. Default: 88 up to 16 images, otherwise 44. */
  cellSize?: number;
}

/** The figures of `filterGrids`, as SVG. */
export interface FilterGrids {
  before?: string;
  after: string;
  /** m: both figures show the weights -m to m. */
  limit: number;
}

/**
 * Draws the filters of a convolution before and after training, all on one scale that is
 * symmetrical about zero, so that the two figures can be compared. With C = 3 each filter is a
 * colour image whose mid grey is zero; with any other C each of its planes is an image of its own.
 *
 * @throws ShapeError     Not a (K, C, kH, kW) of the data, or two different shapes.
 * @throws ArgumentError  As `imageGrid`.
 */
export async function filterGrids(options: FilterGridsOptions): Promise<FilterGrids> {
  const { after, before } = options;
  const [k, c, h, w] = checkedShape('filterGrids', after, false);
  if (before !== undefined) {
    checkedShape('filterGrids', before, false);
    if (before.shape.join() !== after.shape.join()) {
      throw new ShapeError(
        'filterGrids',
        `before (${after.shape.join(', ')}), as after`,
        before.shape,
        'Pass the weights of one layer',
      );
    }
  }
  const limit = Math.max(magnitude(after.data), before ? magnitude(before.data) : 0) || 1;
  const color = c === 3;
  const columns = options.columns ?? (color || c === 1 ? undefined : c);
  const shape = color ? [k, c, h, w] : [k * c, 1, h, w];
  const cellSize = options.cellSize ?? (shape[0]! <= 16 ? 88 : 44);
  const colors = options.colors ?? 'diverging';

  const draw = async (name: string, { data }: ImageBatch): Promise<string> => {
    const batch = { data, shape };
    const scale = { min: -limit, max: limit };
    const cells = await imageCells('filterGrids', batch, { scale, colors, cellSize });
    const across = columns ?? columnsFor(cells.length);
    const legend = {
      ...scale,
      color: rampOf(color ? 'grey' : colors),
      middle: color ? '0, each channel' : '0',
    };
    return arrange('filterGrids', cells, across, `Filters ${name}`, name, legend);
  };
  const figures: FilterGrids = { after: await draw('After training', after), limit };
  if (before !== undefined) figures.before = await draw('Before training', before);
  return figures;
}

/** What `predictionGrid` and `predictionCards` draw: N images and what the model said of them. */
export interface Predictions {
  /** The N images. Values after a per-channel normalisation show shifted colours. */
  images: ImageBatch;
  /** The true class of each image, an index from 0. */
  trueLabels: ArrayLike<number>;
  /** The predicted class of each image, an index from 0. */
  predictedLabels: ArrayLike<number>;
  /** The probability that the model gave its prediction, from 0 to 1. */
  confidences?: ArrayLike<number>;
  /** Name of each class. Default: the indices. */
  classNames?: readonly string[];
  /** Default: as `imageGrid`. */
  scale?: ImageScale;
  /** Size of an image in CSS pixels. Default: 104. */
  cellSize?: number;
}

/**
 * One small SVG for each prediction: the image, framed green with a tick if the prediction is
 * right and red with a cross if it is wrong. Below it the predicted class and the confidence in the
 * same colour, and the true class.
 *
 * @throws ShapeError     As `imageGrid`; labels and confidences must be N as well.
 * @throws ArgumentError  A label has no class name.
 */
export async function predictionCards(predictions: Predictions): Promise<string[]> {
  const cells = await predictionCells('predictionCards', predictions);
  return cells.map(({ width, height, content, label }) => svgFigure(width, height, label, content));
}

/**
 * The same predictions in one SVG.
 *
 * @param columns  Images in a row. Default: 5.
 * @throws As `predictionCards`; ArgumentError if `columns` is not a positive integer.
 */
export async function predictionGrid(predictions: Predictions, columns = 5): Promise<string> {
  const cells = await predictionCells('predictionGrid', predictions);
  const right = cells.filter(({ label }) => label.startsWith('right')).length;
  return arrange(
    'predictionGrid',
    cells,
    columns,
    `${cells.length} predictions, ${right} of them right`,
  );
}

/** One image with its frame, mark and captions; `content` starts at (0, 0). */
export interface Cell {
  width: number;
  height: number;
  label: string;
  content: Markup;
}

async function predictionCells(fn: string, predictions: Predictions): Promise<Cell[]> {
  const { images, trueLabels, predictedLabels, confidences, classNames } = predictions;
  const [n] = checkedShape(fn, images, true);
  checkCount(fn, 'trueLabels', trueLabels, n);
  checkCount(fn, 'predictedLabels', predictedLabels, n);
  if (confidences) checkCount(fn, 'confidences', confidences, n);
  const nameOf = (label: number): string => {
    const name = classNames ? classNames[label] : String(label);
    if (name !== undefined) return name;
    throw new ArgumentError(
      fn,
      `labels from 0 to ${classNames!.length - 1}, one of ${classNames!.length} class names`,
      label,
    );
  };
  const right = Array.from({ length: n }, (_, i) => trueLabels[i] === predictedLabels[i]);
  const captions = right.map((_, i) => {
    const sure = confidences ? [formatPercent(confidences[i]!, 1)] : [];
    return [`pred ${nameOf(predictedLabels[i]!)}`, ...sure, `true ${nameOf(trueLabels[i]!)}`];
  });
  const cells = await imageCells(fn, images, {
    ...(predictions.scale && { scale: predictions.scale }),
    cellSize: predictions.cellSize ?? 104,
    captions,
    coloredLines: confidences ? 2 : 1,
    borders: right.map((ok) => (ok ? RIGHT : WRONG)),
    marks: right.map((ok) => (ok ? 'tick' : 'cross')),
  });
  return cells.map((cell, i) => ({
    ...cell,
    label: `${right[i] ? 'right' : 'wrong'}: ${captions[i]!.join(', ')}`,
  }));
}

const MARGIN = 6; // around the image, for the frame and the mark
const CAPTION_SIZE = 13;
const CAPTION_LINE = 18;

/** @param options  `coloredLines`: how many lines of a caption have the colour of the border. */
export async function imageCells(
  fn: string,
  images: ImageBatch,
  { coloredLines = 0, ...options }: ImageGridOptions & { coloredLines?: number },
): Promise<Cell[]> {
  const [n, , h, w] = checkedShape(fn, images, true);
  const { cellSize = 64, captions, borders, marks } = options;
  if (!(cellSize > 0 && Number.isFinite(cellSize))) {
    throw new ArgumentError(fn, 'a positive cellSize in CSS pixels', cellSize);
  }
  for (const [name, list] of Object.entries({ captions, borders, marks })) {
    if (list !== undefined) checkCount(fn, name, list, n);
  }
  const uris = await encodeImages(fn, images, options);
  const zoom = cellSize / Math.max(h, w);
  const [imageW, imageH] = [w * zoom, h * zoom];
  const texts = uris.map((_, i) => [captions?.[i] ?? []].flat() as string[]);
  const lines = Math.max(0, ...texts.map((text) => text.length));
  const width = imageW + 2 * MARGIN;
  const height = imageH + 2 * MARGIN + (lines > 0 ? lines * CAPTION_LINE + 4 : 0);

  return uris.map((uri, i) => {
    const border = borders?.[i];
    const text = texts[i]!;
    const stroke = border ? 3 : 1;
    const content = html`${text.length > 0 && html`<title>${text.join(', ')}</title>`}
      <image
        href="${uri}"
        x="${MARGIN}"
        y="${MARGIN}"
        width="${imageW}"
        height="${imageH}"
        preserveAspectRatio="none"
        style="image-rendering:pixelated"
      />
      <rect
        x="${MARGIN - stroke / 2}"
        y="${MARGIN - stroke / 2}"
        width="${imageW + stroke}"
        height="${imageH + stroke}"
        fill="none"
        stroke="${border ?? '#9aa5b1'}"
        stroke-width="${stroke}"
      />
      ${mark(marks?.[i], width - 11, 11)}
      ${text.map(
        (line, k) =>
          html`<text
            x="${width / 2}"
            y="${imageH + 2 * MARGIN + CAPTION_LINE * k + 15}"
            font-size="${CAPTION_SIZE}"
            text-anchor="middle"
            font-weight="${k < coloredLines ? 600 : 400}"
            fill="${k < coloredLines ? (border ?? INK) : k === 0 ? INK : QUIET_INK}"
            >${fitText(line, width, CAPTION_SIZE)}</text
          >`,
      )}`;
    return { width, height, content, label: text.join(', ') };
  });
}

function mark(kind: 'tick' | 'cross' | undefined, x: number, y: number): Markup | undefined {
  if (kind === undefined) return undefined;
  const color = kind === 'tick' ? RIGHT : WRONG;
  const path =
    kind === 'tick' ? 'M-4.5 0.5L-1.5 3.5L4.5 -3.5' : 'M-3.5 -3.5L3.5 3.5M3.5 -3.5L-3.5 3.5';
  return html`<g transform="translate(${x} ${y})" data-mark="${kind}">
    <circle r="9" fill="${color}" stroke="#ffffff" stroke-width="2" />
    <path d="${path}" fill="none" stroke="#ffffff" stroke-width="2" stroke-linecap="round" />
  </g>`;
}

/** What the colours of a grid mean. */
export interface ScaleLegend {
  /** Values at both ends. */
  min: number;
  max: number;
  /** Colour at 0, the low end, to 1. */
  color: (t: number) => Rgb;
  /** What the middle means; nothing if absent. */
  middle?: string;
}

/** Sets cells in rows, under a title and over a legend. */
export function arrange(
  fn: string,
  cells: readonly Cell[],
  columns: number,
  label: string,
  title?: string,
  legend?: ScaleLegend,
): string {
  if (!Number.isInteger(columns) || columns < 1) {
    throw new ArgumentError(fn, 'columns to be a positive integer', columns);
  }
  const gap = 6;
  const pad = 8;
  const across = Math.min(columns, cells.length);
  const down = Math.ceil(cells.length / across);
  const [cellW, cellH] = cells.reduce(
    ([w, h], cell) => [Math.max(w, cell.width), Math.max(h, cell.height)],
    [0, 0],
  );
  const top = pad + (title ? 26 : 0);
  const gridW = across * (cellW + gap) - gap;
  const gridH = down * (cellH + gap) - gap;
  const width = Math.max(gridW, legend ? BAR + 20 : 0, title ? title.length * 9 : 0) + 2 * pad;
  const height = top + gridH + pad + (legend ? 44 : 0);
  const left = (width - gridW) / 2;
  return svgFigure(
    width,
    height,
    label,
    html`${
      title &&
      html`<text
        x="${width / 2}"
        y="22"
        font-size="16"
        font-weight="600"
        text-anchor="middle"
        fill="${INK}"
        >${title}</text
      >`
    }
    ${cells.map((cell, i) => {
      const x = left + (i % across) * (cellW + gap);
      const y = top + Math.floor(i / across) * (cellH + gap);
      return html`<g transform="translate(${x} ${y})">${cell.content}</g>`;
    })}
    ${legend && colorBar(legend, width / 2, top + gridH + 12)}`,
  );
}

const BAR = 240; // width of the legend

/** Both ends and the middle under a ramp of 12 pixels' height, centred on x. */
function colorBar({ min, max, color, middle }: ScaleLegend, x: number, y: number): Markup {
  const steps = 20;
  const step = BAR / steps;
  const bars = Array.from(
    { length: steps },
    (_, i) =>
      html`<rect
        x="${x - BAR / 2 + i * step}"
        y="${y}"
        width="${step + (i < steps - 1 ? 0.5 : 0)}"
        height="12"
        fill="${cssColor(color((i + 0.5) / steps))}"
      />`,
  );
  const text = (at: number, anchor: string, words: string): Markup =>
    html`<text x="${at}" y="${y + 28}" font-size="13" text-anchor="${anchor}" fill="${QUIET_INK}"
      >${words}</text
    >`;
  const number = (value: number): string => formatNumber(value, 3).replace('-', '\u2212');
  return html`${bars}
    <rect x="${x - BAR / 2}" y="${y}" width="${BAR}" height="12" fill="none" stroke="#9aa5b1" />
    ${text(x - BAR / 2, 'start', number(min))} ${middle !== undefined && text(x, 'middle', middle)}
    ${text(x + BAR / 2, 'end', number(max))}`;
}

/** The colours of values from 0, the low end, to 1. */
export function rampOf(colors: 'grey' | 'diverging'): (t: number) => Rgb {
  return colors === 'grey' ? grey : (t) => diverging(2 * t - 1);
}

/** PNG data URIs, one for each image. */
async function encodeImages(
  fn: string,
  images: ImageBatch,
  { scale, colors = 'grey' }: ImageGridOptions,
): Promise<string[]> {
  const [n, c, h, w] = checkedShape(fn, images, true);
  const { data } = images;
  const bytes = data instanceof Uint8Array || data instanceof Uint8ClampedArray;
  const range = rangeOf(fn, data, scale ?? (bytes ? 'bytes' : 'common'), c * h * w);
  const ramp = rampOf(colors);
  const { encode } = await import('fast-png');
  return Array.from({ length: n }, (_, i) => {
    const from = i * c * h * w;
    const { min, max } = range(i);
    const level = (at: number): number =>
      max > min ? (data[at]! - min) / (max - min) : Number.isNaN(data[at]!) ? NaN : 0.5;
    const rgb = new Uint8Array(h * w * 3);
    for (let p = 0; p < h * w; p++) {
      const values = [0, 1, 2].map((k) => level(from + (c === 3 ? k * h * w : 0) + p));
      let color: ArrayLike<number>;
      if (values.some(Number.isNaN)) color = [255, 0, 255];
      else if (c === 1) color = ramp(values[0]!);
      else color = values.map((v) => grey(v)[0]);
      rgb.set(color, 3 * p);
    }
    return `data:image/png;base64,${base64(encode({ width: w, height: h, data: rgb, channels: 3 }))}`;
  });
}

/** The values of the low and of the high end, for each image. */
function rangeOf(
  fn: string,
  data: ArrayLike<number>,
  scale: ImageScale,
  imageSize: number,
): (image: number) => { min: number; max: number } {
  if (typeof scale === 'object') {
    if (!(scale.min < scale.max)) {
      throw new ArgumentError(fn, 'scale.min below scale.max', `${scale.min} and ${scale.max}`);
    }
    return () => scale;
  }
  if (scale === 'bytes') return () => ({ min: 0, max: 255 });
  if (scale === 'each') return (i) => extent(data, i * imageSize, (i + 1) * imageSize);
  if (scale === 'symmetric') {
    const m = magnitude(data);
    return () => ({ min: -m, max: m });
  }
  const all = extent(data, 0, data.length);
  return () => all;
}

export function extent(
  data: ArrayLike<number>,
  from: number,
  to: number,
): { min: number; max: number } {
  let [min, max] = [Infinity, -Infinity];
  for (let i = from; i < to; i++) {
    const v = data[i]!;
    if (!Number.isFinite(v)) continue;
    if (v < min) min = v;
    if (v > max) max = v;
  }
  return { min, max };
}

/** The largest finite magnitude; 0 if there is none. */
export function magnitude(data: ArrayLike<number>): number {
  const { min, max } = extent(data, 0, data.length);
  return max < min ? 0 : Math.max(Math.abs(min), Math.abs(max));
}

export function checkedShape(
  fn: string,
  { data, shape }: ImageBatch,
  asImages: boolean,
): [n: number, c: number, h: number, w: number] {
  const [n = 0, c = 0, h = 0, w = 0] = shape;
  const wanted = asImages ? '(N, 1, H, W) or (N, 3, H, W)' : '(K, C, kH, kW)';
  if (shape.length !== 4 || shape.some((s) => !Number.isInteger(s) || s < 1)) {
    throw new ShapeError(
      fn,
      `images ${wanted}`,
      shape,
      'Reshape the data, and leave no side empty',
    );
  }
  if (asImages && c !== 1 && c !== 3) {
    throw new ShapeError(fn, `images ${wanted}`, shape, 'Select one channel or three');
  }
  if (data.length !== n * c * h * w) {
    throw new ShapeError(
      fn,
      `${n * c * h * w} values for images of shape (${shape.join(', ')})`,
      [data.length],
      'Pass the whole batch, or the shape of what is passed',
    );
  }
  return [n, c, h, w];
}

function checkCount(fn: string, name: string, list: ArrayLike<unknown>, n: number): void {
  if (list.length !== n) {
    throw new ShapeError(fn, `${n} ${name}, one for each image`, [list.length]);
  }
}

/** Node and browsers alike have btoa; its argument is built in pieces, for its length is limited. */
function base64(bytes: Uint8Array): string {
  let binary = '';
  for (let i = 0; i < bytes.length; i += 8192) {
    binary += String.fromCharCode(...bytes.subarray(i, i + 8192));
  }
  return btoa(binary);
}
