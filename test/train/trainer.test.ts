import * as sg from 'shadegrad';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { currentDevice } from '../../src/gpu/device.js';
import { blobModel, blobs } from '../support/blobs.js';

type Callback = sg.train.Callback;

let train: sg.data.TensorDataset;
let held: sg.data.TensorDataset;
let model: sg.nn.Sequential;
let optimizer: sg.optim.Adam;

beforeEach(() => {
  train = blobs(90);
  held = blobs(31, 2);
  model = blobModel();
  optimizer = new sg.optim.Adam(model.parameters(), { lr: 0.05 });
});

afterEach(() => {
  // A step begins, and frees the loss and the logits of the last one.
  sg.tidy(() => model.parameters()[0]!.sum().backward());
  for (const one of [train, held, optimizer, model]) one.dispose();
});

const loader = (options: sg.data.DataLoaderOptions = {}) =>
  new sg.data.DataLoader(train, { batchSize: 10, shuffle: true, seed: 3, ...options });
const trainer = (...callbacks: Callback[]) => new sg.train.Trainer(model, { optimizer, callbacks });

describe('fit', () => {
  test('learns, and its history says so', async () => {
    const validation = new sg.data.DataLoader(held, { batchSize: 8 });
    const history = await trainer().fit(loader(), { epochs: 6, validation });
    expect(history.epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4, 5, 6]);
    const [first, last] = [history.epochs[0]!, history.epochs.at(-1)!];
    expect(last.loss).toBeLessThan(first.loss / 2);
    expect(last.accuracy).toBeGreaterThan(0.95);
    expect(last.valAccuracy).toBeGreaterThan(0.9);
    expect(last.valLoss).toBeLessThan(first.valLoss!);
    for (const record of history.epochs) {
      expect(record.seconds).toBeGreaterThan(0);
      expect(record.examplesPerSecond).toBeCloseTo(90 / record.seconds, 3);
      expect(Object.keys(record).sort()).toEqual([
        'accuracy',
        'epoch',
        'examplesPerSecond',
        'loss',
        'lr',
        'seconds',
        'valAccuracy',
        'valLoss',
      ]);
    }
    // Nine batches an epoch, each of them noted.
    expect(history.steps.map(({ step }) => step)).toEqual(
      Array.from({ length: 54 }, (_, i) => i + 1),
    );
    expect(history.steps.map(({ epoch }) => epoch)[9]).toBeCloseTo(10 / 9, 10);
    const mean = (key: 'loss' | 'accuracy') =>
      history.steps.slice(-9).reduce((sum, record) => sum + record[key], 0) / 9;
    expect(mean('loss')).toBeCloseTo(last.loss, 5);
    expect(mean('accuracy')).toBeCloseTo(last.accuracy, 5);
  });

  test('without validation has no validation figures', async () => {
    const { epochs } = await trainer().fit(loader());
    expect(epochs).toHaveLength(1);
    expect(epochs[0]).not.toHaveProperty('valLoss');
  });

  test('refuses a validation without batches before it trains', async () => {
    let epochs = 0;
    const validation = new sg.data.DataLoader(held, { batchSize: 1000, dropLast: true });
    const count: Callback = {
      onEpochBegin: () => {
        epochs++;
      },
    };
    await expect(trainer(count).fit(loader(), { validation })).rejects.toThrow(
      'fit: expected a validation of one batch or more, got an empty one',
    );
    expect(epochs).toBe(0);
  });

  test('frees what it made where compiling fails', async () => {
    const wrong = new sg.data.TensorDataset(sg.zeros([8, 5]), sg.zeros([8], { dtype: 'i32' }));
    const before = sg.memory().bytesInUse;
    const accumulating = new sg.train.Trainer(model, { optimizer, accumulate: 2 });
    const validation = new sg.data.DataLoader(wrong, { batchSize: 8 });
    await expect(accumulating.fit(loader(), { validation })).rejects.toThrow(sg.ShapeError);
    expect(sg.memory().bytesInUse).toBe(before);
    expect(model.parameters().every(({ grad }) => grad === null)).toBe(true);
    wrong.dispose();
    await trainer().fit(loader());
  });

  test('takes the steps of a loop by hand, and the loss is the mean over the examples', async () => {
    const other = blobModel();
    const otherOptimizer = new sg.optim.Adam(other.parameters(), { lr: 0.05 });
    const options = { batchSize: 40 } as const; // 40, 40 and 10 examples
    const losses: number[] = [];
    for (const [x, y] of loader(options)) {
      const loss = sg.nn.functional.crossEntropy(other.forward(x!), y!);
      losses.push((await loss.item()) * x!.shape[0]!);
      otherOptimizer.zeroGrad();
      loss.backward();
      otherOptimizer.step();
    }
    const { epochs, steps } = await trainer().fit(loader(options));
    const values = (m: sg.nn.Module) => Promise.all(m.parameters().map((p) => p.toArray()));
    expect(await values(model)).toEqual(await values(other));
    expect(epochs[0]!.loss).toBeCloseTo(losses.reduce((a, b) => a + b) / 90, 6);
    expect(steps.map(({ loss }) => loss)[2]).toBeCloseTo(losses[2]! / 10, 4);
    otherOptimizer.dispose();
    other.dispose();
  });

  test('gives the same history from the same seed', async () => {
    const figures = ({ epochs, steps }: sg.train.History) => [
      epochs.map(({ loss, accuracy }) => [loss, accuracy]),
      steps,
    ];
    const first = figures(await trainer().fit(loader(), { epochs: 2 }));
    const again = blobModel();
    const sameOptimizer = new sg.optim.Adam(again.parameters(), { lr: 0.05 });
    const rerun = new sg.train.Trainer(again, { optimizer: sameOptimizer });
    expect(figures(await rerun.fit(loader(), { epochs: 2 }))).toEqual(first);
    sg.tidy(() => again.parameters()[0]!.sum().backward());
    sameOptimizer.dispose();
    again.dispose();
  });

  test('keeps memory flat from epoch to epoch', async () => {
    const seen: number[] = [];
    const note: Callback = { onEpochEnd: () => void seen.push(sg.memory().bytesInUse) };
    const validation = new sg.data.DataLoader(held, { batchSize: 8 });
    await trainer(note).fit(loader(), { epochs: 5, validation });
    expect(new Set(seen).size, seen.join(', ')).toBe(1);
  });

  test('compiles before the first batch, and that trains nothing', async () => {
    const before = await Promise.all(model.parameters().map((p) => p.toArray()));
    const compiled: number[][] = [];
    let synchronous = -1;
    const { gpu } = currentDevice();
    const create = gpu.createComputePipeline.bind(gpu);
    gpu.createComputePipeline = (options) => (synchronous++, create(options));
    const check: Callback = {
      onCompile: (done, total) => compiled.push([done, total]),
      async onTrainBegin() {
        synchronous = 0;
        expect(model.parameters().map((p) => p.grad)).toEqual(Array(4).fill(null));
        expect(await Promise.all(model.parameters().map((p) => p.toArray()))).toEqual(before);
      },
    };
    sg.manualSeed(8);
    await trainer(check).fit(loader({ batchSize: 45 }));
    for (const [i, numbers] of compiled.entries())
      expect(numbers).toEqual([i + 1, compiled.length]);
    // The optimizer, the tally, and what a dry run does not meet.
    expect(synchronous).toBeLessThanOrEqual(4);
    gpu.createComputePipeline = create;
  });

  test('leaves no gradients of the dry run to parameters that are not trained', async () => {
    const half = new sg.optim.SGD(model.at(2)!.parameters(), { lr: 0.1 });
    const before = await model.at(0)!.parameters()[0]!.toArray();
    let seen: unknown[] = [];
    const check: Callback = {
      onTrainBegin: () => void (seen = model.parameters().map((p) => p.grad)),
    };
    await new sg.train.Trainer(model, { optimizer: half, callbacks: [check] }).fit(loader());
    expect(seen).toEqual([null, null, null, null]);
    expect(await model.at(0)!.parameters()[0]!.toArray()).toEqual(before);
    model.zeroGrad();
  });

  test.each([0, 1.5, -1])('refuses %s epochs', async (epochs) => {
    await expect(trainer().fit(loader(), { epochs })).rejects.toThrow(sg.ArgumentError);
  });

  test('refuses a loader without batches', async () => {
    const none = loader({ batchSize: 100, dropLast: true });
    await expect(trainer().fit(none)).rejects.toThrow('Lower batchSize or set dropLast to false');
    await expect(trainer().evaluate(none)).rejects.toThrow(
      'evaluate: expected a loader of one batch or more',
    );
  });
});

