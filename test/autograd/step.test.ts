import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { tidyTest } from '../support/tidyTest.js';

const leaf = (...values: number[]) => sg.tensor(values, { requiresGrad: true });
const bytes = () => sg.memory().bytesInUse;

/** Bytes in use after each of `count` steps. */
async function bytesAfterSteps(
  count: number,
  step: (i: number) => void | Promise<void>,
): Promise<number[]> {
  const seen: number[] = [];
  for (let i = 0; i < count; i++) {
    await step(i);
    seen.push(bytes());
  }
  return seen;
}

function expectFlat(seen: readonly number[]): void {
  // The first steps make gradients, and what a step leaves for the next.
  expect(new Set(seen.slice(2)).size, `bytes in use: ${seen.join(', ')}`).toBe(1);
}

describe('backward', () => {
  tidyTest('frees hidden activations and says how to keep them', async () => {
    const w = leaf(1, 2);
    const hidden = w.exp();
    const before = bytes();
    const logits = hidden.mul(2);
    const loss = logits.sum();
    loss.backward();
    expect(bytes() - before, 'hidden went; logits, loss and the gradient came').toBe(2 * 256);
    await expect(hidden.data()).rejects.toThrow(sg.DisposedError);
    await expect(hidden.data()).rejects.toThrow(
      'got one that was freed: backward() consumed it. Call retain() on it before that to keep it',
    );
    expect(() => hidden.add(1)).toThrow('backward() consumed it');
  });

  tidyTest('keeps hidden activations that are retained', async () => {
    const w = leaf(1, 2);
    const hidden = w.mul(3).retain();
    hidden.square().mul(1).sum().backward();
    expect(await hidden.toArray()).toEqual([3, 6]);
    w.mul(1).sum().backward(); // another step
    expect(await hidden.toArray()).toEqual([3, 6]);
    hidden.dispose();
  });
});

describe('the loss and the logits', () => {
  tidyTest('are readable until the first op of the next step is recorded', async () => {
    const w = leaf(1, 2);
    const optimizer = new sg.optim.SGD([w], { lr: 0.5 });
    const logits = w.mul(3);
    const loss = logits.sum();
    loss.backward();
    optimizer.step();
    optimizer.zeroGrad();
    const x = sg.tensor([1, 1]);
    sg.noGrad(() => w.mul(2)); // not recorded
    x.mul(2); // without gradient
    expect(await logits.toArray()).toEqual([3, 6]);
    expect(await loss.item()).toBe(9);

    const next = w.mul(1); // recorded
    for (const tensor of [logits, loss]) {
      await expect(tensor.data()).rejects.toThrow(sg.DisposedError);
      await expect(tensor.data()).rejects.toThrow(
        'the step it belongs to ended: a new training step has begun. Call retain()',
      );
    }
    expect(next.isFreed).toBe(false);
  });

  tidyTest('take with them what was computed from them', () => {
    const w = leaf(1, 2);
    const logits = w.mul(3);
    const before = sg.noGrad(() => logits.argmax(0));
    logits.sum().backward();
    const after = logits.argmax(0);
    const further = sg.noGrad(() => after.add(before));
    const recorded = logits.softmax(0);
    expect(recorded.requiresGrad).toBe(true);
    expect(() => recorded.sum().backward()).toThrow('backward ran through this part of the graph');
    const all = [logits, before, after, further, recorded];
    expect(all.map((t) => t.isFreed)).toEqual([false, false, false, false, false]);
    w.mul(1);
    expect(all.map((t) => t.isFreed)).toEqual([true, true, true, true, true]);
  });

  tidyTest(
    'stay when retained, and so does what is then computed from them for a step',
    async () => {
      const w = leaf(1, 2);
      const loss = w.sum().retain();
      loss.backward();
      w.mul(1).sum().backward();
      w.mul(1).sum().backward();
      expect(await loss.item()).toBe(3);
      const doubled = loss.detach().mul(2);
      const before = bytes();
      const steps = await bytesAfterSteps(5, () => {
        loss.detach().mul(2);
        w.mul(1).sum().backward();
      });
      expectFlat(steps);
      expect(steps.at(-1)! - before).toBeLessThanOrEqual(3 * 256);
      expect(doubled.isFreed).toBe(true);
      expect(await loss.item()).toBe(3);
      loss.dispose();
    },
  );
});

