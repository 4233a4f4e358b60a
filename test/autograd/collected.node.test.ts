import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as sg from 'shadegrad';
import { expect, test } from 'vitest';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Drops handles of every kind without a dispose. */
function drop(w: sg.Tensor): void {
  for (let i = 0; i < 20; i++) {
    sg.ones([10]).add(1);
    const hidden = w.exp().square(); // a graph that no backward consumes
    sg.noGrad(() => hidden.mul(2));
    hidden.detach().requiresGrad_();
    sg.tensor([1], { requiresGrad: true }).backward(); // a leaf with its gradient
    new sg.nn.Linear(2, 2);
  }
}

/** Runs the collector until there are no more than `arrays`, or no less. */
async function settle(arrays = 0): Promise<void> {
  for (let i = 0; i < 50 && sg.memory().arrays > arrays; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test('what was dropped without dispose comes back with the collector', async () => {
  await settle(); // what files before have dropped
  using w = sg.tensor([1, 2], { requiresGrad: true });
  const { arrays } = sg.memory();
  drop(w);
  expect(sg.memory().arrays).toBeGreaterThan(arrays + 100);
  await settle(arrays);
  expect(sg.memory().arrays).toBe(arrays);
});
