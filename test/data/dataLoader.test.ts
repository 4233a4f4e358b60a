import * as sg from 'shadegrad';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { currentDevice } from '../../src/gpu/device.js';

/** Ten examples: row i is [i, 10 i], its label i. */
let dataset: sg.data.TensorDataset;

beforeEach(() => {
  const numbers = Array.from({ length: 10 }, (_, i) => i);
  dataset = new sg.data.TensorDataset(
    sg.tensor(numbers.map((i) => [i, 10 * i])),
    sg.tensor(numbers, { dtype: 'i32' }),
  );
});

afterEach(() => {
  dataset.dispose();
});

type Options = sg.data.DataLoaderOptions;
const loaderOf = (options: Options) => new sg.data.DataLoader(dataset, options);

/** The labels of each batch of one pass; checks that x and y belong together. */
async function labels(loader: sg.data.DataLoader): Promise<number[][]> {
  const batches: number[][] = [];
  for await (const [x, y] of loader) {
    const numbers = (await y!.toArray()) as number[];
    expect(await x!.toArray()).toEqual(numbers.map((i) => [i, 10 * i]));
    batches.push(numbers);
  }
  return batches;
}

describe('the order', () => {
  test('is that of the data set, the last batch being short', async () => {
    const loader = loaderOf({ batchSize: 4 });
    expect(loader.length).toBe(3);
    const expected = [
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ];
    expect(await labels(loader)).toEqual(expected);
    expect(await labels(loader)).toEqual(expected);
  });

  test('leaves out the short batch with dropLast', async () => {
    const loader = loaderOf({ batchSize: 4, dropLast: true });
    expect(loader.length).toBe(2);
    expect((await labels(loader)).flat()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    const whole = loaderOf({ batchSize: 5, dropLast: true });
    expect((await labels(whole)).flat()).toHaveLength(10);
    const none = loaderOf({ batchSize: 11, dropLast: true });
    expect([none.length, await labels(none)]).toEqual([0, []]);
  });

  test('is one example a batch by default, and all in one where the batch is larger', async () => {
    expect((await labels(loaderOf({}))).every((batch) => batch.length === 1)).toBe(true);
    expect(await labels(loaderOf({ batchSize: 64 }))).toEqual([[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]]);
  });

  test('is shuffled anew at each pass, and again the same by the seed', async () => {
    const passes = async (seed: number) => {
      const loader = loaderOf({ batchSize: 3, shuffle: true, seed });
      return [(await labels(loader)).flat(), (await labels(loader)).flat()];
    };
    const [first, second] = await passes(7);
    for (const pass of [first!, second!]) {
      expect([...pass].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
    expect(first).not.toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(second).not.toEqual(first);
    expect(await passes(7)).toEqual([first, second]);
    expect(await passes(8)).not.toEqual([first, second]);
  });

  test('comes from manualSeed without a seed of its own', async () => {
    const pass = async () => (await labels(loaderOf({ batchSize: 10, shuffle: true }))).flat();
    sg.manualSeed(3);
    const [first, second] = [await pass(), await pass()];
    expect(second).not.toEqual(first);
    sg.manualSeed(3);
    expect([await pass(), await pass()]).toEqual([first, second]);
  });

  test('of a subset is its own, and shuffling stays within it', async () => {
    const inner = new sg.data.Subset(dataset, [9, 1, 5, 7]);
    const subset = new sg.data.Subset(inner, [3, 0, 2]);
    const load = (shuffle: boolean) =>
      labels(new sg.data.DataLoader(subset, { batchSize: 2, shuffle, seed: 1 }));
    expect(await load(false)).toEqual([[7, 9], [5]]);
    expect((await load(true)).flat().sort()).toEqual([5, 7, 9]);
  });
});

describe('each batch', () => {
  const waits = [
    ['for ... of', false],
    ['for await ... of', true],
  ] as const;

  /** Hands each batch to `fn` until it returns false. */
  async function each(
    waiting: boolean,
    loader: sg.data.DataLoader,
    fn: (batch: sg.Tensor[]) => boolean | undefined,
  ): Promise<void> {
    if (waiting) {
      for await (const batch of loader) if (fn(batch) === false) break;
    } else {
      for (const batch of loader) if (fn(batch) === false) break;
    }
  }

  test.each(waits)('is freed when the next one is handed out: %s', async (_, waiting) => {
    const before = sg.memory();
    const seen: sg.Tensor[] = [];
    const inUse: number[] = [];
    await each(waiting, loaderOf({ batchSize: 2 }), ([x]) => {
      inUse.push(sg.memory().bytesInUse - before.bytesInUse);
      seen.push(x!);
      expect(seen.map((t) => t.isFreed)).toEqual([
        ...Array<boolean>(seen.length - 1).fill(true),
        false,
      ]);
      return undefined;
    });
    expect(seen).toHaveLength(5);
    expect(new Set(inUse), 'x, y and the order').toEqual(new Set([3 * 256]));
    expect(sg.memory()).toMatchObject({ bytesInUse: before.bytesInUse, arrays: before.arrays });
    await expect(seen[0]!.data()).rejects.toThrow(
      'the DataLoader frees a batch when it hands out the next one',
    );
  });

  test.each(waits)('is freed after an early end: %s', async (_, waiting) => {
    const before = sg.memory().arrays;
    let kept: sg.Tensor | undefined;
    await each(waiting, loaderOf({ batchSize: 2 }), ([x]) => {
      kept = x;
      return false;
    });
    expect(kept!.isFreed).toBe(true);
    const failing = each(waiting, loaderOf({ batchSize: 2 }), ([x]) => {
      kept = x;
      throw new Error('within');
    });
    await expect(failing).rejects.toThrow('within');
    expect(kept!.isFreed).toBe(true);
    expect(sg.memory().arrays).toBe(before);
  });

  test('leaves what was computed from it to the step that takes it in', () => {
    using w = sg.tensor([2, 3], { requiresGrad: true });
    const prepared: sg.Tensor[] = [];
    for (const [x, y] of loaderOf({ batchSize: 5 })) {
      const scaled = x!.div(10).sub(0.5); // no gradient flows; div() is a tensor that nobody holds
      const weight = y!.add(1);
      prepared.push(scaled, weight, x!.detach());
      scaled.mul(w).sum(1).mul(weight).sum().backward();
      expect(prepared.map((t) => t.isFreed)).toEqual(
        prepared.length === 3 ? [false, false, false] : [true, true, true, false, false, false],
      );
    }
    w.grad = null;
    sg.tidy(() => w.mul(1).sum().backward()); // a new step: frees what the last one left
    expect(prepared.every((t) => t.isFreed)).toBe(true);
    w.grad = null;
  });

  test('lends what was computed from it to every step that is made of it', () => {
    const models = [new sg.nn.Linear(2, 10), new sg.nn.Linear(2, 10)];
    const seen: number[] = [];
    for (let epoch = 0; epoch < 4; epoch++) {
      for (const [x, y] of loaderOf({ batchSize: 5 })) {
        const scaled = x!.div(90);
        const target = sg.nn.functional.oneHot(y!, 10);
        for (const model of models) {
          sg.nn.functional.crossEntropy(model.forward(scaled), target).backward();
          model.zeroGrad();
        }
      }
      seen.push(sg.memory().bytesInUse);
    }
    expect(new Set(seen).size, `bytes in use: ${seen.join(', ')}`).toBe(1);
    sg.tidy(() => models[0]!.weight.sum().backward());
    for (const model of models) model.dispose();
  });

  test('leaves predictions to their maker where there is no training', async () => {
    using w = sg.tensor([2, -3], { requiresGrad: true });
    const collected: sg.Tensor[] = [];
    for await (const [x] of loaderOf({ batchSize: 4 })) {
      collected.push(sg.noGrad(() => x!.mul(w).argmax(1)));
    }
    using all = sg.cat(collected);
    expect(all.shape).toEqual([10]);
    for (const tensor of collected) tensor.dispose();
  });

  test('that is retained is the caller’s', async () => {
    const kept: sg.Tensor[] = [];
    for (const [x, y] of loaderOf({ batchSize: 4 })) kept.push(x!.retain(), y!.retain());
    expect(await kept[5]!.toArray()).toEqual([8, 9]);
    for (const tensor of kept) tensor.dispose();
  });

  test('trains a model whose first layer takes no gradient, in flat memory', async () => {
    const model = new sg.nn.Sequential(new sg.nn.Flatten(), new sg.nn.Linear(2, 3));
    const optimizer = new sg.optim.SGD(model.parameters(), { lr: 1e-3 });
    const criterion = new sg.nn.CrossEntropyLoss();
    using labels = sg.tensor(new Int32Array(10).fill(1));
    const data = new sg.data.TensorDataset(dataset.tensors[0]!, labels);
    const loader = new sg.data.DataLoader(data, { batchSize: 5 });
    const seen: number[] = [];
    for (let epoch = 0; epoch < 4; epoch++) {
      for await (const [x, y] of loader) {
        const loss = criterion.forward(model.forward(x!), y!);
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();
      }
      for await (const [x, y] of loader) {
        await sg.noGrad(() => sg.train.accuracy(model.forward(x!), y!));
      }
      seen.push(sg.memory().bytesInUse);
    }
    expect(new Set(seen).size, `bytes in use: ${seen.join(', ')}`).toBe(1);
    sg.tidy(() => {
      const [w] = model.parameters();
      w!.sum().backward(); // frees the last loss and logits
    });
    model.dispose();
  });
});

describe('passes', () => {
  test('at the same time do not disturb each other', async () => {
    const loader = loaderOf({ batchSize: 4 });
    const seen: number[][] = [];
    for (const [a] of loader) {
      const outer = a!.shape[0]!;
      for (const [, b] of loader) seen.push([outer, ...((await b!.toArray()) as number[])]);
      expect(a!.isFreed).toBe(false);
    }
    expect(seen).toHaveLength(9);
    expect(seen[8]).toEqual([2, 8, 9]);
  });

  test('let the GPU lag behind by no more than prefetch', async () => {
    const { gpu } = currentDevice();
    const done = gpu.queue.onSubmittedWorkDone.bind(gpu.queue);
    const [pending, most] = [new Set<object>(), [0, 0, 0, 0]];
    try {
      gpu.queue.onSubmittedWorkDone = () => {
        const mark = {};
        pending.add(mark);
        return done().then((value) => (pending.delete(mark), value));
      };
      for (const prefetch of [1, 2, 3]) {
        for await (const _ of loaderOf({ batchSize: 1, prefetch })) {
          most[prefetch] = Math.max(most[prefetch]!, pending.size);
        }
        await sg.sync();
      }
    } finally {
      gpu.queue.onSubmittedWorkDone = done;
    }
    for (const prefetch of [1, 2, 3]) expect(most[prefetch]).toBeLessThanOrEqual(prefetch);
  });

  test('of sample give the first examples, in their own order', async () => {
    const loader = loaderOf({ batchSize: 3, shuffle: true, seed: 5 });
    const [x, y] = loader.sample();
    expect(await y!.toArray()).toEqual([0, 1, 2]);
    expect(x!.shape).toEqual([3, 2]);
    x!.dispose();
    y!.dispose();
  });
});

test('a device that closes during a pass leaves no rejection behind', async () => {
  await sg.init({ onNote: () => undefined });
  const data = new sg.data.TensorDataset(sg.ones([6, 1000]));
  const failing = (async () => {
    for await (const [x] of new sg.data.DataLoader(data)) {
      const y = x!.exp();
      if (y.shape[0] === 1) sg.close();
    }
  })();
  // vitest reports promises that are rejected and not caught.
  await failing.catch((error: unknown) => expect(error).toBeInstanceOf(sg.DeviceError));
  await sg.init({ onNote: () => undefined });
  for await (const _ of new sg.data.DataLoader(new sg.data.TensorDataset(sg.ones([6, 1])))) break;
  sg.close();
  await new Promise((resolve) => setTimeout(resolve, 20));
  await sg.init({ onNote: () => undefined });
  dataset = new sg.data.TensorDataset(sg.ones([1])); // that of before went with its device
});

test('refuses sizes that are none', () => {
  for (const options of [{ batchSize: 0 }, { batchSize: 2.5 }, { prefetch: 0 }, { seed: -1 }]) {
    expect(() => loaderOf(options)).toThrow(sg.ArgumentError);
  }
  expect(() => loaderOf({ batchSize: NaN })).toThrow(
    'DataLoader: expected batchSize of 1 or more, got NaN',
  );
});

describe('its state', () => {
  /** The batches of the rest of a pass, and of the pass after it. */
  const goOn = async (loader: sg.data.DataLoader) => [await labels(loader), await labels(loader)];

  test.each([{ seed: 5 }, {}])('goes on within a pass, %j', async (seeded) => {
    const options = { ...seeded, batchSize: 3, shuffle: true };
    sg.manualSeed(8);
    const loader = loaderOf(options);
    await labels(loader);
    expect(loader.stateDict().pass).toBeNull();
    let taken = 0;
    let state: sg.data.DataLoaderState | undefined;
    const rest: number[][] = [];
    for await (const [, y] of loader) {
      if (++taken === 2) {
        sg.rand([1]).dispose(); // what others draw meanwhile belongs to the state too
        state = loader.stateDict();
      } else if (taken > 2) rest.push((await y!.toArray()) as number[]);
    }
    const next = await labels(loader);
    expect(state!.pass!.batches).toBe(2);

    sg.manualSeed(0);
    const other = loaderOf(options);
    other.loadStateDict(JSON.parse(JSON.stringify(state)) as sg.data.DataLoaderState);
    expect(await goOn(other)).toEqual([rest, next]);
  });

  test('of more batches than there are is refused', () => {
    const { generator } = loaderOf({}).stateDict();
    const state = { generator, pass: { generator, batches: 6 } };
    expect(() => loaderOf({ batchSize: 2 }).loadStateDict(state)).toThrow(
      'DataLoader.loadStateDict: expected a state within 5 batches, got 6',
    );
  });
});
