import * as sg from 'shadegrad';
import { describe, expect, test as plainTest } from 'vitest';
import { currentDevice } from '../../src/gpu/device.js';
import { expectClose } from '../support/compare.js';
import { labels, pixels } from '../support/digits.js';
import { uniform } from '../support/random.js';
import { tidyTest } from '../support/tidyTest.js';

const { autocast } = sg;
const F = sg.nn.functional;
const random = (shape: number[], seed: number, requiresGrad = false) =>
  sg.tensor(
    uniform(
      shape.reduce((a, b) => a * b, 1),
      seed,
    ),
    { shape, requiresGrad },
  );

/** A test in a scope, where the adapter has f16. */
function test(name: string, fn: () => void | Promise<void>): void {
  plainTest(name, async ({ skip }) => {
    if (!currentDevice().hasF16) skip();
    await sg.tidy(fn);
  });
}

tidyTest('autocast is refused without f16, unless it is not enabled', () => {
  const { hasF16 } = currentDevice();
  const run = () => autocast(() => 3);
  if (hasF16) expect(run()).toBe(3);
  else {
    expect(run).toThrow(sg.DTypeError);
    expect(run).toThrow(
      'autocast: expected an adapter with the feature shader-f16, got one without. ' +
        'Pass { enabled: device.hasF16 } to compute in f32 where there is no f16.',
    );
  }
  const y = autocast(() => sg.ones([2, 2]).matmul(sg.ones([2, 2])), { enabled: hasF16 });
  expect(y.dtype).toBe(hasF16 ? 'f16' : 'f32');
});

describe('autocast computes', () => {
  const matrix = () => random([4, 4], 1);
  const half = () => matrix().to('f16');
  const classes = () => sg.tensor([0, 1, 2, 3], { dtype: 'i32' });

  test('products and convolutions in f16', () => {
    const image = random([1, 2, 5, 5], 2);
    autocast(() => {
      const results = {
        matmul: matrix().matmul(matrix()),
        bmm: random([2, 3, 3], 1).bmm(random([2, 3, 3], 2)),
        linear: F.linear(matrix(), matrix(), random([4], 3)),
        conv2d: F.conv2d(image, random([3, 2, 3, 3], 3), random([3], 4)),
        convTranspose2d: F.convTranspose2d(image, random([2, 3, 3, 3], 3)),
        mixed: matrix().matmul(half()),
      };
      for (const [name, { dtype }] of Object.entries(results)) expect(dtype, name).toBe('f16');
    });
  });

  test('what needs range in f32', () => {
    autocast(() => {
      const x = half();
      const results = {
        exp: x.exp(),
        pow: x.abs().pow(2),
        square: x.square(),
        sum: x.sum(1),
        cumsum: x.cumsum(0),
        softmax: x.softmax(1),
        logSoftmax: x.logSoftmax(1),
        layerNorm: F.layerNorm(x, [4]),
        crossEntropy: F.crossEntropy(x, classes()),
      };
      for (const [name, { dtype }] of Object.entries(results)) expect(dtype, name).toBe('f32');
    });
  });

  test('other ops in what they get, and those of several inputs in the widest', () => {
    autocast(() => {
      const x = half();
      const same = { relu: x.relu(), add: x.add(x), max: F.maxPool2d(x.reshape([1, 1, 4, 4]), 2) };
      for (const [name, { dtype }] of Object.entries(same)) expect(dtype, name).toBe('f16');
      expect(matrix().relu().dtype).toBe('f32');
      const widest = {
        add: x.add(matrix()),
        cat: sg.cat([x, matrix()]),
        where: x.where(x.gt(0), matrix()),
      };
      for (const [name, { dtype }] of Object.entries(widest)) expect(dtype, name).toBe('f32');
      expect(sg.cat([x, x]).dtype).toBe('f16');
      expect(classes().sum().dtype).toBe('i32');
    });
  });

  test('as it is told by the innermost scope, until that ends or throws', async () => {
    const dtype = () => matrix().matmul(matrix()).dtype;
    autocast(() => {
      expect(autocast(dtype, { enabled: false })).toBe('f32');
      expect(sg.noGrad(dtype)).toBe('f16');
      expect(sg.tidy(dtype)).toBe('f16');
      expect(() =>
        autocast(
          () => {
            throw new Error('within');
          },
          { enabled: false },
        ),
      ).toThrow('within');
      expect(dtype()).toBe('f16');
    });
    expect(dtype()).toBe('f32');
    const pending = autocast(async () => {
      await Promise.resolve();
      return dtype();
    });
    expect(await pending).toBe('f16');
    await expect(autocast(() => Promise.reject(new Error('later')))).rejects.toThrow('later');
    expect(dtype()).toBe('f32');
  });
});

