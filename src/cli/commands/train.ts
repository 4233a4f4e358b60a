import os from 'node:os';
import { Command } from 'commander';
import { ArgumentError, data, io, manualSeed, models, train } from 'shadegrad';
import { readData } from '../dataSets.js';
import { filtersOf } from '../figures.js';
import { adapterLine, gpuOpener } from '../gpu.js';
import { finishingOnSignals } from '../interruption.js';
import { saveModel } from '../modelFile.js';
import { percent } from '../percent.js';
import { writeReport } from '../report.js';
import { beginRun, continueRun, openRunFolder, runFiles } from '../runFolder.js';
import { settingsTable } from '../settingsTable.js';
import { shellCommand } from '../shellCommand.js';
import {
  resolveSettings,
  withTrainOptions,
  type TrainRequest,
  type TrainSettings,
} from '../trainSettings.js';
import { assemble, EVALUATION_BATCH, validationCount } from '../training.js';

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
  if (options.numClasses !== classNames.length) {
    const expected = `numClasses of ${classNames.length}, as the data has`;
    throw new ArgumentError('train', expected, options.numClasses, 'Leave it out.');
  }
  const held = validationCount(settings, raw.train.length);
  const { files, resumes } = openRunFolder(settings.out, { resume, overwrite });
  const device = await gpu();
  console.log(`adapter: ${adapterLine(device)}`);
  if (settings.mixedPrecision && !device.hasF16) {
    console.error('train: this adapter has no f16, so --mixed-precision changes nothing');
  }

  manualSeed(settings.seed);
  const model = models.create(settings.model, options);
  const filtersBefore = await filtersOf(model);
  if (resume && !resumes) console.log(`nothing to go on with in ${files.folder}: beginning`);
  const checkpoint = resumes ? await io.readFile(files.checkpoint) : undefined;
  // What is in the folder stays until all of the training is checked, loaded and compiled.
  const onTrainBegin = (): Promise<void> =>
    checkpoint ? continueRun(files, settings) : beginRun(files, settings);
  const { trainer, loader, validation, test, facts, regularizers } = assemble(model, {
    ...{ settings, raw, options, held, files, first: { onTrainBegin } },
  });
  if (checkpoint) {
    announce(train.trainingValuesIn(checkpoint, files.checkpoint), settings, loader);
  }
  const { epochs } = settings;
  const { result: history, signal } = await finishingOnSignals(
    () => trainer.stop(),
    () => trainer.fit(loader, { epochs, validation, resume: checkpoint }),
  );
  if (history.interrupted) {
    console.log(`interrupted. Go on with: ${shellCommand('train', '--resume', files.folder)}`);
    process.exitCode = SIGNALLED + os.constants.signals[signal!];
    return;
  }

  await saveModel(files.model, model, facts);
  const testLoader = new data.DataLoader(test, { batchSize: EVALUATION_BATCH });
  const tested = await trainer.evaluate(testLoader);
  console.log(`final loss ${history.epochs.at(-1)!.loss}`);
  console.log(`test accuracy ${percent(tested.accuracy)}  test loss ${tested.loss.toFixed(4)}`);
  await writeReport({
    files,
    name: settings.model,
    model,
    device,
    inputShape: [1, ...models.inputShapeOf(settings.model, options)],
    settings: settingsTable(settings, held, regularizers),
    history,
    tested,
    dataTitle: raw.title,
    test,
    predictions: await trainer.predict(testLoader),
    filtersBefore,
    command: resume
      ? shellCommand('train', '--config', files.config, '--out', files.folder)
      : shellCommand(...process.argv.slice(2)),
  });
  console.log(`wrote ${files.model}, history.json, log.csv, report.html`);
}

/**
 * Says where a training goes on.
 * @throws ArgumentError for fewer epochs than it has begun.
 */
function announce(
  { epochs: done, pass, ended, optimizer }: train.TrainingValues,
  { epochs }: TrainSettings,
  loader: data.DataLoader,
): void {
  const begun = done + (pass ? 1 : 0);
  if (epochs < begun) {
    throw new ArgumentError('train --resume', `--epochs of ${begun} or more`, epochs);
  }
  const within = pass ? ` and ${pass.batch} of ${loader.length} batches` : '';
  if (ended) console.log(`ended early after ${done} epochs: there is nothing to go on with`);
  else console.log(`resuming after ${done} of ${epochs} epochs${within}`);
  const [group] = optimizer.paramGroups as { lr?: number }[];
  if (!ended && epochs > done && group?.lr === 0) {
    console.error('train: the schedule has come down to a learning rate of 0');
  }
}
