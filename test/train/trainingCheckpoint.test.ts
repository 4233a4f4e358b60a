import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { blobs } from '../support/blobs.js';
import { unlessAll } from '../support/extent.js';
import { keep } from '../support/keep.js';

const { ReduceLROnPlateau } = sg.optim.lr;
const { EarlyStopping, LRSchedule, TopKAccuracy, F1Score, Trainer, TrainingCheckpoint } = sg.train;

type Made = { model: sg.nn.Module; optimizer: sg.optim.Optimizer<{ lr: number }> };

/** What a test trains with: all parts are made anew for each run. */
interface Recipe {
  optimizer?: (params: sg.Tensor[]) => sg.optim.Optimizer<{ lr: number }>;
  options?: Partial<sg.train.TrainerOptions>;
  callbacks?: (made: Made) => sg.train.Callback[];
  seed?: number;
  epochs?: number;
}

const EPOCHS = 3;

/** A network with all that remembers or draws something: batch norm and dropout. */
function network(): sg.nn.Sequential {
  const { BatchNorm1d, Dropout, Linear, Sequential, Tanh } = sg.nn;
  sg.manualSeed(4);
  return new Sequential(
    new Linear(2, 8),
    new BatchNorm1d(8),
    new Tanh(),
    new Dropout(0.3),
    new Linear(8, 3),
  );
}

/** A training from its beginning or from a checkpoint: all its checkpoints, and how it ended. */
async function train(recipe: Recipe, resume?: Uint8Array, stopAt?: string) {
  const model = keep(network());
  const data = keep(blobs(93));
  const makeOptimizer = recipe.optimizer ?? ((params) => new sg.optim.Adam(params, { lr: 0.05 }));
  const optimizer = keep(makeOptimizer(model.parameters()));
  const saved: Uint8Array[] = [];
  const trainer: sg.train.Trainer = new Trainer(model, {
    optimizer,
    ...recipe.options,
    callbacks: [
      ...(recipe.callbacks?.({ model, optimizer }) ?? []),
      {
        onBatchEnd: (epoch, batch) => {
          if (`${epoch}.${batch}` === stopAt) trainer.stop();
        },
      },
      new TrainingCheckpoint((bytes) => void saved.push(bytes), { every: 1 }),
    ],
  });
  const loader = new sg.data.DataLoader(data, { batchSize: 10, shuffle: true, seed: recipe.seed });
  const validation = new sg.data.DataLoader(data, { batchSize: 31, shuffle: true, seed: 2 });
  const { epochs = EPOCHS } = recipe;
  const history = await trainer.fit(loader, { epochs, validation, resume });
  const weights = await sg.io.encodeSafetensors(model.stateDict());
  sg.tidy(() => model.parameters()[0]!.sum().backward());
  model.zeroGrad();
  return { history, weights, saved };
}

/** A history without what the clock says. */
function timeless({ epochs, ...rest }: sg.train.History): unknown {
  return { ...rest, epochs: epochs.map((one) => ({ ...one, seconds: 0, examplesPerSecond: 0 })) };
}

const RECIPES: [name: string, recipe: Recipe][] = [
  ['Adam, the default generator', {}],
  [
    'SGD with momentum, a loader with a seed',
    {
      seed: 9,
      optimizer: (params) => new sg.optim.SGD(params, { lr: 0.1, momentum: 0.9 }),
    },
  ],
  ['accumulated batches, clipped', { options: { accumulate: 3, clipGradNorm: 0.5 } }],
  ['metrics', { options: { metrics: [new TopKAccuracy(2), new F1Score()] } }],
  [
    'a schedule by the update',
    {
      callbacks: ({ optimizer }) => [
        new LRSchedule(new sg.optim.lr.CosineAnnealingLR(optimizer, { tMax: 40 }), {
          every: 'update',
        }),
      ],
    },
  ],
  [
    'a schedule by the loss, and early stopping with the best weights',
    {
      // As if a rising loss were wanted, so that the first epoch is the best.
      optimizer: (params) => new sg.optim.RMSprop(params, { lr: 0.01 }),
      callbacks: ({ optimizer }) => [
        new LRSchedule(new ReduceLROnPlateau(optimizer, { patience: 0, mode: 'max' })),
        new EarlyStopping({ patience: 2, mode: 'max', restoreBestWeights: true }),
      ],
    },
  ],
  ['without captured steps', { options: { capture: false } }],
];

