import { io, train, viz, type data, type Device, type nn, type Shape } from 'shadegrad';
import {
  featureMapsOf,
  filtersOf,
  firstImages,
  predictionsOf,
  samplesOf,
  SHOWN,
  type Filters,
} from './figures.js';
import type { RunFiles } from './runFolder.js';

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
  /** What trains the same again. */
  command: string;
}

/** Writes `report.html` and then `history.json`, each whole or not at all. */
export async function writeReport(run: Run): Promise<void> {
  const { files, name, model, device, history, tested, test, settings, filtersBefore, command } =
    run;
  const summary = model.summary(run.inputShape);
  const seconds = history.epochs.reduce((sum, epoch) => sum + epoch.seconds, 0);
  const { vendor, architecture, description, software } = device.info;
  const adapter = { vendor, architecture, description, software };

  const labels = test.labels;
  const top = train.topPredictions(run.predictions);
  const wrong = train.mistakes(top, labels, SHOWN);
  const after = await filtersOf(model);
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
    samples: samplesOf(test, SHOWN),
    predictions: predictionsOf(test, top, firstImages(test, SHOWN)),
    mistakes: wrong.length > 0 ? predictionsOf(test, top, wrong) : undefined,
    featureMaps: after ? await featureMapsOf(model, test, 0, after.layer) : undefined,
    confusionMatrix: train.confusionMatrix(top.labels, labels, test.classNames.length),
    classNames: test.classNames,
    summary,
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
