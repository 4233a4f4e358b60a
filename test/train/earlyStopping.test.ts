import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { blobs } from '../support/blobs.js';

type EpochRecord = sg.train.EpochRecord;
const { EarlyStopping } = sg.train;

const record = (epoch: number, valLoss?: number, more: Partial<EpochRecord> = {}): EpochRecord => ({
  epoch,
  loss: 9,
  accuracy: 0.1,
  seconds: 1,
  examplesPerSecond: 1,
  ...(valLoss !== undefined && { valLoss }),
  ...more,
});

class Scalar extends sg.nn.Module {
  readonly weight = new sg.nn.Parameter([1]);
  readonly count = new sg.nn.Buffer([1]);
  forward(x: sg.Tensor): sg.Tensor {
    return x.mul(this.weight);
  }
}

/** Has the callback see these values; gives the epochs that were run. */
function epochsOf(
  stopping: sg.train.EarlyStopping,
  values: readonly number[],
  key: 'valLoss' | 'valAccuracy' | 'metric' = 'valLoss',
): number {
  let stopped = false;
  const model = new Scalar();
  const context = { model, stop: () => (stopped = true) } as unknown as sg.train.TrainingContext;
  stopping.onTrainBegin();
  let epoch = 0;
  for (const value of values) {
    const more = key === 'metric' ? { metrics: { valF1: value } } : { [key]: value };
    stopping.onEpochEnd(record(++epoch, undefined, more), context);
    if (stopped) break;
  }
  stopping.onTrainEnd({ epochs: [], steps: [], bestEpoch: 0 }, context);
  model.dispose();
  return epoch;
}

describe('stops', () => {
  test.each<[string, sg.train.EarlyStoppingOptions, number[], number, number]>([
    ['at the first that is no better', {}, [3, 2, 2, 1], 3, 2],
    ['after `patience` epochs', { patience: 3 }, [3, 2, 2, 2.5, 2, 1], 5, 2],
    ['not while values fall', { patience: 1 }, [5, 4, 3, 2, 1], 5, 5],
    ['counting anew from each best value', { patience: 2 }, [3, 4, 2, 4, 1, 4, 4, 0], 7, 5],
    ['by minDelta', { patience: 1, minDelta: 0.5 }, [3, 2.4, 2, 1], 3, 2],
    ['by minDelta, whatever its sign', { patience: 1, minDelta: -0.5 }, [3, 2.4, 2, 1], 3, 2],
    ['not while it gets better', { patience: 2, baseline: 1 }, [4, 3, 2, 1.5], 4, 4],
    ['where it never beats the baseline', { patience: 2, baseline: 1 }, [4, 3, 3, 0], 3, 2],
    ['with the first of epochs that cannot be compared', { patience: 3 }, [NaN, NaN, NaN], 3, 1],
    ['not where it beats the baseline in time', { patience: 2, baseline: 3.5 }, [4, 3, 2, 1], 4, 4],
    ['not before startFromEpoch', { startFromEpoch: 4 }, [1, 2, 3, 4, 5], 5, 4],
    ['at NaN', { patience: 1 }, [3, NaN, 1], 2, 1],
    ['but not after the first epoch', {}, [NaN, 1, 0.5], 3, 3],
  ])('%s', (_, options, values, epochs, best) => {
    const stopping = new EarlyStopping(options);
    expect(epochsOf(stopping, values)).toBe(epochs);
    expect(stopping.bestEpoch).toBe(best);
    expect(stopping.stoppedEpoch).toBe(epochs < values.length ? epochs : stopping.stoppedEpoch);
    // Another training starts anew.
    expect(epochsOf(stopping, values)).toBe(epochs);
    expect(stopping.best).toBe(values[best - 1]);
  });

  test('where accuracy, a metric or a value with mode max no longer rises', () => {
    const values = [0.5, 0.6, 0.6, 0.9];
    const accuracy = new EarlyStopping({ monitor: 'valAccuracy' });
    expect(epochsOf(accuracy, values, 'valAccuracy')).toBe(3);
    const f1 = new EarlyStopping({ monitor: 'valF1' });
    expect(epochsOf(f1, values, 'metric')).toBe(3);
    expect(epochsOf(new EarlyStopping({ mode: 'max' }), values)).toBe(3);
    const falling = new EarlyStopping({ monitor: 'valAccuracy', mode: 'min' });
    expect(epochsOf(falling, values, 'valAccuracy')).toBe(2);
  });

  test('stoppedEpoch is 0 where it did not', () => {
    const stopping = new EarlyStopping({ patience: 5 });
    epochsOf(stopping, [3, 2, 1]);
    expect(stopping.stoppedEpoch).toBe(0);
  });
});

