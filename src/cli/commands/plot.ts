import path from 'node:path';
import { Argument, Command, Option } from 'commander';
import { ArgumentError, io, nn, train, viz } from 'shadegrad';
import {
  featureMapsOf,
  filtersOf,
  firstImages,
  predictionsOf,
  samplesOf,
  SHOWN,
} from '../figures.js';
import { gpuOpener } from '../gpu.js';
import { wholeNumber, type GlobalOptions } from '../options.js';
import { makeOutFolder } from '../outFolder.js';
import { PlottedRun } from '../plottedRun.js';

interface PlotOptions extends GlobalOptions {
  out?: string;
  root?: string;
  layer?: string;
  image: number;
  count: number;
  direction: 'vertical' | 'horizontal';
}

/** SVG by the name of its file; none for a network that has not what is drawn. */
type Drawings = Record<string, string | undefined>;

/** What can be drawn of a run. */
const FIGURES: Readonly<
  Record<string, (run: PlottedRun, options: PlotOptions) => Promise<Drawings>>
> = {
  async curves(run) {
    const { loss, accuracy } = await viz.trainingCurves(await run.history());
    return { loss, accuracy };
  },

  async architecture(run, { direction }) {
    const network = await run.network();
    const summary = network.summary([1, ...(await run.input())]);
    return { architecture: viz.architectureGraph(summary, { direction }) };
  },

  async images(run, { count }) {
    const test = await run.test();
    const { images, labels } = samplesOf(test, count);
    const captions = labels.map((label) => test.classNames[label]!);
    return { images: await viz.imageGrid(images, { captions }) };
  },

  async predictions(run, { count }) {
    const [test, top] = [await run.test(), await run.top()];
    const shown = predictionsOf(test, top, firstImages(test, count));
    return { predictions: await viz.predictionGrid(shown) };
  },

  async mistakes(run, { count }) {
    const [test, top] = [await run.test(), await run.top()];
    const wrong = train.mistakes(top, test.labels, count);
    if (wrong.length === 0) return {};
    return { mistakes: await viz.predictionGrid(predictionsOf(test, top, wrong)) };
  },

  async filters(run, { layer }) {
    const after = await filtersOf(await run.network(), layer);
    if (!after) return {};
    const before = (await filtersOf(await run.untrained(), after.layer))!;
    const grids = await viz.filterGrids({ before, after });
    return { 'filters-before': grids.before, 'filters-after': grids.after };
  },

  async features(run, options) {
    const test = await run.test();
    if (options.image >= test.length) {
      throw new ArgumentError('plot', `--image under ${test.length}`, options.image);
    }
    const network = await run.network();
    const layer = options.layer ?? (await filtersOf(network))?.layer;
    if (layer === undefined) return {};
    const maps = await featureMapsOf(network, test, options.image, layer);
    return { features: await viz.featureMaps(maps) };
  },

  async confusion(run) {
    const [test, top] = [await run.test(), await run.top()];
    const { classNames, labels } = test;
    const counts = train.confusionMatrix(top.labels, labels, classNames.length);
    return { confusion: viz.confusionMatrixChart(counts, { classNames }) };
  },
};

const NAMES = Object.keys(FIGURES);

export function plotCommand(): Command {
  return new Command('plot')
    .description('Draws what a training left in its folder, as SVG files.')
    .argument('<folder>', 'where `shadegrad train` left its results')
    .addArgument(new Argument('[figures...]', 'which ones (default: all)').choices(NAMES))
    .option('--out <folder>', 'where the drawings go (default: plots in the folder)')
    .option('--layer <name>', 'for filters and features (default: the first convolution)')
    .option('--image <n>', 'test image, counted from 0, for features', wholeNumber(0), 0)
    .option('--count <n>', 'images, at most, that are shown', wholeNumber(1), SHOWN)
    .addOption(
      new Option('--direction <way>', 'how the layers of the architecture flow')
        .choices(['vertical', 'horizontal'])
        .default('vertical'),
    )
    .option(
      '--root <folder>',
      'folder with the files of the data set (default: as in the training)',
    )
    .addHelpText(
      'after',
      `
curves: loss and accuracy. filters: before and after. features: what a layer
makes of one test image. predictions: right in green, wrong in red. mistakes:
the most confident ones first.

Examples:
  shadegrad plot runs/lenet5
  shadegrad plot runs/lenet5 curves architecture --out docs
  shadegrad plot runs/lenet5 features --layer features.3 --image 7`,
    )
    .action(async (folder: string, figures: string[], _: unknown, command: Command) => {
      await plot(folder, figures, command.optsWithGlobals<PlotOptions>());
    });
}

async function plot(folder: string, figures: string[], options: PlotOptions): Promise<void> {
  const run = new PlottedRun(folder, options.root, gpuOpener(options));
  const out = options.out ?? path.join(folder, 'plots');
  makeOutFolder(out, 'plot', '--out');
  for (const name of figures.length > 0 ? new Set(figures) : NAMES) {
    // Of a layer without filters the other figures are drawn.
    if (name === 'filters' && figures.length === 0 && !(await hasFilters(run, options))) continue;
    const drawings = Object.entries(await FIGURES[name]!(run, options));
    for (const [file, svg] of drawings) {
      if (svg === undefined) continue;
      await io.writeFileAtomic(path.join(out, `${file}.svg`), svg);
      console.log(`wrote ${path.join(out, `${file}.svg`)}`);
    }
    if (drawings.length === 0) console.log(`${name}: nothing to draw`);
  }
}

async function hasFilters(run: PlottedRun, { layer }: PlotOptions): Promise<boolean> {
  if (layer === undefined) return true;
  const network = await run.network();
  return network
    .namedModules()
    .some(([name, module]) => name === layer && module instanceof nn.Conv2d);
}