describe('memory stays flat without a dispose', () => {
  tidyTest('in a plain loop that reads accuracy and loss', async () => {
    const w = leaf(1, 2, 3, 4);
    const optimizer = new sg.optim.SGD([w], { lr: 0.01, momentum: 0.9 });
    const steps = await bytesAfterSteps(10, async () => {
      const logits = w.reshape([2, 2]).exp().mul(0.1);
      const loss = logits.mean();
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      logits.argmax(1);
      await loss.item();
    });
    expectFlat(steps);
    optimizer.dispose();
  });

  tidyTest('with branches that are in no loss', async () => {
    const w = leaf(1, 2);
    expectFlat(
      await bytesAfterSteps(8, () => {
        const trunk = w.exp();
        trunk.square().exp(); // an unused head, which saved what backward would need
        const loss = trunk.mul(2).sum();
        loss.log(); // for the record
        loss.backward();
        w.grad = null;
      }),
    );
  });

  tidyTest('with branches of graphs that are joined later', async () => {
    const [a, b] = [leaf(1, 2), leaf(3, 4)];
    expectFlat(
      await bytesAfterSteps(8, () => {
        const [x, y] = [a.tanh(), b.tanh()];
        for (const one of [x, y]) {
          one.square().exp(); // in no loss
          sg.noGrad(() => one.mul(2));
        }
        x.mul(y).sum().backward();
        a.grad = null;
        b.grad = null;
      }),
    );
  });

  tidyTest('with two losses on one trunk', async () => {
    const w = leaf(1, 2);
    expectFlat(
      await bytesAfterSteps(8, () => {
        const trunk = w.exp();
        const [first, second] = [trunk.square().sum(), trunk.exp().sum()];
        first.backward({ retainGraph: true });
        second.backward();
        w.grad = null;
      }),
    );
  });

  tidyTest('with a generator and a discriminator', async () => {
    const [g, d] = [leaf(1, 2), leaf(3, 4)];
    const losses: number[] = [];
    const optimizers = [new sg.optim.SGD([g], { lr: 0.01 }), new sg.optim.SGD([d], { lr: 0.01 })];
    expectFlat(
      await bytesAfterSteps(8, async () => {
        const fake = g.square().tanh();
        optimizers[1]!.zeroGrad();
        const lossD = d.mul(fake.detach()).square().sum();
        lossD.backward();
        optimizers[1]!.step();
        losses.push(await lossD.item());
        optimizers[0]!.zeroGrad();
        const lossG = d.mul(fake).sum().neg();
        lossG.backward();
        optimizers[0]!.step();
      }),
    );
    expect(losses.at(-1)!).toBeLessThan(losses[0]!);
  });

  describe.each([
    ['the hidden state comes first', true],
    ['the input comes first', false],
  ])('in truncated backpropagation through time: %s', (_, hiddenFirst) => {
    tidyTest('and gradients are those of the last piece', async () => {
      const [u, w] = [leaf(0.5), leaf(0.9)];
      const inputs = Array.from({ length: 12 }, (_, i) => Math.sin(i));
      const xs = inputs.map((value) => sg.tensor([value]));
      let hidden = sg.zeros([1]);
      let [state, du, dw] = [0, 0, 0]; // the same by hand
      const steps = await bytesAfterSteps(inputs.length / 3, async (piece) => {
        let [stateU, stateW] = [0, 0]; // d state / du, d state / dw within the piece
        [du, dw] = [0, 0];
        hidden = hidden.detach();
        let loss: sg.Tensor | null = null;
        for (let t = 3 * piece; t < 3 * piece + 3; t++) {
          hidden = hiddenFirst
            ? hidden.mul(w).add(xs[t]!.mul(u))
            : xs[t]!.mul(u).add(hidden.mul(w));
          stateU = inputs[t]! + 0.9 * stateU;
          stateW = state + 0.9 * stateW;
          state = 0.5 * inputs[t]! + 0.9 * state;
          const term = hidden.square();
          loss = loss ? loss.add(term) : term;
          du += 2 * state * stateU;
          dw += 2 * state * stateW;
        }
        hidden = hidden.detach(); // before backward, which frees the hidden state itself
        loss!.backward();
        expect(await u.grad!.item()).toBeCloseTo(du, 5);
        expect(await w.grad!.item()).toBeCloseTo(dw, 5);
        u.grad = null;
        w.grad = null;
      });
      expectFlat(steps);
      expect(await hidden.item()).toBeCloseTo(state, 5);
    });
  });
});

describe('a step under way', () => {
  tidyTest('survives the end of another one', async () => {
    const [a, b] = [leaf(2), leaf(3)];
    const hiddenB = b.square();
    const detachedB = hiddenB.detach();
    const derivedB = sg.noGrad(() => hiddenB.mul(10));
    const lossA = a.square();
    lossA.backward();
    // Mixed with what is left of A, the values of B stay with B.
    sg.noGrad(() => hiddenB.add(lossA));
    a.mul(1); // a new step frees A
    expect(lossA.isFreed).toBe(true);
    expect(await derivedB.item()).toBe(90);
    expect(await detachedB.item()).toBe(9);
    hiddenB.mul(2).backward();
    expect(await b.grad!.item()).toBe(12);
  });

  tidyTest('that nobody ends is left to its scope', () => {
    const w = leaf(1);
    const before = bytes();
    sg.tidy(() => {
      const h = w.exp();
      sg.noGrad(() => h.mul(2));
      h.detach();
    });
    expect(bytes()).toBe(before);
  });
});

test('a detached tensor that no step takes in goes a step later', () => {
  const w = leaf(1);
  const loss = w.square();
  const detached = loss.detach();
  loss.backward();
  const second = w.mul(1);
  expect([loss.isFreed, detached.isFreed]).toEqual([true, false]);
  second.backward();
  const third = w.mul(1);
  expect(detached.isFreed).toBe(true);
  third.dispose();
  w.dispose();
});
