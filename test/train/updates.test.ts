import * as sg from 'shadegrad';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { currentDevice } from '../../src/gpu/device.js';
import { softmaxRegression, type RegressionOptions } from '../reference/softmaxRegression.js';
import { blobModel, blobs } from '../support/blobs.js';
import { unlessAll } from '../support/extent.js';
import { testHalf } from '../support/half.js';

// 93 examples are nine batches of 10 and one of 3.
const COUNT = 93;
const NOT_SHUFFLED = -1;
let data: sg.data.TensorDataset;
beforeEach(() => {
  data = blobs(COUNT);
});
afterEach(() => {
  data.dispose();
});

const loaderOf = (batchSize: number, seed = NOT_SHUFFLED): sg.data.DataLoader =>
  new sg.data.DataLoader(data, { batchSize, ...(seed >= 0 && { shuffle: true, seed }) });

const lastLayer = (parameters: sg.nn.Parameter[]): sg.optim.SGD =>
  new sg.optim.SGD(parameters.slice(2), { lr: 0.5 });

function freeLastStep(model: sg.nn.Module): void {
  sg.tidy(() => model.parameters()[0]!.sum().backward());
}

/** Trains a fresh network; gives its parameters and the losses of the epochs. */
async function trained(
  options: Partial<sg.train.TrainerOptions>,
  {
    batchSize = 10,
    seed = 3,
    epochs = 2,
    build = blobModel,
    optimize = (parameters: sg.nn.Parameter[]): sg.optim.Optimizer<object> =>
      new sg.optim.Adam(parameters, { lr: 0.05 }),
  } = {},
): Promise<{ values: number[]; losses: number[]; updates: number }> {
  const model = build();
  const optimizer = optimize(model.parameters());
  let updates = 0;
  const count: sg.train.Callback = { onBatchEnd: (_e, _b, context) => (updates = context.updates) };
  const trainer = new sg.train.Trainer(model, { optimizer, callbacks: [count], ...options });
  const { epochs: records } = await trainer.fit(loaderOf(batchSize, seed), { epochs });
  const values = await Promise.all(model.parameters().map((p) => p.data()));
  freeLastStep(model);
  for (const one of [model, optimizer]) one.dispose();
  return {
    values: values.flatMap((v) => [...(v as Float32Array)]),
    losses: records.map(({ loss }) => loss),
    updates,
  };
}

type Regression = [name: string, options: Omit<RegressionOptions, 'lr' | 'batchSize' | 'epochs'>];

describe('against gradient descent in float64', () => {
  const few: Regression[] = [
    ['plain', {}],
    ['accumulate 4: groups of 40, 40 and 13', { accumulate: 4 }],
    ['both', { clipGradValue: 0.02, clipGradNorm: 0.03 }],
    ['clipGradNorm of accumulated gradients', { clipGradNorm: 0.05, accumulate: 3 }],
    ['L1, L2 and accumulate', { l1: 0.02, l2: 0.05, accumulate: 3 }],
  ];
  /** What those have together, apart, and other numbers. */
  const more: Regression[] = [
    ['accumulate 2', { accumulate: 2 }],
    ['accumulate 7: groups of 70 and 23', { accumulate: 7 }],
    ['accumulate more batches than there are', { accumulate: 50 }],
    ['clipGradNorm', { clipGradNorm: 0.05 }],
    ['clipGradValue', { clipGradValue: 0.02 }],
    ['L2', { l2: 0.05 }],
    ['L1', { l1: 0.02 }],
  ];

  test.each(unlessAll(few, [...few, ...more]))('%s', async (_, options) => {
    const { l1, l2, ...rest } = options;
    const [inputs, labels] = await Promise.all(data.tensors.map((t) => t.toArray()));
    const build = (): sg.nn.Sequential => {
      sg.manualSeed(5);
      return new sg.nn.Sequential(new sg.nn.Linear(2, 3));
    };
    const start = build();
    const [weight, bias] = await Promise.all(start.parameters().map((p) => p.toArray()));
    start.dispose();
    const reference = softmaxRegression(
      { weight: weight as number[][], bias: bias as number[] },
      inputs as number[][],
      labels as number[],
      { lr: 0.5, batchSize: 10, epochs: 3, ...options },
    );
    const regularizers = [
      ...(l1 ? [new sg.nn.L1('0', l1)] : []),
      ...(l2 ? [new sg.nn.L2('0.weight', l2)] : []),
    ];
    const run = (capture: boolean): ReturnType<typeof trained> =>
      trained(
        { ...rest, regularizers, capture },
        {
          build,
          seed: NOT_SHUFFLED,
          epochs: 3,
          optimize: (parameters) => new sg.optim.SGD(parameters, { lr: 0.5 }),
        },
      );
    const [captured, plain] = [await run(true), await run(false)];
    expect(captured).toEqual(plain);
    const expected = [...reference.weight.flat(), ...reference.bias];
    expected.forEach((value, i) => expect(captured.values[i]).toBeCloseTo(value, 5));
    reference.losses.forEach((loss, i) => expect(captured.losses[i]).toBeCloseTo(loss, 5));
  });
});

