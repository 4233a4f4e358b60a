import { Command, Option } from 'commander';
import { data, io, noGrad, tensor, type nn } from 'shadegrad';
import { readCheckpoint, restore } from '../checkpoint.js';
import { openGpu, percent } from '../gpu.js';
import { wholeNumber, type GlobalOptions } from '../options.js';

interface PredictOptions extends GlobalOptions {
  top: number;
  invert: 'auto' | 'yes' | 'no';
  center?: boolean;
}

export function predictCommand(): Command {
  return new Command('predict')
    .description('Says which digit is on an image, and how sure the network is.')
    .argument('<file>', 'model.safetensors that `shadegrad train` wrote')
    .argument('<images...>', 'PNG files of any size')
    .option('--top <n>', 'how many classes to print', wholeNumber(1), 1)
    .addOption(
      new Option(
        '--invert <when>',
        'exchange black and white; auto does so for a bright background',
      )
        .choices(['auto', 'yes', 'no'])
        .default('auto'),
    )
    .option('--center', 'cut out the digit and centre it, as for photos and free drawings')
    .addHelpText(
      'after',
      '\nExample:\n  shadegrad predict runs/lenet5/model.safetensors digit.png --top 3',
    )
    .action(async (file: string, images: string[], _: unknown, command: Command) => {
      const { top, center, ...options } = command.optsWithGlobals<PredictOptions>();
      const invert = options.invert === 'auto' ? 'auto' : options.invert === 'yes';
      // Bad files are found before a GPU is asked for.
      const checkpoint = await readCheckpoint(file);
      const digits: [path: string, pixels: Uint8Array][] = [];
      for (const path of images) {
        const image = await data.decodeImage(await io.readFile(path), path);
        digits.push([path, data.toGrey28(image, { invert, center })]);
      }
      await openGpu(options);
      const network = restore(checkpoint);
      for (const [path, pixels] of digits) {
        const probabilities = await classify(network, pixels, checkpoint.normalization);
        const ranked = [...probabilities.entries()].sort(([, a], [, b]) => b - a).slice(0, top);
        console.log(
          `${path}: ${ranked.map(([label, share]) => `${label} (${percent(share)})`).join('  ')}`,
        );
      }
    });
}

/** @param bytes  (28, 28), 0 to 255. @returns the probability of each class. */
async function classify(
  network: nn.Module,
  bytes: Uint8Array,
  { mean, std }: data.Normalization,
): Promise<Float32Array> {
  const pixels = Float32Array.from(bytes, (byte) => (byte / 255 - mean[0]!) / std[0]!);
  const read = noGrad(() => {
    const x = tensor(pixels, { shape: [1, 1, 28, 28] });
    return network.forward(x).softmax(1).data();
  });
  return (await read) as Float32Array;
}
