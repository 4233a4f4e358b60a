/** The report of a run: one HTML file that needs nothing else, not even a script. */

import { ArgumentError } from '../errors.js';
import { formatBytes, formatPrefixed } from '../nn/units.js';
import { architectureGraph, type ArchitectureNode } from './architecture.js';
import { trainingCurves, type TrainingHistory } from './charts.js';
import {
  confusionMatrixChart,
  perClassAccuracy,
  type ClassAccuracy,
  type ConfusionCounts,
} from './confusionMatrix.js';
import { html, trusted, type HtmlValue, type Markup } from './html.js';
import { featureMaps, type FeatureMapsOptions } from './featureMaps.js';
import {
  filterGrids,
  imageGrid,
  predictionCards,
  type ImageBatch,
  type Predictions,
} from './imageGrid.js';
import { formatCount, formatNumber, formatPercent, formatSeconds } from './palette.js';

/** The figures at the head of the report; each is left out when absent. */
export interface ReportHeadline {
  /** Accuracy on the test set, a fraction from 0 to 1. */
  testAccuracy?: number;
  /** Mean loss on the test set. */
  testLoss?: number;
  /** Epochs trained. */
  epochs?: number;
  /** Wall-clock time of the training, in seconds. */
  trainingSeconds?: number;
  /** Training throughput, in images per second. */
  imagesPerSecond?: number;
  /** Number of parameters of the model. */
  parameters?: number;
}

/** One layer of the model. */
export interface ReportSummaryRow {
  /** Path in the model: `features.0`. */
  name: string;
  /** Class of the layer: `Conv2d`. */
  type: string;
  /** Shape of the output; the batch size may be a letter: `['N', 6, 28, 28]`. */
  outputShape: readonly (number | string)[];
  /** Parameters of this layer alone. */
  parameters: number;
  /** What the layer multiplies and adds for one example. Default: not shown. */
  multiplyAdds?: number;
  /** True if the parameters are those of a row before. Default: false. */
  repeated?: boolean;
}

/** The layers of the model and their totals; `summary()` of a Module gives one. */
export interface ReportSummary {
  rows: readonly ReportSummaryRow[];
  /** Default: the sum of the rows. */
  parameters?: number;
  /** Parameters that the optimizer changes. Default: not shown. */
  trainableParameters?: number;
  /** Numbers that are kept and not learnt. Default: not shown. */
  buffers?: number;
  /** Of all layers. Default: not shown. */
  multiplyAdds?: number;
  /** Bytes of the input. Default: not shown, as the others. */
  inputBytes?: number;
  /** Bytes of the outputs of layers and of their gradients. */
  activationBytes?: number;
  /** Bytes of the parameters. */
  parameterBytes?: number;
  /** Bytes of the buffers; not shown either if 0. */
  bufferBytes?: number;
  /** Bytes of input, activations, parameters and buffers. */
  totalBytes?: number;
  /** What was computed from what. Default: the network is not drawn. */
  graph?: readonly ArchitectureNode[];
}

/** What the program ran on, as `device.info` has it; empty strings are left out. */
export interface ReportAdapter {
  vendor?: string;
  architecture?: string;
  description?: string;
  /** True if the adapter computes on the processor. */
  software?: boolean;
}

