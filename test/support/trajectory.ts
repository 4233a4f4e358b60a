import * as sg from 'shadegrad';
import { labels, pixels } from './digits.js';

/** The forms whose losses are kept in test/golden/trajectories.json. */
export const RUNS = {
  'sigmoid, average pooling, SGD': { activation: 'sigmoid', pool: 'avg', optimizer: 'sgd' },
  'relu, max pooling, Adam': { activation: 'relu', pool: 'max', optimizer: 'adam' },
} as const;

export type RunName = keyof typeof RUNS;

/** The losses of the first twenty training steps of LeNet-5 from seed 5, on sixteen real digits. */
export async function twentyLosses(name: RunName): Promise<number[]> {
  const { activation, pool, optimizer } = RUNS[name];
  sg.manualSeed(5);
  const model = new sg.models.LeNet5({ activation, pool });
  const steps =
    optimizer === 'sgd'
      ? new sg.optim.SGD(model.parameters(), { lr: 0.5, momentum: 0.5, weightDecay: 1e-4 })
      : new sg.optim.Adam(model.parameters(), { lr: 2e-3 });
  const x = sg.tensor(pixels, { shape: [16, 1, 28, 28] });
  const y = sg.tensor(labels);
  const losses: Promise<number>[] = [];
  for (let i = 0; i < 20; i++) {
    const loss = sg.nn.functional.crossEntropy(model.forward(x), y);
    losses.push(loss.item());
    steps.zeroGrad();
    loss.backward();
    steps.step();
  }
  const read = await Promise.all(losses);
  sg.tidy(() => model.forward(x).sum().backward()); // a new step: frees what the last one left
  for (const one of [x, y, steps, model]) one.dispose();
  return read;
}
