import fs from 'node:fs';
import os from 'node:os';
import { Command } from 'commander';
import { ArgumentError, data, manualSeed, models, optim, train, type nn } from 'shadegrad';
import { makeAugment } from '../augmentations.js';
import { normalizationFor, prepared, readData, type RawData } from '../dataSets.js';
import { filtersOf } from '../figures.js';
import { adapterLine, gpuOpener, percent } from '../gpu.js';
import { finishingOnSignals } from '../interruption.js';
import { saveModel, type ModelFacts } from '../modelFile.js';
import { writeReport } from '../report.js';
import {
  makeRunFolder,
  openRunFolder,
  runFiles,
  writeSettings,
  type RunFiles,
} from '../runFolder.js';
import { makeSchedule } from '../schedules.js';
import {
  resolveSettings,
  withTrainOptions,
  type TrainRequest,
  type TrainSettings,
} from '../trainSettings.js';

/** Examples of a batch where nothing is learnt: as many as keep a GPU busy. */
const EVALUATION_BATCH = 256;
/** Images held out to validate on, and the share of data sets that have few. */
const VALIDATION = { images: 5000, from: 25_000, share: 0.2 };
/** What a shell adds to the number of a signal for the exit code. */
const SIGNALLED = 128;

export function trainCommand(): Command {
  const command = new Command('train')
    .description('Trains a network, shows progress, and leaves its weights and a report.')
    .argument(
      '[model]',
      `one of: ${models.names.join(', ')}; not needed with --resume or --config`,
    );
  return withTrainOptions(command)
    .addHelpText(
      'after',
      `
Leaves in the folder: config.json, checkpoint.safetensors, log.csv,
model.safetensors, history.json, report.html. Ctrl-C finishes the batch and
saves; --resume then ends with the weights that an undisturbed run has.

Examples:
  shadegrad train lenet5 --activation relu --pool max
  shadegrad train lenet5 --optimizer sgd --lr 0.1 --epochs 10 --out runs/classic
  shadegrad train lenettanh --data fashion-mnist --validation 20% \\
    --epochs 50 --early-stopping 10 --min-delta 0.0001
  shadegrad train alexnetcifar --data cifar10 --augment flip,crop:4 \\
    --optimizer sgd --schedule cosine --epochs 30
  shadegrad train simpleconvnet --data folder --root photos
  shadegrad train --resume runs/classic
  shadegrad train --config runs/classic/config.json --seed 2 --out runs/second`,
    )
    .action(async (model: string | undefined, _: unknown, command: Command) => {
      await run(await resolveSettings(model, command, (folder) => runFiles(folder).config));
    });
}

/** What a training works with, made anew or as it was. */
interface Training {
  model: nn.Module;
  facts: ModelFacts;
  trainer: train.Trainer;
  loader: data.DataLoader;
  validation: data.DataLoader | undefined;
  test: data.ImageDataset;
}

async function run({ settings, resume, overwrite, debug }: TrainRequest): Promise<void> {
  // What can be refused is refused before a GPU is asked for.
  const wanted = models.inputShapeOf(settings.model, settings.options);
  const gpu = gpuOpener({ debug });
  const raw = await readData(settings, wanted, gpu);
  const { imageShape, classNames } = raw.train;
  const options = models.optionsFor(
    settings.model,
    { imageShape, classes: classNames.length },
    settings.options,
  );
  const held = validationCount(settings, raw.train.length);
  const files = resume ? openRunFolder(settings.out) : makeRunFolder(settings.out, overwrite);
  const device = await gpu();
  console.log(`adapter: ${adapterLine(device)}`);
  if (settings.mixedPrecision && !device.hasF16) {
    console.error('train: this adapter has no f16, so --mixed-precision changes nothing');
  }

  manualSeed(settings.seed);
  const model = models.create(settings.model, options);
  const filtersBefore = await filtersOf(model);
  const training = assemble(model, { settings, raw, options, held, files });
  const { trainer, loader, validation, test, facts } = training;

  const checkpoint = resume && fs.existsSync(files.checkpoint) ? files.checkpoint : undefined;
  if (checkpoint) announce(checkpoint, settings, loader);
  else await writeSettings(files, settings);
  const { epochs } = settings;
  const { result: history, signal } = await finishingOnSignals(
    () => trainer.stop(),
    () => trainer.fit(loader, { epochs, validation, resume: checkpoint }),
  );
  if (history.interrupted) {
    console.log(`interrupted. Go on with: shadegrad train --resume ${files.folder}`);
    process.exitCode = SIGNALLED + os.constants.signals[signal!];
    return;
  }

  const testLoader = new data.DataLoader(test, { batchSize: EVALUATION_BATCH });
  const tested = await trainer.evaluate(testLoader);
  console.log(`final loss ${history.epochs.at(-1)!.loss}`);
  console.log(`test accuracy ${percent(tested.accuracy)}  test loss ${tested.loss.toFixed(4)}`);
  await saveModel(files.model, model, facts);
  await writeReport({
    files,
    name: settings.model,
    model,
    device,
    inputShape: [1, ...models.inputShapeOf(settings.model, options)],
    settings: settingsTable(settings, held),
    history,
    tested,
    dataTitle: raw.title,
    test,
    predictions: await trainer.predict(testLoader),
    filtersBefore,
  });
  console.log(`wrote ${files.model}, history.json, log.csv, report.html`);
}

