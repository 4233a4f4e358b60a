import path from 'node:path';
import { Command } from 'commander';
import { data, models, train } from 'shadegrad';
import { dataNameOf, prepared, readData, type DataSource } from '../dataSets.js';
import { gpuOpener } from '../gpu.js';
import { checkClasses, readModel, restoreModel, type StoredModel } from '../modelFile.js';
import { rootOfTraining, runFiles } from '../runFolder.js';
import { percent } from '../percent.js';
import { EVALUATION_BATCH } from '../training.js';
import { withDataOptions, type DataOptions, type GlobalOptions } from '../options.js';

export function evaluateCommand(): Command {
  const command = new Command('evaluate')
    .description('Loss and accuracy of a trained network on the test images.')
    .argument('<file>', 'model.safetensors that `shadegrad train` wrote');
  return withDataOptions(command, { batchSize: EVALUATION_BATCH })
    .addHelpText('after', '\nExample:\n  shadegrad evaluate runs/lenet5/model.safetensors')
    .action(async (file: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<
        GlobalOptions & Omit<DataOptions, 'data'> & { data?: string }
      >();
      // Bad files are found before a GPU is asked for.
      const stored = await readModel(file);
      const input = models.inputShapeOf(stored.model, stored.options);
      const source = await sourceFor(file, stored, options);
      const gpu = gpuOpener(options);
      const { test } = await readData(source, input, gpu);
      checkClasses('evaluate', test.classNames, stored);
      await gpu();
      const { batchSize } = options;
      const { normalization } = stored;
      const loader = new data.DataLoader(prepared(test, { input, normalization }), { batchSize });
      const network = restoreModel(stored);
      const { regularizers } = models.recipeFor(stored.model, network);
      const { loss, accuracy } = await train.evaluate(network, loader, undefined, { regularizers });
      console.log(
        `test accuracy ${percent(accuracy)}  test loss ${loss.toFixed(4)}  (${test.length.toLocaleString('en-US')} images)`,
      );
    });
}

/** The images of the training, unless others are asked for. */
async function sourceFor(
  file: string,
  stored: StoredModel,
  { data: name = dataNameOf(stored), root }: Partial<DataSource>,
): Promise<DataSource> {
  if (root !== undefined || name !== dataNameOf(stored)) return { data: name, root };
  return { data: name, root: await rootOfTraining(runFiles(path.dirname(file))) };
}
