/** What a training works with, from its settings and its data. */
import { ArgumentError, data, models, optim, train, type nn } from 'shadegrad';
import { makeAugment } from './augmentations.js';
import { normalizationFor, part, prepared, type RawData } from './dataSets.js';
import type { ModelFacts } from './modelFile.js';
import type { RunFiles } from './runFolder.js';
import { makeSchedule, watches } from './schedules.js';
import { initialLr, type TrainSettings } from './trainSettings.js';

/** Examples of a batch where nothing is learnt: as many as keep a GPU busy. */
export const EVALUATION_BATCH = 256;
/** Images held out to validate on, and the share of data sets that have few. */
const VALIDATION = { images: 5000, from: 25_000, share: 0.2 };

/** A training that is ready to begin, or to go on. */
export interface Training {
  facts: ModelFacts;
  trainer: train.Trainer;
  loader: data.DataLoader;
  validation: data.DataLoader | undefined;
  test: data.ImageDataset;
  /** Of the network's recipe. */
  regularizers: models.Recipe['regularizers'];
}

/**
 * How many of the training images are held out.
 * @throws ArgumentError for as many as there are, or for none where the validation is watched.
 */
export function validationCount(settings: TrainSettings, length: number): number {
  const { validation, earlyStopping, schedule, monitor } = settings;
  const usual = length >= VALIDATION.from ? VALIDATION.images : VALIDATION.share;
  const wanted = validation ?? usual;
  const count = wanted < 1 ? Math.round(wanted * length) : wanted;
  if (count >= length) {
    const expected = `--validation under ${length}, the number of training images`;
    throw new ArgumentError('train', expected, count);
  }
  const isWatched = earlyStopping !== undefined || (schedule !== undefined && watches(schedule));
  if (count === 0 && isWatched && monitor.startsWith('val')) {
    const fix = 'Hold images out with --validation, or --monitor loss.';
    throw new ArgumentError('train', `images to measure ${monitor} on`, 'none', fix);
  }
  return count;
}

/** @param options  Of the network. */
export function assemble(
  model: nn.Module,
  {
    settings,
    raw,
    options,
    held,
    files,
    first,
  }: {
    settings: TrainSettings;
    raw: RawData;
    options: Record<string, unknown>;
    held: number;
    files: RunFiles;
    /** Is told of all before the others. */
    first: train.Callback;
  },
): Training {
  const normalization = normalizationFor(settings.normalize, raw);
  const preparation = { input: models.inputShapeOf(settings.model, options), normalization };
  const augment = settings.augment === undefined ? undefined : makeAugment(settings.augment);
  const all = prepared(raw.train, { ...preparation, augment });
  const [training, heldOut] = data.randomSplit(all, [all.length - held, held]) as [
    data.Subset,
    data.Subset,
  ];
  // What is validated on is not augmented.
  const validated = augment
    ? prepared(part(raw.train, [...heldOut.indices]), preparation)
    : heldOut;
  const loader = new data.DataLoader(training, { batchSize: settings.batchSize, shuffle: true });
  const validation =
    held > 0 ? new data.DataLoader(validated, { batchSize: EVALUATION_BATCH }) : undefined;

  const { regularizers, adam } = models.recipeFor(settings.model, model);
  const optimizer = makeOptimizer(model, settings, adam);
  const trainer = new train.Trainer(model, {
    optimizer,
    regularizers,
    accumulate: settings.accumulate,
    clipGradNorm: settings.clipNorm,
    autocast: settings.mixedPrecision,
    callbacks: [first, ...callbacksOf(settings, optimizer, files)],
  });
  const facts: ModelFacts = {
    model: settings.model,
    options,
    data: settings.data,
    normalization,
    classNames: raw.train.classNames,
  };
  const test = prepared(raw.test, preparation);
  return { facts, trainer, loader, validation, test, regularizers };
}

function callbacksOf(
  settings: TrainSettings,
  optimizer: optim.lr.LROptimizer,
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
  onEpochEnd({ epoch, loss, valLoss = loss, partial }) {
    if ((Number.isFinite(loss) && Number.isFinite(valLoss)) || partial) return;
    const fix = 'Lower the learning rate with --lr.';
    const got = `${Number.isFinite(loss) ? valLoss : loss} in epoch ${epoch}`;
    throw new ArgumentError('train', 'a loss that stays finite', got, fix);
  },
};

function makeOptimizer(
  model: nn.Module,
  settings: TrainSettings,
  adam: models.Recipe['adam'],
): optim.Adam | optim.SGD | optim.RMSprop {
  const { optimizer, momentum, weightDecay } = settings;
  const parameters = model.parameters();
  const common = {
    lr: initialLr(settings),
    ...(weightDecay === undefined ? {} : { weightDecay }),
  };
  return {
    adam: () => new optim.Adam(parameters, { ...common, ...adam }),
    adamw: () => new optim.AdamW(parameters, { ...common, ...adam }),
    sgd: () => new optim.SGD(parameters, { ...common, momentum }),
    rmsprop: () => new optim.RMSprop(parameters, common),
  }[optimizer]();
}
