/** How long an experiment takes, from what was measured of it before. */
import { meta, models } from 'shadegrad';
import type { Experiment, Version } from './experiments.js';
import { resultsOf, type Kept } from './results.js';
import { makeModel } from './runner.js';

/** A forward pass is about a third of a training step. */
const PASSES_A_STEP = 3;

/** What the estimate for a GPU takes for granted, until there are results of one. */
const GPU = { flops: 2e12, secondsAStep: 1e-3 };
export const GPU_WORDS = 'a GPU at 2 TFLOP/s (estimate)';

export interface Work {
  steps: number;
  /** Images that go forward and backward. */
  trained: number;
  /** Images that go forward alone. */
  assessed: number;
}

export function workOf(experiment: Experiment, version: Version): Work {
  const { epochs, images, testImages, validation = 0, assessTrain } = version;
  const trained = Math.floor(images * (1 - validation));
  const { batchSize = experiment.batchSize } = version;
  return {
    steps: epochs * Math.ceil(trained / batchSize),
    trained: epochs * trained,
    assessed: epochs * (images - trained + testImages) + (assessTrain ? trained : 0),
  };
}

/** @param imagesPerSecond  Trained with. */
export function secondsAt({ trained, assessed }: Work, imagesPerSecond: number): number {
  return (trained + assessed / PASSES_A_STEP) / imagesPerSecond;
}

/** @param multiplyAdds  Of one image's forward pass. */
export function gpuSeconds({ steps, trained, assessed }: Work, multiplyAdds: number): number {
  const flops = 2 * multiplyAdds * (PASSES_A_STEP * trained + assessed);
  return Math.max(flops / GPU.flops, steps * GPU.secondsAStep);
}

/** Images a second by adapter, from the longest training of each that is kept. */
export function measuredRates(kept: Kept, { name, timedBy }: Experiment): Map<string, number> {
  const rates = new Map<string, number>();
  for (const adapter of adaptersOf(kept)) {
    const results = resultsOf(kept, adapter);
    const own = results.filter(({ experiment }) => experiment === name);
    const runs = own.length > 0 ? own : results.filter((one) => one.experiment === timedBy);
    const [longest] = runs.sort((a, b) => b.epochs * b.images - a.epochs * a.images);
    if (longest) rates.set(adapter, longest.imagesPerSecond);
  }
  return rates;
}

/** The adapters that there are results of. */
export function adaptersOf({ files }: Kept): string[] {
  return [...new Set(files.map(({ environment }) => environment.adapter.description))];
}

/** Of one image's forward pass. Computes nothing. */
export function multiplyAddsOf(experiment: Experiment): number {
  const { name, options } = experiment.network;
  const model = meta(() => makeModel(experiment));
  return model.summary([1, ...models.inputShapeOf(name, options)]).multiplyAdds;
}
