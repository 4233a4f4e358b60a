import { Command, Option } from 'commander';
import { ArgumentError, data, io, models, noGrad, tensor, type nn, type Shape } from 'shadegrad';
import { fittedTo } from '../dataSets.js';
import { openGpu } from '../gpu.js';
import { readModel, restoreModel, type StoredModel } from '../modelFile.js';
import { wholeNumber, type GlobalOptions } from '../options.js';
import { percent } from '../percent.js';

interface PredictOptions extends GlobalOptions {
  top: number;
  invert: 'auto' | 'yes' | 'no';
  center?: boolean;
}

/** Data sets whose images are white on black and fill 28x28 pixels. */
const WHITE_ON_BLACK = ['mnist', 'fashion-mnist'];

export function predictCommand(): Command {
  return new Command('predict')
    .description('Says what is on an image, and how sure the network is.')
    .argument('<file>', 'model.safetensors that `shadegrad train` wrote')
    .argument('<images...>', 'PNG or JPEG files of any size')
    .option('--top <n>', 'how many classes to print', wholeNumber(1), 1)
    .addOption(
      new Option(
        '--invert <when>',
        'of digits and clothes: exchange black and white; auto does so for a bright background',
      )
        .choices(['auto', 'yes', 'no'])
        .default('auto'),
    )
    .option('--center', 'cut out the digit and centre it, as for photos and free drawings')
    .addHelpText(
      'after',
      '\nExample:\n  shadegrad predict runs/lenet5/model.safetensors digit.png --top 3',
    )
    .action(async (file: string, paths: string[], _: unknown, command: Command) => {
      const options = command.optsWithGlobals<PredictOptions>();
      // Bad files are found before a GPU is asked for.
      const stored = await readModel(file);
      const input = models.inputShapeOf(stored.model, stored.options);
      const ignored = ['center', 'invert'].find(
        (key) => !isWhiteOnBlack(stored, input) && command.getOptionValueSource(key) === 'cli',
      );
      if (ignored) {
        const expected = `--${ignored} for a network that learnt ${WHITE_ON_BLACK.join(' or ')}`;
        const fix = 'Leave it out.';
        throw new ArgumentError('predict', expected, `one that learnt ${stored.data}`, fix);
      }
      const images: [path: string, image: Pixels][] = [];
      for (const path of paths) {
        const image = await data.decodeImage(await io.readFile(path), path);
        images.push([path, pixelsOf(image, stored, input, options)]);
      }
      await openGpu(options);
      const network = restoreModel(stored);
      for (const [path, pixels] of images) {
        const probabilities = await classify(network, pixels, stored.normalization, input);
        const ranked = [...probabilities.entries()]
          .sort(([, a], [, b]) => b - a)
          .slice(0, options.top);
        const named = ranked.map(
          ([label, share]) => `${stored.classNames[label] ?? label} (${percent(share)})`,
        );
        console.log(`${path}: ${named.join('  ')}`);
      }
    });
}

/** (C, H, W) bytes. */
type Pixels = ReturnType<typeof data.toPlanes>;

/** The image as those were that the network learnt from, but for its size. */
function pixelsOf(
  image: data.Image,
  stored: StoredModel,
  input: Shape,
  { invert, center }: PredictOptions,
): Pixels {
  if (isWhiteOnBlack(stored, input)) {
    const grey = { invert: invert === 'auto' ? ('auto' as const) : invert === 'yes', center };
    return { data: data.toGrey28(image, grey), shape: [1, 28, 28] };
  }
  return data.toPlanes(image, input[0] === 1 ? 1 : 3);
}

function isWhiteOnBlack(stored: StoredModel, [channels]: Shape): boolean {
  return channels === 1 && WHITE_ON_BLACK.includes(stored.data);
}

/** The probability of each class. */
async function classify(
  network: nn.Module,
  { data: bytes, shape }: Pixels,
  normalization: data.Normalization,
  input: Shape,
): Promise<Float32Array> {
  const { apply, normalize } = data.transforms;
  const pixels = Float32Array.from(bytes, (byte) => byte / 255);
  const read = noGrad(() => {
    const x = tensor(pixels, { shape: [1, ...shape] });
    const batch = apply(x, [...fittedTo(input, shape), normalize(normalization)]);
    return network.forward(batch).softmax(1).data();
  });
  return (await read) as Float32Array;
}
