import * as sg from 'shadegrad';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { blobModel, blobs } from '../support/blobs.js';

type Callback = sg.train.Callback;
const { LambdaCallback, LRSchedule, TerminateOnNaN, Trainer } = sg.train;

let data: sg.data.TensorDataset;
let model: sg.nn.Sequential;
let optimizer: sg.optim.SGD;
beforeEach(() => {
  data = blobs(93);
  model = blobModel();
  optimizer = new sg.optim.SGD(model.parameters(), { lr: 0.1 });
});
afterEach(() => {
  sg.tidy(() => model.parameters()[0]!.sum().backward());
  for (const one of [data, optimizer, model]) one.dispose();
});

const loader = (batchSize = 10): sg.data.DataLoader =>
  new sg.data.DataLoader(data, { batchSize, shuffle: true, seed: 3 });
const trainer = (
  callbacks: Callback[],
  options: Partial<sg.train.TrainerOptions> = {},
): sg.train.Trainer => new Trainer(model, { optimizer, callbacks, ...options });

describe('stopping', () => {
  test('within an epoch ends it after the batch, marked partial and without validation', async () => {
    const seen: string[] = [];
    const stop: Callback = {
      onBatchEnd: (epoch, batch, context) => {
        seen.push(`${epoch}.${batch}`);
        if (epoch === 2 && batch === 3) context.stop();
      },
      onEpochEnd: (record) => void seen.push(`end ${record.epoch}`),
      onTrainEnd: () => void seen.push('end'),
    };
    const { epochs, bestEpoch } = await trainer([stop]).fit(loader(), {
      epochs: 5,
      validation: loader(),
    });
    expect(epochs.map(({ epoch, partial }) => [epoch, partial])).toEqual([
      [1, undefined],
      [2, true],
    ]);
    expect(epochs[1]).not.toHaveProperty('valLoss');
    expect(seen.slice(-6)).toEqual(['end 1', '2.1', '2.2', '2.3', 'end 2', 'end']);
    expect(bestEpoch).toBe(1);
  });

  test('at the end of an epoch, at its beginning, before the first, and from outside', async () => {
    const count = async (hooks: Callback): Promise<number> =>
      (await trainer([hooks]).fit(loader(), { epochs: 4 })).epochs.length;
    expect(await count({ onEpochEnd: (_, { stop }) => stop() })).toBe(1);
    expect(
      await count({
        onEpochBegin: (epoch, { stop }) => {
          if (epoch === 3) stop();
        },
      }),
    ).toBe(2);
    expect(await count({ onTrainBegin: (_, { stop }) => stop() })).toBe(0);
    const run = trainer([{ onEpochEnd: () => run.stop() }]);
    expect((await run.fit(loader(), { epochs: 4 })).epochs).toHaveLength(1);
    // It is over: the next training is not stopped.
    expect((await trainer([]).fit(loader(), { epochs: 2 })).epochs).toHaveLength(2);
  });

  test('after the last batch is no partial epoch', async () => {
    const stop: Callback = {
      onBatchEnd: (_, batch, context) => {
        if (batch === 10) context.stop();
      },
    };
    const { epochs } = await trainer([stop]).fit(loader(), { epochs: 3, validation: loader() });
    expect(epochs).toHaveLength(1);
    expect(epochs[0]).not.toHaveProperty('partial');
    expect(epochs[0]).toHaveProperty('valLoss');
  });
});

describe('the context', () => {
  test('has the model, the optimizer, the plan, the history so far and the updates', async () => {
    const updates: number[] = [];
    const lengths: number[] = [];
    const look: Callback = {
      onTrainBegin: (plan, context) => {
        expect([context.model, context.optimizer, context.plan]).toEqual([model, optimizer, plan]);
      },
      onBatchEnd: (_e, _b, context) => void updates.push(context.updates),
      onEpochEnd: (record, { history }) => {
        lengths.push(history.epochs.length);
        expect(history.epochs.at(-1)).toBe(record);
      },
    };
    await trainer([look], { accumulate: 4 }).fit(loader(), { epochs: 2 });
    expect(updates).toEqual([0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 6]);
    expect(lengths).toEqual([1, 2]);
  });
});

describe('the history', () => {
  test('names the epoch with the lowest validation loss, or training loss', async () => {
    optimizer.paramGroups[0]!.lr = 3; // large enough not to fall steadily
    for (const validation of [loader(), undefined]) {
      const { epochs, bestEpoch } = await trainer([]).fit(loader(), { epochs: 6, validation });
      const losses = epochs.map(({ loss, valLoss }) => valLoss ?? loss);
      expect(bestEpoch).toBe(losses.indexOf(Math.min(...losses)) + 1);
    }
  });
});