function validationCount({ validation }: TrainSettings, length: number): number {
  const usual = length >= VALIDATION.from ? VALIDATION.images : VALIDATION.share;
  const wanted = validation ?? usual;
  const count = wanted < 1 ? Math.round(wanted * length) : wanted;
  if (count >= length) {
    const expected = `--validation under ${length}, the number of training images`;
    throw new ArgumentError('train', expected, count);
  }
  return count;
}

function assemble(
  model: nn.Module,
  {
    settings,
    raw,
    options,
    held,
    files,
  }: {
    settings: TrainSettings;
    raw: RawData;
    options: Record<string, unknown>;
    held: number;
    files: RunFiles;
  },
): Training {
  const normalization = normalizationFor(settings.normalize, raw);
  const preparation = { input: models.inputShapeOf(settings.model, options), normalization };
  const augment = settings.augment === undefined ? undefined : makeAugment(settings.augment);
  const all = prepared(raw.train, { ...preparation, augment });
  const [training, held_] = data.randomSplit(all, [all.length - held, held]) as [
    data.Subset,
    data.Subset,
  ];
  // What is validated on is not augmented.
  const plain = augment ? prepared(raw.train, preparation) : all;
  const loader = new data.DataLoader(training, { batchSize: settings.batchSize, shuffle: true });
  const validation =
    held > 0
      ? new data.DataLoader(new data.Subset(plain, held_.indices), { batchSize: EVALUATION_BATCH })
      : undefined;

  const { regularizers, adam } = models.recipeFor(settings.model, model);
  const optimizer = makeOptimizer(model, settings, adam);
  const trainer = new train.Trainer(model, {
    optimizer,
    regularizers,
    accumulate: settings.accumulate,
    clipGradNorm: settings.clipNorm,
    autocast: settings.mixedPrecision,
    callbacks: callbacksOf(settings, optimizer, files),
  });
  const facts: ModelFacts = {
    model: settings.model,
    options,
    data: settings.data,
    normalization,
    classNames: raw.train.classNames,
  };
  return { model, facts, trainer, loader, validation, test: prepared(raw.test, preparation) };
}

function callbacksOf(
  settings: TrainSettings,
  optimizer: optim.Optimizer<{ lr: number }>,
  files: RunFiles,
): train.Callback[] {
  const { schedule, earlyStopping, minDelta, monitor, checkpointEvery } = settings;
  const callbacks: train.Callback[] = [
    new train.ProgressBar(),
    new train.CSVLogger(files.log),
    stopIfDiverged,
  ];
  if (schedule !== undefined) callbacks.push(makeSchedule(schedule, optimizer, settings));
  if (earlyStopping !== undefined) {
    const options = { patience: earlyStopping, minDelta, monitor, restoreBestWeights: true };
    callbacks.push(new train.EarlyStopping(options));
  }
  callbacks.push(new train.TrainingCheckpoint(files.checkpoint, { every: checkpointEvery }));
  return callbacks;
}

/** Ends a run that cannot recover: weights that are no numbers stay so. */
const stopIfDiverged: train.Callback = {
  onEpochEnd({ epoch, loss, partial }) {
    if (Number.isFinite(loss) || partial) return;
    const fix = 'Lower the learning rate with --lr.';
    throw new ArgumentError('train', 'a loss that stays finite', `${loss} in epoch ${epoch}`, fix);
  },
};

function makeOptimizer(
  model: nn.Module,
  { optimizer, lr, momentum, weightDecay }: TrainSettings,
  adam: models.Recipe['adam'],
): optim.Optimizer<{ lr: number }> {
  const parameters = model.parameters();
  const common = { lr, weightDecay };
  const made = {
    adam: () => new optim.Adam(parameters, { ...common, ...adam }),
    adamw: () => new optim.AdamW(parameters, { ...common, ...adam }),
    sgd: () => new optim.SGD(parameters, { ...common, momentum }),
    rmsprop: () => new optim.RMSprop(parameters, common),
  }[optimizer]();
  return made as unknown as optim.Optimizer<{ lr: number }>;
}

/** Says where a training goes on. */
function announce(checkpoint: string, { epochs }: TrainSettings, loader: data.DataLoader): void {
  const bytes = fs.readFileSync(checkpoint);
  const values = train.trainingValuesIn(bytes, checkpoint);
  const within = values.pass ? ` and ${values.pass.batch} of ${loader.length} batches` : '';
  console.log(`resuming after ${values.epochs} of ${epochs} epochs${within}`);
}

/** What the run was made with, for the report and the history. */
function settingsTable(settings: TrainSettings, held: number): Record<string, string | number> {
  const { options, optimizer } = settings;
  const optional = {
    schedule: settings.schedule,
    augmentation: settings.augment,
    'early stopping': settings.earlyStopping,
    'gradient norm': settings.clipNorm,
    'mixed precision': settings.mixedPrecision ? 'yes' : undefined,
    'batches of an update': settings.accumulate > 1 ? settings.accumulate : undefined,
  };
  return {
    ...(options as Record<string, string>),
    data: settings.data,
    optimizer,
    'learning rate': settings.lr,
    ...(optimizer === 'sgd' ? { momentum: settings.momentum } : {}),
    'weight decay': settings.weightDecay,
    'batch size': settings.batchSize,
    epochs: settings.epochs,
    'validation images': held,
    ...(Object.fromEntries(
      Object.entries(optional).filter(([, value]) => value !== undefined),
    ) as Record<string, string | number>),
    seed: settings.seed,
  };
}
