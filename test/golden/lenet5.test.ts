/** LeNet-5 against PyTorch, twenty steps: lenet5.safetensors, which lenet5.py writes. */
import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { decodeSafetensors, type RawTensor } from '../../src/data/safetensors.js';
import { expectClose } from '../support/compare.js';
import { labels, pixels } from '../support/digits.js';
import bytes from './lenet5.safetensors';

const { tensors, metadata } = decodeSafetensors(bytes, 'lenet5.safetensors');

/** The tensors whose key starts with `prefix/`, without it. */
function under(prefix: string): Record<string, RawTensor> {
  const own = Object.entries(tensors).filter(([key]) => key.startsWith(`${prefix}/`));
  return Object.fromEntries(own.map(([key, tensor]) => [key.slice(prefix.length + 1), tensor]));
}

const RUNS = [
  { activation: 'relu', pool: 'max', lr: 0.1 },
  { activation: 'sigmoid', pool: 'avg', lr: 0.5 },
] as const;

describe(`LeNet-5, as PyTorch ${metadata.torch} trains it`, () => {
  test.each(RUNS)('$activation, $pool pooling', async ({ activation, pool, lr }) => {
    const { losses: expected, ...weights } = under(`${activation} ${pool}`);
    const model = new sg.models.LeNet5({ activation, pool });
    model.loadStateDict(under('initial') as never);
    const optimizer = new sg.optim.SGD(model.parameters(), { lr, momentum: 0.9 });
    const x = sg.tensor(pixels, { shape: [16, 1, 28, 28] });
    const y = sg.tensor(labels);
    const losses: number[] = [];
    for (let i = 0; i < expected!.data.length; i++) {
      const loss = sg.nn.functional.crossEntropy(model.forward(x), y);
      losses.push(await loss.item());
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
    }
    expectClose(losses, expected!.data, { norm: 1e-5 }, 'losses');
    const state = model.stateDict();
    for (const [name, { shape, data }] of Object.entries(weights)) {
      expect(state[name]!.shape).toEqual(shape);
      expectClose(await state[name]!.data(), data, { norm: 1e-4 }, name);
    }
    sg.tidy(() => model.forward(x).sum().backward()); // a new step: frees what the last one left
    for (const one of [x, y, optimizer, model]) one.dispose();
  });
});