/** What the report shows: all but the title may be absent, and its section is then left out. */
export interface ReportData {
  /** Heading and name of the page. */
  title: string;
  /** Name of the model. */
  model?: string;
  /** Name of the data set, with its size if that matters. */
  dataset?: string;
  /** When the run ended; text is shown as it is, a Date as `2026-01-31 12:00 UTC`. */
  createdAt?: Date | string;
  headline?: ReportHeadline;
  /** The curves are left out if it has no epoch. */
  history?: TrainingHistory;
  /** Some images of the data with their labels. */
  samples?: { images: ImageBatch; labels: ArrayLike<number> };
  /** Weights of the first convolution, (K, C, kH, kW), before and after training. */
  filters?: { before?: ImageBatch; after: ImageBatch; layer?: string };
  /** Some test images, usually twenty, with what the model said of them. */
  predictions?: Predictions;
  /** Test images that the model got wrong and was most sure of. */
  mistakes?: Predictions;
  /** What a layer makes of one test image. */
  featureMaps?: FeatureMapsOptions;
  /** Counts on the test set: row = true class, column = predicted class. */
  confusionMatrix?: ConfusionCounts;
  /** Names of the classes, for the matrix and for predictions without names of their own. */
  classNames?: readonly string[];
  summary?: ReportSummary;
  adapter?: ReportAdapter;
  /** Training settings in the order to show them: optimizer, lr, batch size, seed. */
  settings?: Readonly<Record<string, string | number | boolean | null | undefined>>;
  /** The exact command that makes this report again. */
  command?: string;
}

/**
 * Writes the report of a run as one HTML document: styles and figures are inside, nothing is loaded
 * and no script runs. It follows the reader's light or dark setting and fits narrow screens.
 *
 * @returns The document; write it to a file with UTF-8 encoding.
 * @throws ArgumentError  The title is empty.
 * @throws ShapeError     As the functions that draw the figures.
 *
 * @example
 * await htmlReport({ title: 'LeNet-5 on MNIST', history, command: 'shadegrad train lenet5' });
 */
