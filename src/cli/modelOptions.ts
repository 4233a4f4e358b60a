import { Option, type Command } from 'commander';

/** The options of a network's constructor, as far as the command line sets them. */
export const MODEL_OPTIONS: readonly string[] = ['activation', 'pool', 'variant'];

export function withModelOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--activation <name>', "activation (default: the network's own)").choices([
        'sigmoid',
        'tanh',
        'relu',
        'none',
      ]),
    )
    .addOption(
      new Option('--pool <name>', "pooling (default: the network's own)").choices(['avg', 'max']),
    )
    .addOption(
      new Option('--variant <name>', 'form of alexnet (default: torchvision)').choices([
        'torchvision',
        '2012',
        'd2l',
      ]),
    );
}

/** Those that were given. */
export function modelOptions(options: object): Record<string, unknown> {
  const given = Object.entries(options).filter(([name]) => MODEL_OPTIONS.includes(name));
  return Object.fromEntries(given);
}
