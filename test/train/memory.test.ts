import * as sg from 'shadegrad';
import { expect, test } from 'vitest';
import { labels, pixels } from '../support/digits.js';
import { unlessAll } from '../support/extent.js';

// What a step leaves behind shows after any step.
const STEPS = unlessAll(100, 500);

/** What a run leaves behind besides its model: the loss and the logits of its last step. */
function freeLastStep(model: sg.nn.Module): void {
  sg.tidy(() => model.parameters()[0]!.sum().backward());
}

/** Runs `step` that many times and compares the bytes in use after 50 and after all. */
async function expectFlat(step: (i: number) => Promise<void> | void): Promise<void> {
  let after50 = { bytesInUse: 0, arrays: 0 };
  for (let i = 1; i <= STEPS; i++) {
    await step(i);
    if (i === 50) after50 = sg.memory();
  }
  const { bytesInUse, arrays } = sg.memory();
  expect({ bytesInUse, arrays }).toEqual({
    bytesInUse: after50.bytesInUse,
    arrays: after50.arrays,
  });
}

test(`${STEPS} steps of a loop as in PyTorch take no more memory than 50`, async () => {
  const model = new sg.models.LeNet5({ activation: 'relu', pool: 'max' });
  const criterion = new sg.nn.CrossEntropyLoss();
  const optimizer = new sg.optim.Adam(model.parameters(), { lr: 1e-4 });
  const x = sg.tensor(pixels, { shape: [16, 1, 28, 28] });
  const y = sg.tensor(labels);
  const data = new sg.data.TensorDataset(x, y);
  const loader = new sg.data.DataLoader(data, { batchSize: 2, shuffle: true });

  const seen: number[] = [];
  async function* forever(): AsyncGenerator<sg.Tensor[]> {
    for (;;) yield* loader;
  }
  const batches = forever();
  await expectFlat(async (i) => {
    const [images, digits] = (await batches.next()).value as [sg.Tensor, sg.Tensor];
    const scaled = images.sub(0.13).div(0.31); // computed from the batch, without gradients
    const logits = model.forward(scaled);
    const loss = criterion.forward(logits, digits);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    if (i % 50 === 0) {
      const right = await logits.argmax(1).eq(digits).sum().item();
      seen.push(right, await loss.item());
    }
  });
  expect(seen).toHaveLength((2 * STEPS) / 50);
  expect(seen.every(Number.isFinite)).toBe(true);

  await batches.return(undefined);
  freeLastStep(model);
  for (const one of [data, optimizer, model]) one.dispose();
});

test(`so do ${STEPS} steps on tensors that were made before, clearing gradients first`, async () => {
  const model = new sg.nn.Sequential(
    new sg.nn.Flatten(),
    new sg.nn.Linear(784, 16),
    new sg.nn.Tanh(),
    new sg.nn.Linear(16, 10),
  );
  const optimizer = new sg.optim.SGD(model.parameters(), { lr: 0.05, momentum: 0.9 });
  using x = sg.tensor(pixels, { shape: [16, 1, 28, 28] });
  using y = sg.tensor(labels);
  let first = 0;
  await expectFlat(async (i) => {
    optimizer.zeroGrad();
    const loss = sg.nn.functional.crossEntropy(model.forward(x), y);
    loss.backward();
    optimizer.step();
    if (i === 1) first = await loss.item();
    if (i === STEPS) expect(await loss.item()).toBeLessThan(first / 10);
  });
  freeLastStep(model);
  optimizer.dispose();
  model.dispose();
});
