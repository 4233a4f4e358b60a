/** Runs one experiment. */
import * as sg from 'shadegrad';
import { initializeAsKeras } from '../src/models/keras.js';
import { loadParts, type Parts } from './data.js';
import type { Experiment, Figures, Version } from './experiments.js';
import type { EpochFigures, ExperimentResult } from './results.js';

/** Examples of a batch where nothing is learnt. */
const EVALUATION_BATCH = 256;

/** What the runner measures; the rest of a result says what was asked for. */
export type Measured = Omit<ExperimentResult, 'experiment' | 'version' | 'commit'>;

export interface RunOptions {
  /** Of weights, orders and dropout. */
  seed: number;
  log: (line: string) => void;
  /** Given what there is after each epoch. */
  onEpoch: (measured: Measured) => Promise<unknown>;
}

/**
 * Trains and measures.
 * @throws ResourceError or DataFormatError if the data is not to be had.
 */
export async function runExperiment(
  experiment: Experiment,
  version: Version,
  options: RunOptions,
): Promise<Measured> {
  const parts = await loadParts(experiment, version);
  sg.manualSeed(options.seed);
  const model = makeModel(experiment);
  const optimizer = makeOptimizer(experiment, model);
  try {
    return await train({ experiment, version, parts, model, optimizer, options });
  } finally {
    optimizer.dispose();
    model.dispose();
    parts.dispose();
  }
}

interface Training {
  experiment: Experiment;
  version: Version;
  parts: Parts;
  model: sg.nn.Module;
  optimizer: sg.optim.Adam | sg.optim.SGD;
  options: RunOptions;
}

async function train(training: Training): Promise<Measured> {
  const { experiment, version, parts, model, optimizer, options } = training;
  const { batchSize = experiment.batchSize, epochs, earlyStopping } = version;
  const history: EpochFigures[] = [];
  const started = performance.now();

  const measured = (figures: Partial<Figures>, finished: boolean): Measured => {
    const seconds = history.reduce((sum, epoch) => sum + epoch.seconds, 0);
    return {
      date: new Date().toISOString(),
      seed: options.seed,
      finished,
      plannedEpochs: epochs,
      epochs: history.length,
      ...(stopping && finished ? { bestEpoch: stopping.bestEpoch } : {}),
      images: parts.train.length,
      validationImages: parts.validation?.length ?? 0,
      testImages: parts.test?.length ?? 0,
      figures,
      seconds: (performance.now() - started) / 1000,
      imagesPerSecond: (history.length * parts.train.length) / seconds,
      history: [...history],
      data: parts.digest,
    };
  };

  const noteEpoch: sg.train.Callback = {
    async onEpochEnd({ epoch, loss, accuracy, valLoss, valAccuracy, seconds }) {
      const tested = parts.test ? await test(trainer, parts.test) : {};
      history.push({ epoch, loss, accuracy, valLoss, valAccuracy, ...tested, seconds });
      await options.onEpoch(
        measured({ trainLoss: loss, trainAccuracy: accuracy, ...tested }, false),
      );
    },
  };
  const stopping = earlyStopping ? new sg.train.EarlyStopping(earlyStopping) : null;
  const trainer = new sg.train.Trainer(model, {
    optimizer,
    regularizers: experiment.penalty ? sg.models.alexNetCifarRegularizers(model) : [],
    callbacks: [
      new sg.train.ProgressBar({ log: options.log }),
      noteEpoch,
      ...(stopping ? [stopping] : []),
    ],
  });
  const loaderOf = (dataset: sg.data.Dataset): sg.data.DataLoader =>
    new sg.data.DataLoader(dataset, { batchSize: EVALUATION_BATCH });
  await trainer.fit(new sg.data.DataLoader(parts.train, { batchSize, shuffle: true }), {
    epochs,
    validation: parts.validation ? loaderOf(parts.validation) : undefined,
  });

  const { loss, accuracy, testLoss, testAccuracy } = history.at(-1)!;
  const figures: Partial<Figures> = { trainLoss: loss, trainAccuracy: accuracy };
  if (version.assessTrain) {
    const assessed = await trainer.evaluate(loaderOf(parts.train));
    Object.assign(figures, { trainLoss: assessed.loss, trainAccuracy: assessed.accuracy });
  }
  // The weights are those of the best epoch now.
  if (parts.test && stopping) Object.assign(figures, await test(trainer, parts.test));
  else if (parts.test) Object.assign(figures, { testLoss, testAccuracy });
  return measured(figures, true);
}

async function test(
  trainer: sg.train.Trainer,
  dataset: sg.data.Dataset,
): Promise<Pick<Figures, 'testLoss' | 'testAccuracy'>> {
  const loader = new sg.data.DataLoader(dataset, { batchSize: EVALUATION_BATCH });
  const { loss, accuracy } = await trainer.evaluate(loader);
  return { testLoss: loss, testAccuracy: accuracy };
}

/** A network with the initial weights that `manualSeed` chose. */
export function makeModel({ network }: Experiment): sg.nn.Module {
  const model = sg.models.create(network.name, network.options);
  return network.initialization === 'keras' ? initializeAsKeras(model) : model;
}

function makeOptimizer(
  { optimizer }: Experiment,
  model: sg.nn.Module,
): sg.optim.Adam | sg.optim.SGD {
  const { name, ...options } = optimizer;
  return name === 'adam'
    ? new sg.optim.Adam(model.parameters(), options)
    : new sg.optim.SGD(model.parameters(), options);
}
