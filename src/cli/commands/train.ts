import { Command, Option } from 'commander';
import { ArgumentError, data, manualSeed, models, optim, train, type nn } from 'shadegrad';
import { saveCheckpoint, type Checkpoint } from '../checkpoint.js';
import { adapterLine, openGpu, percent } from '../gpu.js';
import { modelOptions, withModelOptions } from '../modelOptions.js';
import {
  numberFrom,
  wholeNumber,
  withDataOptions,
  type DataOptions,
  type GlobalOptions,
} from '../options.js';
import { makeOutFolder } from '../outFolder.js';
import { firstFilters, writeReport } from '../report.js';

interface TrainOptions extends GlobalOptions, DataOptions {
  epochs: number;
  optimizer: keyof typeof DEFAULT_LR;
  lr?: number;
  momentum: number;
  weightDecay: number;
  validation: number;
  seed: number;
  out?: string;
}

/** The optimizers by name, with the learning rate that each starts from. */
const DEFAULT_LR = { adam: 1e-3, sgd: 0.05 } as const;

/** Examples of a batch where nothing is learnt: as many as keep a GPU busy. */
const EVALUATION_BATCH = 256;

export function trainCommand(): Command {
  const command = new Command('train')
    .description('Trains a network, shows progress, and leaves its weights and a report.')
    .argument('<model>', `one of: ${models.names.join(', ')}`);
  withModelOptions(withDataOptions(command, 64));
  return command
    .option('--epochs <n>', 'passes over the training images', wholeNumber(1), 2)
    .addOption(
      new Option('--optimizer <name>', 'how the weights are updated')
        .choices(Object.keys(DEFAULT_LR))
        .default('adam'),
    )
    .option(
      '--lr <rate>',
      `learning rate (default: ${DEFAULT_LR.adam} for adam, ${DEFAULT_LR.sgd} for sgd)`,
      numberFrom(0),
    )
    .option('--momentum <share>', 'momentum of sgd', numberFrom(0), 0.9)
    .option('--weight-decay <weight>', 'weight of the L2 penalty', numberFrom(0), 0)
    .option('--validation <n>', 'training images held out to validate on', wholeNumber(0), 5000)
    .option(
      '--seed <n>',
      'seed of weights and order; the same seed gives the same run',
      wholeNumber(0),
      1,
    )
    .option('--out <folder>', 'where results go (default: runs/<model>)')
    .addHelpText(
      'after',
      `
Leaves in the folder: model.safetensors, history.json, log.csv, report.html.

Examples:
  shadegrad train lenet5 --activation relu --pool max
  shadegrad train lenet5 --optimizer sgd --lr 0.1 --epochs 10 --out runs/classic`,
    )
    .action(async (name: string, _: unknown, command: Command) => {
      await run(name, command.optsWithGlobals<TrainOptions>());
    });
}

async function run(name: string, options: TrainOptions): Promise<void> {
  // What can be refused is refused before a GPU is asked for.
  const imageShape = models.inputShapeOf(name, modelOptions(options));
  const normalization = data.MNIST_NORMALIZATION;
  const { train: all, test } = await data.mnist({ root: options.root, normalization });
  if (options.validation >= all.length) {
    const expected = `--validation under ${all.length}, the number of training images`;
    throw new ArgumentError('train', expected, options.validation);
  }
  const out = options.out ?? `runs/${name}`;
  makeOutFolder(out, 'train', '--out');
  const device = await openGpu(options);
  console.log(`adapter: ${adapterLine(device)}`);

  manualSeed(options.seed);
  const checkpoint: Checkpoint = {
    model: name,
    options: modelOptions(options),
    data: options.data,
    normalization,
  };
  const model = models.create(name, checkpoint.options);
  const filtersBefore = await firstFilters(model);

  const parts = data.randomSplit(all, [all.length - options.validation, options.validation]);
  const [training, held] = parts as [data.Subset, data.Subset];
  const loader = new data.DataLoader(training, { batchSize: options.batchSize, shuffle: true });
  const validation =
    held.length > 0 ? new data.DataLoader(held, { batchSize: EVALUATION_BATCH }) : undefined;
  const testLoader = new data.DataLoader(test, { batchSize: EVALUATION_BATCH });

  const callbacks = [
    new train.ProgressBar(),
    new train.CSVLogger(`${out}/log.csv`),
    stopIfDiverged,
  ];
  const trainer = new train.Trainer(model, { optimizer: makeOptimizer(model, options), callbacks });
  const history = await trainer.fit(loader, { epochs: options.epochs, validation });

  const tested = await trainer.evaluate(testLoader);
  const last = history.epochs.at(-1)!;
  console.log(`final loss ${last.loss}`);
  console.log(`test accuracy ${percent(tested.accuracy)}  test loss ${tested.loss.toFixed(4)}`);
  await saveCheckpoint(`${out}/model.safetensors`, model, checkpoint);
  await writeReport({
    out,
    name,
    model,
    device,
    inputShape: [1, ...imageShape],
    settings: settingsOf(options, checkpoint.options),
    history,
    tested,
    test,
    predictions: await trainer.predict(testLoader),
    filtersBefore,
  });
  console.log(`wrote ${out}/model.safetensors, history.json, log.csv, report.html`);
}

/** Ends a run that cannot recover: weights that are no numbers stay so. */
const stopIfDiverged: train.Callback = {
  onEpochEnd({ epoch, loss }) {
    if (Number.isFinite(loss)) return;
    const fix = 'Lower the learning rate with --lr.';
    throw new ArgumentError('train', 'a loss that stays finite', `${loss} in epoch ${epoch}`, fix);
  },
};

function makeOptimizer(model: nn.Module, options: TrainOptions): train.Stepper {
  const { optimizer, momentum, weightDecay } = options;
  const lr = options.lr ?? DEFAULT_LR[optimizer];
  return optimizer === 'adam'
    ? new optim.Adam(model.parameters(), { lr, weightDecay })
    : new optim.SGD(model.parameters(), { lr, weightDecay, momentum });
}

/** What the run was made with, for the report and the history. */
function settingsOf(
  options: TrainOptions,
  model: Checkpoint['options'],
): Record<string, string | number> {
  return {
    ...(model as Record<string, string>),
    optimizer: options.optimizer,
    'learning rate': options.lr ?? DEFAULT_LR[options.optimizer],
    ...(options.optimizer === 'sgd' ? { momentum: options.momentum } : {}),
    'weight decay': options.weightDecay,
    'batch size': options.batchSize,
    epochs: options.epochs,
    'validation images': options.validation,
    seed: options.seed,
  };
}
