import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { lenet5 } from '../reference/lenet5.js';
import { labels, pixels } from '../support/digits.js';
import { unlessAll } from '../support/extent.js';
import { keep } from '../support/keep.js';

const FORMS = [
  { activation: 'sigmoid', pool: 'avg' },
  { activation: 'relu', pool: 'max' },
  { activation: 'tanh', pool: 'max' },
] as const;

/** Norm of the difference over the norm of what was expected. */
function relativeError(actual: ArrayLike<number>, expected: Float64Array): number {
  let difference = 0;
  let norm = 0;
  expected.forEach((e, i) => {
    difference += (actual[i]! - e) ** 2;
    norm += e ** 2;
  });
  return Math.sqrt(difference / norm);
}

function batch(): [sg.Tensor, sg.Tensor] {
  return [keep(sg.tensor(pixels, { shape: [16, 1, 28, 28] })), keep(sg.tensor(labels))];
}

/** What the tensors hold, by key. */
async function valuesOf(
  tensors: readonly (readonly [key: string, tensor: sg.Tensor])[],
): Promise<Record<string, ArrayLike<number>>> {
  const entries = tensors.map(async ([key, tensor]) => [key, await tensor.data()] as const);
  return Object.fromEntries(await Promise.all(entries));
}

// tanh is one more activation of the same kernels.
describe.each(FORMS.slice(0, unlessAll(2, 3)))(
  'LeNet-5, $activation and $pool pooling, on a real batch',
  (form) => {
    test('loss and every gradient equal the float64 reference', async () => {
      sg.manualSeed(7);
      const model = keep(new sg.models.LeNet5(form));
      const [x, y] = batch();
      const named = model.namedParameters();
      const weights = await valuesOf(named);

      const loss = keep(sg.nn.functional.crossEntropy(keep(model.forward(x)), y));
      loss.backward();
      const expected = lenet5({ ...form, weights, images: pixels, labels });
      expect(Math.abs((await loss.item()) - expected.loss) / expected.loss).toBeLessThan(1e-6);
      expect(Object.keys(expected.gradients)).toHaveLength(10);
      const gradients = await valuesOf(named.map(([key, { grad }]) => [key, grad!]));
      for (const [key] of named) {
        const error = relativeError(gradients[key]!, expected.gradients[key]!);
        expect(error, key).toBeLessThan(2e-5);
      }
    });
  },
);

test('has 61,706 parameters in either form, and refuses forms that it does not know', () => {
  for (const form of FORMS) {
    const model = sg.meta(() => new sg.models.LeNet5(form));
    expect(model.summary([1, 1, 28, 28]).parameters).toBe(61_706);
  }
  expect(() => new sg.models.LeNet5({ activation: 'gelu' as 'relu' })).toThrow(
    'LeNet5: expected activation of sigmoid, tanh, relu, none, got gelu',
  );
});

test('logits and gradients do not depend on what else is in the batch', async () => {
  sg.manualSeed(3);
  const model = keep(new sg.models.LeNet5({ activation: 'relu', pool: 'max' }));
  const [x] = batch();
  const [all, one] = await sg.noGrad(() =>
    Promise.all([model.forward(x).data(), model.forward(x.slice(0, 4, 5)).data()]),
  );
  expect([...one]).toEqual([...all.slice(40, 50)]);
});
