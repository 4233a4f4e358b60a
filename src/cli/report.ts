import { data, io, nn, train, viz, type Device, type Shape } from 'shadegrad';

/** How many test images the report shows with their predictions. */
const SHOWN = 20;

/** The weights of the first convolution, as they are now. */
export interface Filters {
  layer: string;
  shape: Shape;
  data: Float32Array;
}

/** What a finished run hands over to be written down. */
export interface Run {
  /** Folder of the results. */
  out: string;
  /** Name of the network in `models`. */
  name: string;
  model: nn.Module;
  device: Device;
  /** Of one input, batch included. */
  inputShape: Shape;
  settings: Readonly<Record<string, string | number>>;
  history: train.History;
  tested: train.Evaluation;
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

/** Writes `history.json` and `report.html`, each whole or not at all. */
export async function writeReport(run: Run): Promise<void> {
  const { out, name, model, device, history, tested, test, settings, filtersBefore } = run;
  const summary = model.summary(run.inputShape);
  const command = `shadegrad ${process.argv.slice(2).map(quote).join(' ')}`;
  const seconds = history.epochs.reduce((sum, epoch) => sum + epoch.seconds, 0);
  const { vendor, architecture, description, software } = device.info;
  const adapter = { vendor, architecture, description, software };

  await io.writeFileAtomic(
    `${out}/history.json`,
    `${JSON.stringify({ model: name, parameters: summary.parameters, settings, adapter, command, test: tested, ...history }, null, 2)}\n`,
  );

  const labels = test.labels;
  const top = train.topPredictions(run.predictions);
  const count = Math.min(SHOWN, test.length);
  const first = Array.from({ length: count }, (_, i) => i);
  const spread = first.map((i) => Math.floor((i * test.length) / count));
  const wrong = train.mistakes(top, labels, count);
  const after = await firstFilters(model);
  const page = await viz.htmlReport({
    title: `${model.constructor.name} on MNIST`,
    model: model.constructor.name,
    dataset: `MNIST, ${test.length.toLocaleString('en-US')} test images`,
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
    samples: { images: test.imagesAt(spread), labels: spread.map((i) => labels[i]!) },
    predictions: predictionsOf(test, top, first),
    mistakes: wrong.length > 0 ? predictionsOf(test, top, wrong) : undefined,
    featureMaps: after ? await featureMapsOf(model, test, 0, after.layer) : undefined,
    confusionMatrix: train.confusionMatrix(top.labels, labels, test.classNames.length),
    classNames: test.classNames,
    summary,
    adapter,
    settings,
    command,
  });
  await io.writeFileAtomic(`${out}/report.html`, page);
}

/** Some test images with what the network says of them. */
function predictionsOf(
  test: data.ImageDataset,
  { labels, confidences }: train.TopPredictions,
  indices: readonly number[],
): viz.Predictions {
  return {
    images: test.imagesAt(indices),
    trueLabels: indices.map((i) => test.labels[i]!),
    predictedLabels: indices.map((i) => labels[i]!),
    confidences: indices.map((i) => confidences[i]!),
    classNames: test.classNames,
  };
}

/** What a layer makes of one test image. */
async function featureMapsOf(
  model: nn.Module,
  test: data.ImageDataset,
  image: number,
  layer: string,
): Promise<viz.FeatureMapsOptions> {
  const [x] = new data.DataLoader(new data.Subset(test, [image]), { batchSize: 1 }).sample();
  const { [layer]: maps } = await train.featureMaps(model, x!, [layer]);
  return { maps: maps!, layer, image: test.imagesAt([image]) };
}

/** An argument as a shell reads it back. */
function quote(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}