describe('parameters that the optimizer does not have', () => {
  const ways: [string, Partial<sg.train.TrainerOptions>][] = [
    ['captured', {}],
    ['as it is', { capture: false }],
    ['accumulated', { accumulate: 2 }],
  ];
  test.each(ways)('%s: count in the norm as of this batch alone', async (_, options) => {
    // One batch an epoch, so that all three take the same steps.
    const clipped = { ...options, clipGradNorm: 0.05 };
    const head = await trained(clipped, { batchSize: COUNT, epochs: 6, optimize: lastLayer });
    const model = blobModel();
    const optimizer = lastLayer(model.parameters());
    const [x, y] = loaderOf(COUNT, 3).sample();
    for (let i = 0; i < 6; i++) {
      sg.tidy(() => {
        model.zeroGrad();
        sg.nn.functional.crossEntropy(model.forward(x!), y!).backward();
        sg.nn.utils.clipGradNorm_(model.parameters(), 0.05);
        optimizer.step();
      });
    }
    const values = await Promise.all(model.parameters().map((parameter) => parameter.data()));
    const frozen = values.flatMap((one) => [...one]);
    head.values.forEach((value, i) => expect(value).toBeCloseTo(frozen[i]!, 5));
    for (const one of [x!, y!, model, optimizer]) one.dispose();
  });

  test('those of a loss are accumulated too', async () => {
    class Scaled extends sg.nn.Module {
      // In tidy, which frees the tensor that it is made of.
      readonly scale = sg.tidy(() => new sg.nn.Parameter(sg.tensor(1)));
      forward(logits: sg.Tensor, target: sg.Tensor): sg.Tensor {
        return sg.nn.functional.crossEntropy(logits.mul(this.scale), target);
      }
    }
    const scales: number[] = [];
    for (const [accumulate, batchSize] of [
      [1, 30],
      [3, 10],
    ] as const) {
      const loss = new Scaled();
      const optimize = (parameters: sg.nn.Parameter[]): sg.optim.SGD =>
        new sg.optim.SGD([...parameters, loss.scale], { lr: 0.1 });
      await trained({ loss, accumulate }, { batchSize, optimize, epochs: 3 });
      scales.push(await loss.scale.item());
      loss.dispose();
    }
    expect(scales[0]).not.toBe(1);
    expect(scales[1]).toBeCloseTo(scales[0]!, 5);
  });
});

describe('accumulate', () => {
  test('is one batch that is as many times as large, with any optimizer', async () => {
    for (const capture of [true, false]) {
      const inParts = await trained({ accumulate: 3, capture }, { batchSize: 10, epochs: 3 });
      const atOnce = await trained({ capture }, { batchSize: 30, epochs: 3 });
      expect([inParts.updates, atOnce.updates]).toEqual([12, 12]);
      inParts.values.forEach((value, i) => expect(value).toBeCloseTo(atOnce.values[i]!, 4));
      inParts.losses.forEach((loss, i) => expect(loss).toBeCloseTo(atOnce.losses[i]!, 5));
    }
  });

  test('gives the same bits captured and not', async () => {
    for (const accumulate of unlessAll([2], [1, 2, 3])) {
      const [a, b] = [
        await trained({ accumulate, capture: true }, { epochs: 4 }),
        await trained({ accumulate, capture: false }, { epochs: 4 }),
      ];
      expect(a).toEqual(b);
    }
  });

  test('leaves parameters alone that get no gradient', async () => {
    class Half extends sg.nn.Module {
      readonly used = new sg.nn.Linear(2, 3);
      readonly unused = new sg.nn.Linear(2, 3);
      readonly frozen = new sg.nn.Linear(2, 3).requiresGrad_(false);
      forward(x: sg.Tensor): sg.Tensor {
        return this.used.forward(x).add(this.frozen.forward(x));
      }
    }
    const model = new Half();
    const still = [...model.unused.parameters(), ...model.frozen.parameters()];
    const before = await Promise.all(still.map((p) => p.toArray()));
    const optimizer = new sg.optim.SGD(model.parameters(), { lr: 0.1, weightDecay: 0.1 });
    await new sg.train.Trainer(model, { optimizer, accumulate: 2 }).fit(loaderOf(10));
    expect(await Promise.all(still.map((p) => p.toArray()))).toEqual(before);
    freeLastStep(model);
    for (const one of [model, optimizer]) one.dispose();
  });

  test('keeps memory flat from epoch to epoch', async () => {
    const model = blobModel();
    const optimizer = new sg.optim.Adam(model.parameters());
    const seen: number[] = [];
    const note: sg.train.Callback = { onEpochEnd: () => void seen.push(sg.memory().bytesInUse) };
    const trainer = new sg.train.Trainer(model, {
      optimizer,
      accumulate: 4,
      clipGradNorm: 1,
      metrics: [new sg.train.TopKAccuracy(2), new sg.train.F1Score()],
      regularizers: [new sg.nn.L2(model)],
      callbacks: [note],
    });
    await trainer.fit(loaderOf(10), { epochs: 4, validation: loaderOf(31) });
    expect(new Set(seen).size, seen.join(', ')).toBe(1);
    freeLastStep(model);
    for (const one of [model, optimizer]) one.dispose();
  });
});