describe('callbacks', () => {
  test('are told in order, each in their turn, and waited for', async () => {
    const log: string[] = [];
    const slowly = async (line: string) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      log.push(line);
    };
    const teller = (name: string): Callback => ({
      onTrainBegin: ({ epochs, batches, examples }) =>
        slowly(`${name} train ${epochs} ${batches} ${examples}`),
      onEpochBegin: (epoch) => slowly(`${name} epoch ${epoch}`),
      onBatchEnd: (epoch, batch) => void log.push(`${name} batch ${epoch}.${batch}`),
      onStep: ({ step }) => slowly(`${name} step ${step}`),
      onEpochEnd: ({ epoch }) => slowly(`${name} end of ${epoch}`),
      onTrainEnd: ({ epochs }) => slowly(`${name} end after ${epochs.length}`),
    });
    await trainer(teller('a'), teller('b')).fit(loader({ batchSize: 45 }), { epochs: 2 });
    const without = (kind: string) => log.filter((line) => !line.includes(kind));
    const both = (line: string) => [`a ${line}`, `b ${line}`];
    expect(without('step')).toEqual(
      [
        'train 2 2 90',
        ...['epoch 1', 'batch 1.1', 'batch 1.2', 'end of 1'],
        ...['epoch 2', 'batch 2.1', 'batch 2.2', 'end of 2'],
        'end after 2',
      ].flatMap(both),
    );
    expect(log.filter((line) => line.includes('step'))).toEqual(
      [1, 2, 3, 4].flatMap((step) => both(`step ${step}`)),
    );
    const index = (line: string) => log.indexOf(line);
    expect(index('b step 2')).toBeLessThan(index('a end of 1'));
  });

  test.each<[keyof Callback, Callback]>(
    (
      ['onTrainBegin', 'onEpochBegin', 'onBatchEnd', 'onStep', 'onEpochEnd', 'onTrainEnd'] as const
    ).map((name) => [
      name,
      {
        [name]: () => {
          throw new Error(`from ${name}`);
        },
      },
    ]),
  )('that throw in %s end the training', async (name, failing) => {
    const arrays = sg.memory().arrays;
    const seen: unknown[] = [];
    const batches = vi.fn();
    const last: Callback = { onBatchEnd: batches, onFailure: (error) => seen.push(error) };
    const run = trainer(failing, last).fit(loader({ batchSize: 1 }), { epochs: 3 });
    const error = await run.catch((e: unknown) => e);
    expect((error as Error).message).toBe(`from ${name}`);
    expect(seen).toEqual([error]);
    if (name !== 'onTrainEnd') expect(batches.mock.calls.length).toBeLessThanOrEqual(90);
    if (name === 'onStep') expect(batches.mock.calls.length).toBeLessThan(90);
    model.zeroGrad();
    sg.tidy(() => model.parameters()[0]!.sum().backward());
    model.zeroGrad();
    optimizer.dispose();
    expect(sg.memory().arrays).toBe(arrays);
  });

  test('may be async and fail: the training ends with that', async () => {
    const failing: Callback = { onStep: () => Promise.reject(new Error('later')) };
    await expect(trainer(failing).fit(loader())).rejects.toThrow('later');
  });
});

