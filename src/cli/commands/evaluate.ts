import { Command } from 'commander';
import { data, train } from 'shadegrad';
import { readCheckpoint, restore } from '../checkpoint.js';
import { openGpu, percent } from '../gpu.js';
import { withDataOptions, type DataOptions, type GlobalOptions } from '../options.js';

export function evaluateCommand(): Command {
  return withDataOptions(
    new Command('evaluate')
      .description('Measures a trained network on the test images.')
      .argument('<file>', 'model.safetensors that `shadegrad train` wrote'),
    256,
  )
    .addHelpText(
      'after',
      '\nExample:\n  shadegrad evaluate runs/lenet5/model.safetensors --data mnist',
    )
    .action(async (file: string, _: unknown, command: Command) => {
      const { root, batchSize, ...options } = command.optsWithGlobals<
        DataOptions & GlobalOptions
      >();
      // Bad files are found before a GPU is asked for.
      const checkpoint = await readCheckpoint(file);
      const { test } = await data.mnist({ root, normalization: checkpoint.normalization });
      await openGpu(options);
      const loader = new data.DataLoader(test, { batchSize });
      const { loss, accuracy } = await train.evaluate(restore(checkpoint), loader);
      console.log(
        `test accuracy ${percent(accuracy)}  test loss ${loss.toFixed(4)}  (${test.length.toLocaleString('en-US')} images)`,
      );
    });
}
