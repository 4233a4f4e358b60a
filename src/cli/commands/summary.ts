import { Command } from 'commander';
import { meta, models } from 'shadegrad';
import { modelOptions, withModelOptions } from '../modelOptions.js';
import type { GlobalOptions } from '../options.js';

export function summaryCommand(): Command {
  return withModelOptions(
    new Command('summary')
      .description('Shows the layers of a network, their output shapes and parameters.')
      .argument('<model>', `one of: ${models.names.join(', ')}`),
  )
    .addHelpText(
      'after',
      `
Examples:
  shadegrad summary lenet5 --activation relu --pool max
  shadegrad summary alexnet`,
    )
    .action((name: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const forModel = modelOptions(options);
      const inputShape = models.inputShapeOf(name, forModel);
      const model = meta(() => models.create(name, forModel));
      console.log(String(model.summary([1, ...inputShape])));
    });
}
