import { Command } from 'commander';
import { data, models, train } from 'shadegrad';
import { DATA_NAMES, prepared, readData } from '../dataSets.js';
import { gpuOpener, percent } from '../gpu.js';
import { readModel, restoreModel } from '../modelFile.js';
import { withDataOptions, type DataOptions, type GlobalOptions } from '../options.js';

export function evaluateCommand(): Command {
  const command = new Command('evaluate')
    .description('Loss and accuracy of a trained network on the test images.')
    .argument('<file>', 'model.safetensors that `shadegrad train` wrote');
  return withDataOptions(command, { batchSize: 256 })
    .addHelpText('after', '\nExample:\n  shadegrad evaluate runs/lenet5/model.safetensors')
    .action(async (file: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<
        GlobalOptions & Omit<DataOptions, 'data'> & { data?: string }
      >();
      // Bad files are found before a GPU is asked for.
      const stored = await readModel(file);
      const input = models.inputShapeOf(stored.model, stored.options);
      const name = options.data ?? (DATA_NAMES.includes(stored.data) ? stored.data : 'mnist');
      const source = { data: name, root: options.root };
      const gpu = gpuOpener(options);
      const { test } = await readData(source, input, gpu);
      await gpu();
      const { batchSize } = options;
      const { normalization } = stored;
      const loader = new data.DataLoader(prepared(test, { input, normalization }), { batchSize });
      const { loss, accuracy } = await train.evaluate(restoreModel(stored), loader);
      console.log(
        `test accuracy ${percent(accuracy)}  test loss ${loss.toFixed(4)}  (${test.length.toLocaleString('en-US')} images)`,
      );
    });
}
