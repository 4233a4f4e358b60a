import path from 'node:path';
import { Command, Option } from 'commander';
import { io, manualSeed, models, nn, noGrad, optim, profile, type Tensor } from 'shadegrad';
import { adapterLine, openGpu } from '../gpu.js';
import { modelOptions, withModelOptions } from '../modelOptions.js';
import { wholeNumber, type GlobalOptions } from '../options.js';
import { makeOutFolder } from '../outFolder.js';
import { randomBatch } from '../randomBatch.js';

interface ProfileOptions extends GlobalOptions {
  batch: number;
  mode: 'train' | 'infer';
  repeat: number;
  trace?: string;
}

export function profileCommand(): Command {
  const command = new Command('profile')
    .description("Shows where the time of a network goes: each kernel's time and share.")
    .argument('<model>', `one of: ${models.names.join(', ')}`);
  return withModelOptions(command)
    .option('--batch <n>', 'images of a batch', wholeNumber(1), 64)
    .addOption(
      new Option('--mode <mode>', 'a training step, or the network alone')
        .choices(['train', 'infer'])
        .default('train'),
    )
    .option('--repeat <n>', 'runs, whose mean is shown', wholeNumber(1), 5)
    .option('--trace <file>', 'also write a trace for chrome://tracing')
    .addHelpText(
      'after',
      `
Images are random, so no data set is needed. ui.perfetto.dev opens traces too.

Examples:
  shadegrad profile lenet5 --activation relu --pool max
  shadegrad profile lenet5 --mode infer --batch 256 --trace trace.json`,
    )
    .action(async (name: string, _: unknown, command: Command) => {
      await run(name, command.optsWithGlobals<ProfileOptions>());
    });
}

async function run(name: string, options: ProfileOptions): Promise<void> {
  const { batch, mode, repeat, trace } = options;
  const inputShape = models.inputShapeOf(name, modelOptions(options));
  // What can be refused is refused before a GPU is asked for.
  if (trace !== undefined) makeOutFolder(path.dirname(trace), 'profile', '--trace');
  const device = await openGpu(options);
  console.log(`adapter: ${adapterLine(device)}`);

  manualSeed(1);
  const model = models.create(name, modelOptions(options));
  const [x, target] = randomBatch(model, [batch, ...inputShape]);
  const step = mode === 'train' ? trainingStep(model, x, target) : inference(model, x);
  const result = await profile(step, { repeat });
  console.log(`${name}, ${mode}, batch ${batch}: mean of ${repeat} runs\n\n${result.table()}`);
  const rate = (1000 * batch) / result.wallMs;
  console.log(`images      ${rate.toPrecision(3)} a second`);
  if (trace === undefined) return;
  await io.writeFileAtomic(trace, result.trace());
  console.log(`wrote ${trace}`);
}

/** One step as `shadegrad train` makes it. */
function trainingStep(model: nn.Module, x: Tensor, target: Tensor): () => void {
  const criterion = new nn.CrossEntropyLoss();
  const optimizer = new optim.Adam(model.parameters());
  return () => {
    const loss = criterion.forward(model.forward(x), target);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
  };
}

function inference(model: nn.Module, x: Tensor): () => void {
  model.eval();
  return () => {
    noGrad(() => void model.forward(x));
  };
}
