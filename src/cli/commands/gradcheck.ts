import { Command, Option } from 'commander';
import { ArgumentError, data, manualSeed, models, train, type Shape, type Tensor } from 'shadegrad';
import { adapterLine, openGpu } from '../gpu.js';
import { modelOptions, withModelOptions } from '../modelOptions.js';
import { numberFrom, wholeNumber, type GlobalOptions } from '../options.js';
import { randomBatch } from '../randomBatch.js';

interface GradcheckOptions extends GlobalOptions {
  batch?: number;
  samples?: number;
  seed: number;
  tolerance: number;
  data: 'random' | 'mnist';
  root?: string;
  json?: boolean;
}

/** Large networks get fewer images and directions: with these, one takes a minute or so on a CPU. */
const DEFAULTS = [
  { parameters: 1e6, batch: 4, samples: 2 },
  { parameters: 2e7, batch: 2, samples: 1 },
  { parameters: Infinity, batch: 1, samples: 1 },
] as const;

export function gradcheckCommand(): Command {
  const command = new Command('gradcheck')
    .description('Compares backpropagation with numerical differentiation, layer by layer.')
    .argument('<model>', `one of: ${models.names.join(', ')}`);
  return withModelOptions(command)
    .option('--batch <n>', 'images (default: 4, fewer for large networks)', wholeNumber(1))
    .option(
      '--samples <n>',
      'directions of each kind for a parameter (default: 2, or 1 for large networks)',
      wholeNumber(1),
    )
    .option(
      '--tolerance <share>',
      'largest relative difference along the gradient; across it, five times as much',
      numberFrom(0),
      0.05,
    )
    .option('--seed <n>', 'seed of weights, images and directions', wholeNumber(0), 1)
    .addOption(new Option('--data <name>', 'images').choices(['random', 'mnist']).default('random'))
    .option(
      '--root <folder>',
      'folder with the files of mnist (default: searched for, or downloaded)',
    )
    .option('--json', 'print the table as JSON')
    .addHelpText(
      'after',
      `
Ends with code 1 if backpropagation and differences disagree for a parameter.

Examples:
  shadegrad gradcheck lenet5
  shadegrad gradcheck lenet5 --activation relu --pool max --data mnist
  shadegrad gradcheck alexnet --samples 1 --json`,
    )
    .action(async (name: string, _: unknown, command: Command) => {
      await run(name, command.optsWithGlobals<GradcheckOptions>());
    });
}

async function run(name: string, options: GradcheckOptions): Promise<void> {
  const { seed, tolerance, json } = options;
  const forModel = modelOptions(options);
  const inputShape = models.inputShapeOf(name, forModel);
  const digits = options.data === 'mnist' ? await readDigits(name, inputShape, options) : null;
  const device = await openGpu(options);
  manualSeed(seed);
  const model = models.create(name, forModel);
  const count = model.parameters().reduce((sum, { numel }) => sum + numel, 0);
  const defaults = DEFAULTS.find(({ parameters }) => count < parameters)!;
  const { batch = defaults.batch, samples = defaults.samples } = options;
  const [x, target] = digits
    ? await firstBatch(digits, batch)
    : randomBatch(model, [batch, ...inputShape]);

  if (!json) {
    console.log(`adapter: ${adapterLine(device)}`);
    console.log(`${name}, ${x.shape[0]} ${options.data} images, ${samples} directions a kind\n`);
  }
  const report = await train.checkGradients(model, x, target, {
    ...{ samples, tolerance, seed },
    onRow: json ? undefined : showProgress,
  });
  const { rows, passed } = report;
  console.log(
    json ? JSON.stringify({ model: name, passed, tolerance, rows }, null, 2) : String(report),
  );
  if (!passed) process.exitCode = 1;
}

/** MNIST's test images. @throws ArgumentError for a network that takes others. */
async function readDigits(
  name: string,
  inputShape: Shape,
  { root }: GradcheckOptions,
): Promise<data.ImageDataset> {
  if (String(inputShape) !== '1,28,28') {
    throw new ArgumentError(
      'gradcheck',
      'a network for images of 1x28x28 with --data mnist',
      `${name} for ${inputShape.join('x')}`,
      'Leave --data out for random images.',
    );
  }
  return (await data.mnist({ root })).test;
}

async function firstBatch(images: data.ImageDataset, batch: number): Promise<[Tensor, Tensor]> {
  for await (const [x, target] of new data.DataLoader(images, { batchSize: batch })) {
    return [x!.retain(), target!.retain()];
  }
  throw new ArgumentError('gradcheck', 'a data set with images', 'an empty one');
}

/** Shows how far it is on standard error, where somebody looks; the line is gone at the end. */
function showProgress({ layer, parameter }: train.GradientRow, done: number, all: number): void {
  if (!process.stderr.isTTY) return;
  const text = done < all ? `${done} of ${all}: ${layer} ${parameter}` : '';
  process.stderr.write(`\r\u001b[K${text}`);
}