describe('LRSchedule', () => {
  const rates = async (
    callback: Callback,
    options: Partial<sg.train.TrainerOptions> = {},
  ): Promise<number[]> => {
    const { epochs } = await trainer([callback], options).fit(loader(), {
      epochs: 4,
      validation: loader(),
    });
    return epochs.map(({ lr }) => lr!);
  };

  test('goes on once an epoch, and the history has the rate of each', async () => {
    const schedule = new sg.optim.lr.StepLR(optimizer, { stepSize: 2, gamma: 0.5 });
    expect(await rates(new LRSchedule(schedule))).toEqual([0.1, 0.1, 0.05, 0.05]);
  });

  test.each([
    [1, [10, 20, 30, 40]],
    [4, [3, 6, 9, 12]],
  ])('goes on at each update, of %i batches', async (accumulate, steps) => {
    // The rate as the epoch ended: the schedule has gone on after its last batch.
    const schedule = new sg.optim.lr.LambdaLR(optimizer, (t) => 1 / (1 + t));
    const seen = await rates(new LRSchedule(schedule, { every: 'update' }), { accumulate });
    seen.forEach((lr, i) => expect(lr).toBeCloseTo(0.1 / (1 + steps[i]!), 12));
  });

  test('gives ReduceLROnPlateau what it monitors', async () => {
    const options = { factor: 0.5, patience: 0, threshold: 1e9, thresholdMode: 'abs' } as const;
    const plateau = new sg.optim.lr.ReduceLROnPlateau(optimizer, options);
    // Nothing is an improvement by 1e9 but the first value.
    expect(await rates(new LRSchedule(plateau))).toEqual([0.1, 0.1, 0.05, 0.025]);
    const unknown = new LRSchedule(plateau, { monitor: 'f2' });
    await expect(rates(unknown)).rejects.toThrow('LRSchedule: expected a value to monitor of');
  });

  test('trains as a loop by hand does, captured or not', async () => {
    const other = blobModel();
    const sgd = new sg.optim.SGD(other.parameters(), { lr: 0.1 });
    const byHand = new sg.optim.lr.CosineAnnealingLR(sgd, { tMax: 30 });
    const batches = loader();
    for (let epoch = 0; epoch < 3; epoch++) {
      for (const [x, y] of batches) {
        sgd.zeroGrad();
        sg.nn.functional.crossEntropy(other.forward(x!), y!).backward();
        sgd.step();
        byHand.step();
      }
    }
    const expected = await Promise.all(other.parameters().map((p) => p.toArray()));
    const start = blobModel();
    for (const capture of [true, false]) {
      model.loadStateDict(start.stateDict());
      optimizer.paramGroups[0]!.lr = 0.1;
      const schedule = new sg.optim.lr.CosineAnnealingLR(optimizer, { tMax: 30 });
      const callbacks = [new LRSchedule(schedule, { every: 'update' })];
      await trainer(callbacks, { capture }).fit(loader(), { epochs: 3 });
      expect(await Promise.all(model.parameters().map((p) => p.toArray()))).toEqual(expected);
    }
    sg.tidy(() => other.parameters()[0]!.sum().backward());
    for (const one of [other, sgd, start]) one.dispose();
  });

  test('refuses ReduceLROnPlateau at each update, and other intervals', () => {
    const plateau = new sg.optim.lr.ReduceLROnPlateau(optimizer);
    expect(() => new LRSchedule(plateau, { every: 'update' })).toThrow(
      "LRSchedule: expected every 'epoch' for ReduceLROnPlateau",
    );
    expect(() => new LRSchedule(plateau, { every: 'batch' as 'update' })).toThrow(
      "every 'epoch' or 'update', got batch",
    );
  });
});

describe('TerminateOnNaN', () => {
  test('ends training soon after the loss is no number', async () => {
    const watch = new TerminateOnNaN();
    const poison: Callback = {
      onBatchEnd: (epoch, batch) => {
        if (epoch === 2 && batch === 2) optimizer.paramGroups[0]!.lr = NaN;
      },
    };
    const { epochs } = await trainer([poison, watch]).fit(loader(1), { epochs: 9 });
    expect(epochs.map(({ epoch }) => epoch)).toEqual([1, 2]);
    expect(epochs[1]!.partial).toBe(true);
    expect(watch.stoppedEpoch).toBe(2);
  });

  test('lets other trainings be', async () => {
    const watch = new TerminateOnNaN();
    expect((await trainer([watch]).fit(loader(), { epochs: 2 })).epochs).toHaveLength(2);
    expect(watch.stoppedEpoch).toBe(0);
  });
});

test('LambdaCallback has the hooks that it is given', async () => {
  const seen: number[] = [];
  const own = new LambdaCallback({ onEpochEnd: ({ epoch }) => void seen.push(epoch) });
  await trainer([own]).fit(loader(), { epochs: 3 });
  expect(seen).toEqual([1, 2, 3]);
});

describe('ModelCheckpoint with a function', () => {
  test('is given the weights of every n-th epoch', async () => {
    const saved: [number, number[]][] = [];
    const keep = new sg.train.ModelCheckpoint(
      async (tensors, { epoch }, context) => {
        expect(context.model).toBe(model);
        saved.push([epoch, [...((await tensors['0.weight']!.data()) as Float32Array)]]);
      },
      { every: 2 },
    );
    await trainer([keep]).fit(loader(), { epochs: 5 });
    expect(saved.map(([epoch]) => epoch)).toEqual([2, 4]);
    expect(saved[0]![1]).not.toEqual(saved[1]![1]);
  });

  test('of the best only, by a metric too', async () => {
    const values = [0.4, 0.3, NaN, 0.6, 0.6, 0.7];
    const saved: number[] = [];
    const options = { saveBestOnly: true, monitor: 'valF1' };
    const keep = new sg.train.ModelCheckpoint((_, { epoch }) => void saved.push(epoch), options);
    const context = { model } as unknown as sg.train.TrainingContext;
    const rest = { loss: 1, accuracy: 0, seconds: 1, examplesPerSecond: 1 };
    keep.onTrainBegin();
    for (const [i, valF1] of values.entries()) {
      await keep.onEpochEnd({ ...rest, epoch: i + 1, metrics: { valF1 } }, context);
    }
    expect(saved).toEqual([1, 4, 6]);
    expect(keep.best).toBe(0.7);
  });

  test.each([0, 1.5])('refuses every %s epochs', (every) => {
    expect(() => new sg.train.ModelCheckpoint('x', { every })).toThrow('every of 1 epoch or more');
  });
});