describe('regularizers', () => {
  test('count in the loss of an evaluation too', async () => {
    const model = blobModel();
    const optimizer = new sg.optim.SGD(model.parameters(), { lr: 0.1 });
    const plain = new sg.train.Trainer(model, { optimizer });
    const penalised = new sg.train.Trainer(model, {
      optimizer,
      regularizers: [new sg.nn.L2(model, 0.5)],
    });
    const [a, b] = [await plain.evaluate(loaderOf(10)), await penalised.evaluate(loaderOf(10))];
    let squares = 0;
    const weights = model.parameters().filter(({ ndim }) => ndim > 1);
    for (const values of await Promise.all(weights.map((p) => p.data())))
      for (const w of values) squares += w * w;
    expect(b.loss - a.loss).toBeCloseTo(0.5 * squares, 4);
    expect(b.accuracy).toBe(a.accuracy);
    for (const one of [model, optimizer]) one.dispose();
  });
});

describe('autocast', () => {
  test('is f32 where there is no f16, and near it where there is', async () => {
    const plain = await trained({}, { epochs: 3 });
    for (const capture of [true, false]) {
      const mixed = await trained({ autocast: true, capture }, { epochs: 3 });
      expect(mixed.updates).toBe(plain.updates);
      if (!currentDevice().hasF16) expect(mixed).toEqual(plain);
      mixed.losses.forEach((loss, i) => expect(loss).toBeCloseTo(plain.losses[i]!, 2));
    }
  });

  testHalf('computes the forward pass in f16, captured and not alike', async () => {
    const dtypes = new Set<string>();
    const spied = new sg.nn.CrossEntropyLoss();
    const forward = spied.forward.bind(spied);
    spied.forward = (logits, target) => (dtypes.add(logits.dtype), forward(logits, target));
    const options = { autocast: true, accumulate: 2, clipGradNorm: 1 } as const;
    const captured = await trained({ ...options, loss: spied });
    expect([...dtypes]).toEqual(['f16']);
    expect(await trained({ ...options, capture: false })).toEqual(captured);
  });

  testHalf('passes over updates whose gradients are not finite, and lowers the scale', async () => {
    const scaler = new sg.optim.GradScaler({ initScale: 1e30 });
    const { losses } = await trained({ autocast: scaler }, { epochs: 12 });
    expect(scaler.getScale()).toBeLessThan(1e30);
    expect(losses.at(-1)).toBeLessThan(losses[0]!);
  });

  test('needs an optimizer that the scaler knows', () => {
    const model = blobModel();
    const optimizer = { step: () => {}, zeroGrad: () => {} };
    expect(() => new sg.train.Trainer(model, { optimizer, autocast: true })).toThrow(
      'Trainer: expected an optimizer of sg.optim for autocast',
    );
    model.dispose();
  });
});

test.each([
  [{ accumulate: 0 }, 'accumulate of 1 or more, got 0'],
  [{ accumulate: 1.5 }, 'accumulate of 1 or more, got 1.5'],
  [{ clipGradNorm: -1 }, 'clipGradNorm from 0 up, got -1'],
  [{ clipGradValue: NaN }, 'clipGradValue from 0 up, got NaN'],
])('refuses %o', (options, message) => {
  const model = blobModel();
  const optimizer = new sg.optim.SGD(model.parameters(), { lr: 0.1 });
  expect(() => new sg.train.Trainer(model, { optimizer, ...options })).toThrow(message);
  model.dispose();
});
