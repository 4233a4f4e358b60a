import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { channelMoments, type Moments } from '../reference/normalization.js';
import { expectClose } from '../support/compare.js';
import { uniform } from '../support/random.js';
import { tidyTest } from '../support/tidyTest.js';

const { nn } = sg;

const SHAPE = [4, 3, 5, 7];
const COUNT = 4 * 5 * 7; // of each channel

/** Runs batches through a layer; gives the unbiased moments of their channels. */
function runBatches(layer: sg.nn.Module, seeds: readonly number[]): Moments[][] {
  return seeds.map((seed) => {
    const data = uniform(3 * COUNT, seed, -seed, seed + 1);
    using x = sg.tensor(data, { shape: SHAPE });
    sg.noGrad(() => void layer.forward(x));
    const moments = channelMoments({ shape: SHAPE, data: Float64Array.from(data) });
    return moments.map(({ mean, variance }) => ({
      mean,
      variance: (variance * COUNT) / (COUNT - 1),
    }));
  });
}

async function state(layer: sg.nn.Module): Promise<Record<string, number[]>> {
  const entries = Object.entries(layer.stateDict());
  return Object.fromEntries(
    await Promise.all(
      entries.map(async ([key, t]) => [key, [...(await t.data())]] as [string, number[]]),
    ),
  );
}