export async function htmlReport(data: ReportData): Promise<string> {
  if (data.title.trim() === '') {
    throw new ArgumentError('htmlReport', 'a title', 'an empty string', 'Name the run');
  }
  const sections = [
    headlineSection(data.headline),
    await curvesSection(data.history),
    await samplesSection(data),
    await predictionsSection(data),
    await mistakesSection(data),
    confusionSection(data),
    await filtersSection(data.filters),
    await featureMapsSection(data.featureMaps),
    architectureSection(data),
    summarySection(data.summary),
    settingsSection(data),
    commandSection(data.command),
  ];
  const lead = [
    data.model && `Model: ${data.model}`,
    data.dataset && `Data: ${data.dataset}`,
    data.createdAt && dateText(data.createdAt),
  ].filter((part): part is string => Boolean(part));
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${data.title}</title>
        <style>
          ${trusted(STYLE)}
        </style>
      </head>
      <body>
        <main>
          <header>
            <h1>${data.title}</h1>
            ${lead.length > 0 && html`<p class="lead">${lead.map((part) => html`<span>${part}</span>`)}</p>`}
          </header>
          ${sections.map((part) => part && html`${part} `)}
        </main>
      </body>
    </html> `;
  return page.toString();
}

function section(id: string, title: string, content: HtmlValue): Markup {
  return html`<section id="${id}">
    <h2>${title}</h2>
    ${content}
  </section>`;
}

function figure(svg: string, caption?: HtmlValue): Markup {
  return html`<figure>
    ${trusted(svg)}${caption && html`<figcaption>${caption}</figcaption>`}
  </figure>`;
}

function headlineSection(headline: ReportHeadline = {}): Markup | undefined {
  const tile = (
    name: string,
    value: number | undefined,
    format: (value: number) => string,
  ): Markup | undefined =>
    value === undefined
      ? undefined
      : html`<div class="tile">
          <dt>${name}</dt>
          <dd>${format(value)}</dd>
        </div>`;
  const tiles = [
    tile('Test accuracy', headline.testAccuracy, formatPercent),
    tile('Test loss', headline.testLoss, formatNumber),
    tile('Epochs', headline.epochs, formatCount),
    tile('Training time', headline.trainingSeconds, formatSeconds),
    tile('Images per second', headline.imagesPerSecond, (v) => formatCount(Math.round(v))),
    tile('Parameters', headline.parameters, formatCount),
  ].filter((t) => t !== undefined);
  if (tiles.length === 0) return undefined;
  return html`<section id="headline" aria-label="Results">
    <dl class="tiles">${tiles}</dl>
  </section>`;
}

async function curvesSection(history?: TrainingHistory): Promise<Markup | undefined> {
  if (history === undefined || history.epochs.length === 0) return undefined;
  const { loss, accuracy } = await trainingCurves(history, { width: 420, height: 310 });
  return section(
    'curves',
    'Training',
    html`<div class="pair">${figure(loss)}${accuracy && figure(accuracy)}</div>`,
  );
}

async function filtersSection(filters: ReportData['filters']): Promise<Markup | undefined> {
  if (filters === undefined) return undefined;
  const { before, after } = await filterGrids(filters);
  const note = html`<p>
    Filters
    ${filters.layer && html`of <code>${filters.layer}</code>`}${
      before && ' before and after training, on one scale'
    };
    the middle of the scale is a weight of zero.
  </p>`;
  return section(
    'filters',
    'First-layer filters',
    html`${note}
      <div class="pair">${before && figure(before)}${figure(after)}</div>`,
  );
}

async function samplesSection({ samples, classNames }: ReportData): Promise<Markup | undefined> {
  if (samples === undefined) return undefined;
  const { images, labels } = samples;
  const captions = Array.from(labels, (label) => classNames?.[label] ?? String(label));
  const grid = await imageGrid(images, { captions, columns: 10 });
  return section('samples', 'Images', figure(grid));
}

async function featureMapsSection(options: ReportData['featureMaps']): Promise<Markup | undefined> {
  if (options === undefined) return undefined;
  const { layer } = options;
  return section(
    'features',
    'Feature maps',
    html`<p>
        What ${layer === undefined ? 'a layer' : html`<code>${layer}</code>`} makes of one test
        image.
      </p>
      ${figure(await featureMaps({ ...options, columns: options.columns ?? 10 }))}`,
  );
}

function architectureSection({ summary, model }: ReportData): Markup | undefined {
  if (summary?.graph === undefined) return undefined;
  const { graph, parameters, multiplyAdds } = summary;
  const drawing = architectureGraph({ graph, model, parameters, multiplyAdds });
  return section('architecture', 'Architecture', figure(drawing));
}

async function predictionsSection(data: ReportData): Promise<Markup | undefined> {
  if (data.predictions === undefined) return undefined;
  const cards = await cardsOf(data.predictions, data.classNames);
  const { trueLabels, predictedLabels } = data.predictions;
  const right = cards.filter((_, i) => trueLabels[i] === predictedLabels[i]).length;
  return section(
    'predictions',
    'Predictions',
    html`<p>
        ${right} of ${cards.length} right: green with a tick; wrong: red with a cross. Under each
        image: the prediction${data.predictions.confidences && ', its confidence'}, the truth.
      </p>
      <div class="cards">${cards.map(trusted)}</div>`,
  );
}

async function mistakesSection(data: ReportData): Promise<Markup | undefined> {
  if (data.mistakes === undefined || data.mistakes.trueLabels.length === 0) return undefined;
  const cards = await cardsOf(data.mistakes, data.classNames);
  return section(
    'mistakes',
    'Mistakes',
    html`<p>Wrong, and most confidently so.</p>
      <div class="cards">${cards.map(trusted)}</div>`,
  );
}

function cardsOf(predictions: Predictions, classNames?: readonly string[]): Promise<string[]> {
  return predictionCards({
    ...predictions,
    ...(!predictions.classNames && classNames && { classNames }),
  });
}

function confusionSection(data: ReportData): Markup | undefined {
  const { confusionMatrix: counts, classNames } = data;
  if (counts === undefined) return undefined;
  const chart = confusionMatrixChart(counts, { ...(classNames && { classNames }) });
  return section(
    'confusion',
    'Confusion matrix',
    html`<div class="matrix">
      ${figure(chart)}${classTable(perClassAccuracy(counts, classNames))}
    </div>`,
  );
}

function classTable(classes: readonly ClassAccuracy[]): Markup {
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          <th>Class</th>
          <th class="number">Right</th>
          <th class="number">Accuracy</th>
          <th class="bar"></th>
          <th class="number">Precision</th>
        </tr>
      </thead>
      <tbody>
        ${classes.map(
          ({ name, correct, total, accuracy, precision }) =>
            html` <tr>
              <th scope="row">${name}</th>
              <td class="number">${formatCount(correct)} / ${formatCount(total)}</td>
              <td class="number">${formatPercent(accuracy)}</td>
              <td class="bar">
                <span
                  style="width:${Number.isFinite(accuracy) ? formatNumber(accuracy * 100) : 0}%"
                ></span>
              </td>
              <td class="number">${formatPercent(precision)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function summarySection(summary?: ReportSummary): Markup | undefined {
  if (summary === undefined) return undefined;
  const total = summary.parameters ?? summary.rows.reduce((sum, row) => sum + row.parameters, 0);
  const counts = summary.rows.some(({ multiplyAdds }) => multiplyAdds !== undefined);
  const { trainableParameters: trainable } = summary;
  const facts: [name: string, value: string | undefined][] = [
    ['Parameters', formatCount(total)],
    ['Trainable', told(trainable, formatCount)],
    ['Non-trainable', told(trainable, (n) => formatCount(total - n))],
    ['Buffers', summary.buffers ? formatCount(summary.buffers) : undefined],
    ['Multiply-adds', told(summary.multiplyAdds, formatPrefixed)],
    ['Input', told(summary.inputBytes, formatBytes)],
    ['Activations and their gradients', told(summary.activationBytes, formatBytes)],
    ['Memory of the parameters', told(summary.parameterBytes, formatBytes)],
    ['Memory of the buffers', summary.bufferBytes ? formatBytes(summary.bufferBytes) : undefined],
    ['Estimated total', told(summary.totalBytes, formatBytes)],
  ];
  return section(
    'model',
    'Layers',
    html`<div class="scroll">
        <table class="wide">
          <thead>
            <tr>
              <th>Layer</th>
              <th>Type</th>
              <th>Output shape</th>
              <th class="number">Parameters</th>
              ${counts && html`<th class="number">Multiply-adds</th>`}
            </tr>
          </thead>
          <tbody>
            ${summary.rows.map(
              (row) =>
                html` <tr>
                  <th scope="row"><code>${row.name}</code></th>
                  <td>${row.type}</td>
                  <td>(${row.outputShape.join(', ')})</td>
                  <td class="number">${row.repeated ? 'shared' : formatCount(row.parameters)}</td>
                  ${
                    counts &&
                    html`<td class="number">${told(row.multiplyAdds, formatCount) ?? ''}</td>`
                  }
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
      <div class="scroll totals">
        <table>
          <tbody>
            ${facts
              .filter(([, value]) => value !== undefined)
              .map(
                ([name, value]) =>
                  html`<tr>
                    <th scope="row">${name}</th>
                    <td class="number">${value}</td>
                  </tr>`,
              )}
          </tbody>
        </table>
      </div>`,
  );
}

function told<T>(value: T | undefined, write: (value: T) => string): string | undefined {
  return value === undefined ? undefined : write(value);
}

function settingsSection({ settings, adapter }: ReportData): Markup | undefined {
  const table = (
    title: string,
    rows: readonly (readonly [string, string])[],
  ): Markup | undefined =>
    rows.length === 0
      ? undefined
      : html`<div class="scroll">
          <table>
            <caption>
              ${title}
            </caption>
            <tbody>
              ${rows.map(
                ([name, value]) =>
                  html`<tr>
                    <th scope="row">${name}</th>
                    <td>${value}</td>
                  </tr>`,
              )}
            </tbody>
          </table>
        </div>`;
  const kind = adapter?.software === undefined ? '' : adapter.software ? 'software' : 'hardware';
  const adapterRows = [
    ['vendor', adapter?.vendor ?? ''],
    ['architecture', adapter?.architecture ?? ''],
    ['description', adapter?.description ?? ''],
    ['kind', kind],
  ] as const;
  const tables = [
    table(
      'Settings',
      Object.entries(settings ?? {})
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => [name, value === null ? 'none' : String(value)] as const),
    ),
    table(
      'Adapter',
      adapterRows.filter(([, value]) => value !== ''),
    ),
  ].filter((t) => t !== undefined);
  if (tables.length === 0) return undefined;
  return section('settings', 'Set-up', html`<div class="pair">${tables}</div>`);
}

function commandSection(command?: string): Markup | undefined {
  if (!command) return undefined;
  return section(
    'command',
    'Command',
    html`<p>Makes this report again; a click selects all of it.</p>
      <pre><code>${command}</code></pre>`,
  );
}

function dateText(date: Date | string): string {
  if (typeof date === 'string') return date;
  if (Number.isNaN(date.getTime())) {
    throw new ArgumentError('htmlReport', 'a valid createdAt', 'an invalid Date');
  }
  return `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

const STYLE = `
:root {
  --page: #f5f7fa; --card: #ffffff; --ink: #1f2933; --quiet: #52606d; --line: #d9dee4;
  --accent: #0b5fa5; color-scheme: light dark;
}
@media (prefers-color-scheme: dark) {
  :root { --page: #11161c; --card: #1a2129; --ink: #e6eaee; --quiet: #a3b0bd; --line: #323c47;
    --accent: #63b3f0; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 8px; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 44px 0 12px; }
p { margin: 0 0 14px; color: var(--quiet); }
.lead { display: flex; flex-wrap: wrap; gap: 2px 20px; overflow-wrap: anywhere; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px;
  margin: 20px 0 0; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 12px 14px; }
.tile dt { color: var(--quiet); font-size: .875rem; }
.tile dd { margin: 2px 0 0; font-size: 1.35rem; font-weight: 600; white-space: nowrap;
  font-variant-numeric: tabular-nums; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr));
  gap: 16px; align-items: start; }
figure { margin: 0; background: #ffffff; color: #1f2933; border: 1px solid var(--line);
  border-radius: 10px; padding: 10px; overflow-x: auto; text-align: center; }
figure svg, .cards svg { display: block; margin: 0 auto; }
#curves svg { width: 100%; }
.matrix { display: grid; gap: 16px; align-items: start; }
.matrix figure svg { min-width: 460px; }
@media (min-width: 1000px) {
  .matrix { grid-template-columns: minmax(0, 1.35fr) minmax(0, 1fr); }
}
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(94px, 1fr)); gap: 14px 6px;
  background: #ffffff; border: 1px solid var(--line); border-radius: 10px; padding: 14px 10px; }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; padding: 6px 14px 8px; }
table { border-collapse: collapse; width: 100%; font-size: .9375rem; }
caption { text-align: left; font-weight: 600; padding: 6px 8px; }
th, td { text-align: left; padding: 6px 8px; border-bottom: 1px solid var(--line);
  vertical-align: top; }
td, tbody th { overflow-wrap: break-word; }
.wide { min-width: 480px; }
tbody th { font-weight: 500; }
thead th { color: var(--quiet); font-size: .875rem; font-weight: 600; }
tbody:last-child tr:last-child > * { border-bottom: 0; }
.totals { margin-top: 16px; }
.totals td { font-weight: 600; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
td.bar { width: 18%; min-width: 40px; vertical-align: middle; }
td.bar span { display: block; height: 8px; border-radius: 4px; background: var(--accent); }
@media (max-width: 560px) {
  th.bar, td.bar { display: none; }
  .scroll { padding: 4px 8px; }
  th, td { padding: 5px 3px; }
  table, thead th { font-size: .8125rem; }
  .wide { min-width: 0; }
  .wide code { font-size: .75rem; }
}
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
  font-size: .9375em; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 10px; margin: 0;
  padding: 14px 16px; white-space: pre-wrap; overflow-wrap: anywhere; }
pre code { user-select: all; -webkit-user-select: all; }
@media print { section { break-inside: avoid; } }
`;