describe.each(RECIPES)('%s', (_, recipe) => {
  test('from any checkpoint it goes on to the same weights and history, bit for bit', async () => {
    const whole = await train(recipe);
    expect(whole.saved.length).toBeGreaterThan(8);
    // One within the first epoch, one between epochs, the last within the last, and one within the
    // second epoch, which has all that the others have.
    const last = whole.saved.length - 1;
    const between = whole.saved.findIndex(
      (bytes) => sg.train.trainingValuesIn(bytes).pass === null,
    );
    for (const i of unlessAll([between + 2], [4, between, last - 1, between + 2])) {
      const resumed = await train(recipe, whole.saved[i]);
      expect(resumed.weights, `checkpoint ${i}`).toEqual(whole.weights);
      expect(timeless(resumed.history), `checkpoint ${i}`).toEqual(timeless(whole.history));
    }
  });
});

test('stop() finishes the update, keeps a checkpoint, and the rest goes on from it', async () => {
  for (const [at, options] of [
    ['2.4', {}],
    ['2.4', { accumulate: 3 }],
    ['2.10', {}],
  ] as const) {
    const whole = await train({ options });
    const first = await train({ options }, undefined, at);
    expect(first.history.interrupted).toBe(true);
    const values = sg.train.trainingValuesIn(first.saved.at(-1)!);
    const batch = at === '2.4' && 'accumulate' in options ? 6 : 4;
    if (at === '2.4') expect(values).toMatchObject({ epochs: 1, pass: { batch } });
    else expect(values).toMatchObject({ epochs: 2, pass: null });
    expect(values.history.epochs).toHaveLength(values.epochs);
    const rest = await train({ options }, first.saved.at(-1));
    expect(rest.weights).toEqual(whole.weights);
    expect(rest.history).not.toHaveProperty('interrupted');
  }
});

describe('a checkpoint', () => {
  test('is safetensors with PyTorch keys', async () => {
    const { saved } = await train({});
    const tensors = sg.io.decodeSafetensors(saved.at(-1)!);
    expect(Object.keys(tensors)).toEqual(
      expect.arrayContaining(['model.0.weight', 'model.1.running_mean', 'optimizer.0.exp_avg']),
    );
    for (const tensor of Object.values(tensors)) tensor.dispose();
  });

  test('is not made of a loss that is no number', async () => {
    const { saved, history } = await train({
      optimizer: (params) => new sg.optim.SGD(params, { lr: 1e30 }),
    });
    expect(history.epochs.at(-1)!.loss).toBeNaN();
    expect(saved.length).toBeLessThan(10);
  });

  test('of another training is refused, and nothing has changed', async () => {
    const { saved } = await train({});
    const other = (recipe: Recipe) => train(recipe, saved[3]);
    await expect(
      other({ optimizer: (params) => new sg.optim.SGD(params, { lr: 0.1 }) }),
    ).rejects.toThrow('fit: expected a checkpoint of optimizer SGD, got one of Adam');
    await expect(other({ options: { accumulate: 2 } })).rejects.toThrow('accumulated batches 2');
    await expect(other({ callbacks: () => [new EarlyStopping()] })).rejects.toThrow(
      'a checkpoint of callbacks EarlyStopping, got one of none',
    );
    await expect(other({ options: { metrics: [new F1Score()] } })).rejects.toThrow('metrics f1');
    await expect(train({ epochs: 1 }, (await train({})).saved.at(-1))).rejects.toThrow(
      'fit: expected epochs of 3 or more, which the checkpoint has begun, got 1',
    );
    const { StepLR, ExponentialLR } = sg.optim.lr;
    const step = await train({
      callbacks: ({ optimizer }) => [new LRSchedule(new StepLR(optimizer, { stepSize: 1 }))],
    });
    const exponential: Recipe = {
      callbacks: ({ optimizer }) => [new LRSchedule(new ExponentialLR(optimizer, { gamma: 0.9 }))],
    };
    await expect(train(exponential, step.saved[3])).rejects.toThrow(
      'a checkpoint of callbacks ExponentialLR, got one of StepLR',
    );
  });

  test('that is none, or damaged, is refused', async () => {
    const { saved, weights } = await train({});
    await expect(train({}, weights)).rejects.toThrow('expected the state of a training, got none');
    await expect(train({}, saved[0]!.subarray(0, 999))).rejects.toThrow(sg.DataFormatError);
  });

  test('has options that can be', () => {
    const target = () => undefined;
    expect(() => new TrainingCheckpoint(target, { every: 0 })).toThrow('every of 1 update or more');
    expect(() => new TrainingCheckpoint(target, { seconds: NaN })).toThrow('seconds from 0 up');
  });
});