describe('evaluate and predict', () => {
  test('give loss, accuracy and probabilities in the loader’s order, and put the modes back', async () => {
    const modes: boolean[] = [];
    class Spy extends sg.nn.Module {
      forward(x: sg.Tensor): sg.Tensor {
        modes.push(this.training);
        return x;
      }
    }
    const spy = new Spy();
    const spied = new sg.nn.Sequential(spy, ...model);
    model.at(0)!.eval();
    const run = new sg.train.Trainer(spied, { optimizer });
    const evaluation = await run.evaluate(new sg.data.DataLoader(held, { batchSize: 10 }));
    const { shape, data } = await run.predict(new sg.data.DataLoader(held, { batchSize: 7 }));
    expect(shape).toEqual([31, 3]);
    expect(new Set(modes)).toEqual(new Set([false]));
    expect([spied.training, spy.training, model.at(0)!.training]).toEqual([true, true, false]);

    const target = await held.tensors[1]!.data();
    let [loss, right] = [0, 0];
    for (let i = 0; i < 31; i++) {
      const row = [...data.subarray(3 * i, 3 * i + 3)];
      expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
      loss -= Math.log(row[target[i]!]!) / 31;
      right += Number(row.indexOf(Math.max(...row)) === target[i]);
    }
    expect(evaluation.loss).toBeCloseTo(loss, 5);
    expect(evaluation.accuracy).toBeCloseTo(right / 31, 6);
    expect(right).toBeGreaterThan(0);
    expect(right).toBeLessThan(31);
    expect(model.parameters().every((p) => p.grad === null)).toBe(true);
  });

  test('put the modes back when the model throws', async () => {
    class Failing extends sg.nn.Module {
      forward(): sg.Tensor {
        throw new Error('within');
      }
    }
    const failing = new Failing();
    const arrays = sg.memory().arrays;
    const data = new sg.data.DataLoader(held);
    await expect(sg.train.evaluate(failing, data)).rejects.toThrow('within');
    await expect(sg.train.predict(failing, data)).rejects.toThrow('within');
    expect(failing.training).toBe(true);
    expect(sg.memory().arrays).toBe(arrays);
  });
});