describe('gradients through autocast', () => {
  test('come back as f32 to f32 leaves', async () => {
    const [x, w, b] = [random([8, 5], 1, true), random([3, 5], 2, true), random([3], 3, true)];
    const run = () => F.linear(x, w, b).tanh().square().sum();
    run().backward();
    const expected = await Promise.all([x, w, b].map((leaf) => leaf.grad!.data()));
    for (const leaf of [x, w, b]) leaf.grad = null;
    autocast(run).backward();
    for (const [i, leaf] of [x, w, b].entries()) {
      expect(leaf.grad!.dtype).toBe('f32');
      expectClose(await leaf.grad!.data(), expected[i]!, { norm: 5e-3 });
    }
  });

  test('keep logits and loss readable after backward, in the dtype they were computed in', async () => {
    const w = random([3, 4], 1, true);
    const target = sg.tensor([0, 2], { dtype: 'i32' });
    const [logits, loss] = autocast(() => {
      const logits = F.linear(random([2, 4], 2), w);
      return [logits, F.crossEntropy(logits, target)] as const;
    });
    new sg.optim.GradScaler().scale(loss).backward();
    expect(logits.dtype).toBe('f16');
    expect((await logits.data()).length).toBe(6);
    expect(await loss.item()).toBeGreaterThan(0);
  });

  test('of a weight that is used twice, by two losses with a backward each', async () => {
    const w = random([3, 3], 1, true);
    const [a, b] = autocast(() => [w.matmul(w).sum(), random([2, 3], 4).matmul(w).sum()] as const);
    a.backward();
    b.backward();
    const { grad } = w;
    const halves = await grad!.data();
    w.grad = null;
    w.matmul(w)
      .sum()
      .add(random([2, 3], 4).matmul(w).sum())
      .backward();
    expectClose(halves, await w.grad!.data(), { norm: 5e-3 });
  });
});

describe('the casts of parameters', () => {
  test('are made once in a scope, and again after a change', async () => {
    const w = sg.tensor([[1]], { requiresGrad: true });
    const x = sg.tensor([[1]]).to('f16');
    const dispatches = () => currentDevice().queue.dispatches;
    await autocast(async () => {
      const counts: number[] = [];
      for (let i = 0; i < 3; i++) {
        const before = dispatches();
        x.matmul(w);
        counts.push(dispatches() - before);
      }
      expect([counts[1]! - counts[0]!, counts[2]! - counts[1]!]).toEqual([-1, 0]);
      sg.noGrad(() => w.fill_(5));
      expect(await x.matmul(w).item()).toBe(5);
      expect(await sg.noGrad(() => x.matmul(w)).item()).toBe(5);
      const optimizer = new sg.optim.SGD([w], { lr: 1 });
      x.matmul(w).backward();
      optimizer.step();
      expect(await x.matmul(w).item()).toBe(4);
    });
  });

  test('and of other inputs leave no memory', () => {
    const [w, x] = [random([64, 64], 1, true), random([64, 64], 2)];
    const step = () => sg.tidy(() => autocast(() => x.matmul(w).relu().sum()).backward());
    step();
    w.grad = null;
    const before = sg.memory();
    step();
    w.grad = null;
    const frozen = random([64, 64], 1);
    const y = autocast(() => frozen.matmul(x)); // without gradients, in no scope of its own
    y.dispose();
    frozen.dispose();
    expect(sg.memory()).toMatchObject({ bytesInUse: before.bytesInUse, arrays: before.arrays });
  });
});

describe('LeNet-5 in mixed precision', () => {
  /** The losses of twenty steps on sixteen real digits. */
  async function losses(half: boolean): Promise<number[]> {
    sg.manualSeed(5);
    const model = new sg.models.LeNet5({ activation: 'relu', pool: 'max' });
    const optimizer = new sg.optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
    const scaler = new sg.optim.GradScaler({ enabled: half });
    const x = sg.tensor(pixels, { shape: [16, 1, 28, 28] });
    const y = sg.tensor(labels);
    const seen: number[] = [];
    const inUse: number[] = [];
    for (let i = 0; i < 20; i++) {
      const loss = autocast(() => F.crossEntropy(model.forward(x), y), { enabled: half });
      optimizer.zeroGrad();
      scaler.scale(loss).backward();
      await scaler.step(optimizer);
      scaler.update();
      seen.push(await loss.item());
      inUse.push(sg.memory().bytesInUse);
    }
    expect(new Set(inUse.slice(3)).size, `bytes in use: ${inUse.join(', ')}`).toBe(1);
    if (half) expect(scaler.getScale()).toBeGreaterThan(1);
    for (const parameter of model.parameters()) expect(parameter.dtype).toBe('f32');
    for (const one of [optimizer, model]) one.dispose();
    return seen;
  }

  test('follows the losses of f32', async () => {
    const [full, half] = [await losses(false), await losses(true)];
    expect(full[19]!).toBeLessThan(0.7 * full[0]!);
    for (const [i, loss] of full.entries()) {
      expect(Math.abs(half[i]! / loss - 1), `step ${i}: ${half[i]} and ${loss}`).toBeLessThan(0.02);
    }
  });
});
