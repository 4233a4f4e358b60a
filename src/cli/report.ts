import { io, nn, train, viz, type data, type Device, type Shape } from 'shadegrad';
import type { RunFiles } from './runFolder.js';

/** How many test images, at most, the report shows with their predictions. */
const SHOWN = 20;

/** The weights of the first convolution, as they are now. */
export interface Filters {
  layer: string;
  shape: Shape;
  data: Float32Array;
}

/** What a finished run hands over to be written down. */
export interface Run {
  files: RunFiles;
  /** Name of the network in `models`. */
  name: string;
  model: nn.Module;
  device: Device;
  /** Of one input, batch included. */
  inputShape: Shape;
  settings: Readonly<Record<string, string | number>>;
  history: train.History;
  tested: train.Evaluation;
  /** The data set, for people. */
  dataTitle: string;
  test: data.ImageDataset;
  /** Probabilities of the test images, (N, C). */
  predictions: { shape: Shape; data: Float32Array };
  filtersBefore: Filters | null;
}

/** The filters of the first convolution, or null for a network without one. */
export async function firstFilters(model: nn.Module): Promise<Filters | null> {
  for (const [layer, module] of model.namedModules()) {
    if (!(module instanceof nn.Conv2d)) continue;
    const { weight } = module;
    return { layer, shape: weight.shape, data: (await weight.data()) as Float32Array };
  }
  return null;
}

/** Writes `report.html` and then `history.json`, each whole or not at all. */
export async function writeReport(run: Run): Promise<void> {
  const { files, name, model, device, history, tested, test, settings, filtersBefore } = run;
  const summary = model.summary(run.inputShape);
  const command = `shadegrad ${process.argv.slice(2).map(quote).join(' ')}`;
  const seconds = history.epochs.reduce((sum, epoch) => sum + epoch.seconds, 0);
  const { vendor, architecture, description, software } = device.info;
  const adapter = { vendor, architecture, description, software };

  const labels = test.labels;
  const shown = Math.min(SHOWN, test.length);
  const ranked = ranking(run.predictions);
  const after = await firstFilters(model);
  const page = await viz.htmlReport({
    title: `${model.constructor.name} on ${run.dataTitle}`,
    model: model.constructor.name,
    dataset: `${run.dataTitle}, ${test.length.toLocaleString('en-US')} test images`,
    createdAt: new Date(),
    headline: {
      testAccuracy: tested.accuracy,
      testLoss: tested.loss,
      epochs: history.epochs.length,
      trainingSeconds: seconds,
      imagesPerSecond: history.epochs.at(-1)!.examplesPerSecond,
      parameters: summary.parameters,
    },
    history,
    filters:
      after && filtersBefore ? { before: filtersBefore, after, layer: after.layer } : undefined,
    predictions: {
      images: {
        data: test.images.subarray(0, shown * test.image(0).length),
        shape: [shown, ...test.imageShape],
      },
      trueLabels: labels.subarray(0, shown),
      predictedLabels: ranked.labels.slice(0, shown),
      confidences: ranked.confidences.slice(0, shown),
    },
    confusionMatrix: train.confusionMatrix(ranked.labels, labels, test.classNames.length),
    classNames: test.classNames,
    summary: {
      rows: summary.rows.map((row) => ({
        ...row,
        outputShape: ['N', ...row.outputShape.slice(1)],
      })),
      parameters: summary.parameters,
      trainableParameters: summary.trainableParameters,
    },
    adapter,
    settings,
    command,
  });
  await io.writeFileAtomic(files.report, page);
  await io.writeFileAtomic(
    files.history,
    `${JSON.stringify({ model: name, parameters: summary.parameters, settings, adapter, command, test: tested, ...history }, null, 2)}\n`,
  );
}

/** The most probable class of each row, and its probability. */
function ranking({ shape, data: probabilities }: Run['predictions']): {
  labels: Uint32Array;
  confidences: Float32Array;
} {
  const [rows, classes] = shape as [number, number];
  const labels = new Uint32Array(rows);
  const confidences = new Float32Array(rows);
  for (let i = 0; i < rows; i++) {
    const row = probabilities.subarray(i * classes, (i + 1) * classes);
    confidences[i] = Math.max(...row);
    labels[i] = row.indexOf(confidences[i]!);
  }
  return { labels, confidences };
}

/** An argument as a shell reads it back. */
function quote(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}