test('passes over an epoch that was stopped, which has no validation', () => {
  const stopping = new EarlyStopping();
  stopping.onEpochEnd(record(1, undefined, { partial: true }), {} as sg.train.TrainingContext);
  expect(stopping.bestEpoch).toBe(0);
});

describe('refuses', () => {
  test('a value that is not there', () => {
    const end = (options: sg.train.EarlyStoppingOptions) => () =>
      new EarlyStopping(options).onEpochEnd(record(1), {} as sg.train.TrainingContext);
    expect(end({})).toThrow(
      "EarlyStopping: expected a value to monitor of epoch, loss, accuracy, seconds, examplesPerSecond, got 'valLoss'. Pass validation to fit().",
    );
    expect(end({ monitor: 'lose' })).toThrow("got 'lose'");
  });

  test('patience below 0 and unknown modes', () => {
    expect(() => new EarlyStopping({ patience: -1 })).toThrow('patience from 0 up, got -1');
    expect(() => new EarlyStopping({ mode: 'least' as 'min' })).toThrow(
      "mode 'auto', 'min' or 'max'",
    );
  });
});

describe('in a Trainer', () => {
  /** With buffers: the running statistics of a batch norm. */
  function network(): sg.nn.Sequential {
    sg.manualSeed(4);
    return new sg.nn.Sequential(
      new sg.nn.Linear(2, 8),
      new sg.nn.BatchNorm1d(8),
      new sg.nn.Tanh(),
      new sg.nn.Linear(8, 3),
    );
  }

  const bitsOf = async (model: sg.nn.Module): Promise<Record<string, number[]>> => {
    const entries = Object.entries(model.stateDict()).map(async ([key, tensor]) => {
      const values = await tensor.data();
      return [key, [...new Uint8Array(values.buffer, values.byteOffset, values.byteLength)]];
    });
    return Object.fromEntries(await Promise.all(entries)) as Record<string, number[]>;
  };

  test.each([true, false])(
    'with capture %s, restores parameters and buffers bit for bit, and frees the copy',
    async (capture) => {
      const data = blobs(60);
      const held = blobs(31, 2);
      const model = network();
      const optimizer = new sg.optim.Adam(model.parameters(), { lr: 0.05 });
      const states: Record<string, number[]>[] = [];
      const arrays: number[] = [];
      const stopping = new EarlyStopping({
        monitor: 'valAccuracy',
        mode: 'min', // so that the best comes early
        patience: 3,
        restoreBestWeights: true,
      });
      const note: sg.train.Callback = {
        onTrainBegin: () => void arrays.push(sg.memory().arrays),
        onEpochEnd: async () => void states.push(await bitsOf(model)),
      };
      const trainer = new sg.train.Trainer(model, {
        optimizer,
        capture,
        callbacks: [note, stopping],
      });
      const loader = new sg.data.DataLoader(data, { batchSize: 10, shuffle: true, seed: 3 });
      const validation = new sg.data.DataLoader(held, { batchSize: 31 });
      const history = await trainer.fit(loader, { epochs: 30, validation });
      expect(stopping.stoppedEpoch).toBe(history.epochs.length);
      expect(stopping.bestEpoch).toBeLessThan(stopping.stoppedEpoch);
      expect(Object.keys(states[0]!)).toContain('1.running_mean');
      const restored = await bitsOf(model);
      expect(restored).toEqual(states[stopping.bestEpoch - 1]);
      expect(restored).not.toEqual(states.at(-1));
      const { accuracy } = await trainer.evaluate(validation);
      expect(accuracy).toBe(stopping.best);

      // Training goes on from there, by an optimizer that has them side by side in memory.
      await trainer.fit(loader, { epochs: 1, validation });
      expect(await bitsOf(model)).not.toEqual(restored);
      sg.tidy(() => model.parameters()[0]!.sum().backward());
      model.zeroGrad();
      optimizer.dispose();
      expect(sg.memory().arrays).toBeLessThanOrEqual(arrays[0]!);
      for (const one of [data, held, model]) one.dispose();
    },
  );
});