describe('BatchNorm', () => {
  test('has the state of PyTorch', async () => {
    const layer = new nn.BatchNorm2d(2);
    expect(await state(layer)).toEqual({
      weight: [1, 1],
      bias: [0, 0],
      running_mean: [0, 0],
      running_var: [1, 1],
      num_batches_tracked: [0],
    });
    expect(layer.numBatchesTracked).toMatchObject({ shape: [], dtype: 'i32' });
    expect(layer.parameters()).toHaveLength(2);
    layer.dispose();
    const bare = new nn.BatchNorm1d(2, { affine: false, trackRunningStats: false });
    expect(bare.stateDict()).toEqual({});
  });

  test('running statistics follow the batches', async () => {
    const layer = new nn.BatchNorm2d(3, { momentum: 0.3 });
    const batches = runBatches(layer, [1, 2, 3]);
    const expected = { mean: [0, 0, 0], variance: [1, 1, 1] };
    for (const batch of batches) {
      for (const key of ['mean', 'variance'] as const) {
        expected[key] = expected[key].map((old, c) => 0.7 * old + 0.3 * batch[c]![key]);
      }
    }
    const got = await state(layer);
    expectClose(got.running_mean!, expected.mean);
    expectClose(got.running_var!, expected.variance);
    expect(got.num_batches_tracked).toEqual([3]);
    layer.dispose();
  });

  test('momentum null averages all batches; resetRunningStats starts again', async () => {
    const layer = new nn.BatchNorm2d(3, { momentum: null });
    runBatches(layer, [5]);
    layer.resetRunningStats();
    const batches = runBatches(layer, [1, 2, 3]);
    const got = await state(layer);
    for (const [key, of] of [
      ['running_mean', 'mean'],
      ['running_var', 'variance'],
    ] as const) {
      const average = [0, 1, 2].map((c) => batches.reduce((sum, b) => sum + b[c]![of] / 3, 0));
      expectClose(got[key]!, average);
    }
    expect(got.num_batches_tracked).toEqual([3]);
    layer.dispose();
  });

  test('after eval() normalizes by the running statistics and leaves them alone', async () => {
    const layer = new nn.BatchNorm1d(2, { eps: 0 });
    layer.loadStateDict({
      weight: { shape: [2], data: Float32Array.of(2, 3) },
      bias: { shape: [2], data: Float32Array.of(10, 20) },
      running_mean: { shape: [2], data: Float32Array.of(1, -1) },
      running_var: { shape: [2], data: Float32Array.of(4, 0.25) },
      num_batches_tracked: { shape: [], data: Int32Array.of(7) },
    });
    layer.eval();
    const before = await state(layer);
    using x = sg.tensor([[3, 0]]);
    const y = sg.noGrad(() => layer.forward(x));
    expectClose(await y.data(), [12, 26]);
    y.dispose();
    expect(await state(layer)).toEqual(before);
    layer.dispose();
  });

  test('without running statistics uses those of the batch also after eval()', async () => {
    const layer = new nn.BatchNorm1d(1, { trackRunningStats: false, affine: false, eps: 0 }).eval();
    using x = sg.tensor([[[1, 3]]]);
    using y = layer.forward(x);
    expectClose(await y.data(), [-1, 1]);
  });

  test('a summary and a compilation leave the running statistics alone', async () => {
    const model = new nn.Sequential(
      new nn.BatchNorm2d(3),
      new nn.Flatten(),
      new nn.BatchNorm1d(12),
    );
    const before = await state(model);
    expect(model.summary([2, 3, 2, 2]).rows.map(({ parameters }) => parameters)).toEqual([
      6, 0, 24,
    ]);
    expect(model.summary([1, 3, 2, 2]).rows).toHaveLength(3); // a batch of one, while training
    expect(model.modules().every(({ training }) => training)).toBe(true);
    const device = await sg.init();
    using x = sg.ones([2, 3, 2, 2]);
    await device.compile(() => sg.noGrad(() => void model.forward(x)));
    expect(await state(model)).toEqual(before);
    model.dispose();
  });

  test('backward stands running statistics that have changed since', async () => {
    const layer = new nn.BatchNorm1d(2).eval();
    using x = sg.tensor([
      [1, 2],
      [3, 5],
    ]);
    using gradient = sg.ones([2, 2]);
    const y = layer.forward(x);
    layer.train();
    sg.noGrad(() => void layer.forward(x));
    y.backward({ gradient });
    y.dispose();
    const scale = 1 / Math.sqrt(1 + 1e-5); // of the variance at the time of forward
    expectClose(await layer.weight!.grad!.data(), [4 * scale, 7 * scale]);
    layer.dispose();
  });

  tidyTest('trains, several steps through one layer', async () => {
    sg.manualSeed(3);
    const model = new nn.Sequential(
      new nn.Linear(4, 16),
      new nn.BatchNorm1d(16),
      new nn.ReLU(),
      new nn.Linear(16, 2),
    );
    const optimizer = new sg.optim.SGD(model.parameters(), { lr: 0.2 });
    using x = sg.tensor(uniform(256, 1, 1000, 1001), { shape: [64, 4] });
    const classes = (await x.toArray()) as number[][];
    using y = sg.tensor(
      classes.map((row) => (row[0]! > 1000.5 ? 1 : 0)),
      { dtype: 'i32' },
    );
    const losses: number[] = [];
    for (let step = 0; step < 12; step++) {
      const loss = nn.functional.crossEntropy(model.forward(x), y);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      if (step % 11 === 0) losses.push(await loss.item());
    }
    expect(losses[1]!).toBeLessThan(losses[0]! / 2);
    expect((await state(model))['1.num_batches_tracked']).toEqual([12]);
    optimizer.dispose();
    model.dispose();
  });

  test('refuses other shapes', () => {
    const one = new nn.BatchNorm1d(3);
    const two = new nn.BatchNorm2d(3);
    using image = sg.zeros([2, 3, 4, 4]);
    using features = sg.zeros([2, 4]);
    using single = sg.zeros([1, 3]);
    expect(() => one.forward(image)).toThrow(
      'BatchNorm1d: expected input (N, C) or (N, C, L), got (2, 3, 4, 4)',
    );
    expect(() => one.forward(features)).toThrow(
      'BatchNorm1d: expected input (N, C) or (N, C, L) with C = 3, got (2, 4)',
    );
    expect(() => one.forward(single)).toThrow(
      'expected more than 1 value per channel when training, got (1, 3)',
    );
    expect(() => two.forward(features)).toThrow(
      'BatchNorm2d: expected input (N, C, H, W), got (2, 4)',
    );
    one.dispose();
    two.dispose();
  });
});

describe('LayerNorm', () => {
  test('normalizes the last dimensions by its options', async () => {
    using x = sg.tensor([
      [
        [1, 3],
        [5, 7],
      ],
    ]);
    const layer = new nn.LayerNorm([2, 2], { eps: 0 });
    expect(Object.entries(layer.stateDict()).map(([key, t]) => [key, t.shape])).toEqual([
      ['weight', [2, 2]],
      ['bias', [2, 2]],
    ]);
    const y = sg.noGrad(() => layer.forward(x));
    const q = Math.sqrt(5);
    expectClose(await y.data(), [-3 / q, -1 / q, 1 / q, 3 / q]);
    y.dispose();
    layer.dispose();

    const last = new nn.LayerNorm(2, { eps: 3, elementwiseAffine: false });
    using z = last.forward(x);
    expectClose(await z.data(), [-0.5, 0.5, -0.5, 0.5]);
    expect(last.stateDict()).toEqual({});
    const unbiased = new nn.LayerNorm(2, { bias: false });
    expect(Object.keys(unbiased.stateDict())).toEqual(['weight']);
    unbiased.dispose();
  });
});
