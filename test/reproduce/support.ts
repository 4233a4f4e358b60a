/** Results that were never measured, to be kept and shown. */
import type { Environment } from '../../bench/environment.js';
import type { ExperimentResult, PythonResult } from '../../reproduce/results.js';

export const ENVIRONMENT: Environment = {
  adapter: {
    description: 'Test Adapter',
    vendor: 'v',
    architecture: 'a',
    software: true,
    features: [],
  },
  driver: '1',
  versions: { shadegrad: '1', node: '20', webgpu: '1' },
  cpu: '2 x CPU',
  commit: 'abc',
  date: '2026-11-20T10:00:00.000Z',
};

const EPOCH = { loss: 0.5, accuracy: 0.9, seconds: 10 };

export function result(changes: Partial<ExperimentResult> = {}): ExperimentResult {
  return {
    experiment: 'leNetTanh',
    version: 'full',
    commit: 'abc',
    date: '2026-11-20T10:00:00.000Z',
    seed: 1,
    finished: true,
    plannedEpochs: 2,
    epochs: 2,
    images: 48_000,
    validationImages: 12_000,
    testImages: 10_000,
    figures: { trainLoss: 0.1, trainAccuracy: 0.97, testLoss: 0.08, testAccuracy: 0.9751 },
    history: [
      { ...EPOCH, epoch: 1 },
      { ...EPOCH, epoch: 2, loss: 0.1 },
    ],
    seconds: 300,
    imagesPerSecond: 400,
    data: 'd1',
    ...changes,
  };
}

export function pythonResult(changes: Partial<PythonResult> = {}): PythonResult {
  const { experiment, version, date, seed, plannedEpochs, epochs, images, history } = result();
  return {
    ...{ experiment, version, date, seed, plannedEpochs, epochs, images, history },
    framework: 'Keras 3.15.1, PyTorch 2.15.0',
    threads: 1,
    figures: { testLoss: 0.0745, testAccuracy: 0.9768 },
    data: 'd1',
    ...changes,
  };
}
