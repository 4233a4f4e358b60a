import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { currentDevice, openDevice, setCurrentDevice } from '../../src/gpu/device.js';
import { defaultGenerator } from '../../src/random/generator.js';

const NO_VALUES = /expected a tensor with memory, got one that was made within meta\(\)/;

/** Runs `fn` as before `init()`. */
function withoutDevice<T>(fn: () => T): T {
  const device = openDevice();
  setCurrentDevice(null);
  try {
    return fn();
  } finally {
    setCurrentDevice(device);
  }
}

describe('meta', () => {
  test('gives shapes, dtypes and counts, and takes no memory', () => {
    const before = sg.memory();
    const { dispatches } = currentDevice().queue;
    const random = defaultGenerator.state;
    const model = sg.meta(() => new sg.models.AlexNet());
    const y = sg.meta(() => model.forward(sg.zeros([2, 3, 224, 224])));
    expect(y.shape).toEqual([2, 1000]);
    expect(y.dtype).toBe('f32');
    expect(model.parameters().reduce((sum, { numel }) => sum + numel, 0)).toBe(61_100_840);
    expect(model.summary([1, 3, 224, 224]).multiplyAdds).toBe(714_682_664);
    expect(sg.memory()).toEqual(before);
    expect(currentDevice().queue.dispatches).toBe(dispatches);
    expect(defaultGenerator.state).toEqual(random);
  });

  test('needs no device, and what it made goes together with what one has', () => {
    const model = withoutDevice(() => {
      const made = sg.meta(() => new sg.nn.Sequential(new sg.nn.Linear(3, 5), new sg.nn.ReLU()));
      expect(made.summary([4, 3]).parameters).toBe(20);
      return made;
    });
    using x = sg.ones([7, 3]);
    expect(sg.meta(() => model.forward(x)).shape).toEqual([7, 5]);
    expect(() => model.forward(x)).toThrow(NO_VALUES);
  });

  test.each<[string, (x: sg.Tensor) => unknown]>([
    ['of an array', () => sg.tensor([[1, 2, 3]])],
    ['of random numbers', () => sg.randn([1, 3])],
    ['that was cast', (x) => x.to('i32')],
    ['that was reshaped', (x) => x.reshape([1, 3])],
    ['that was sliced', (x) => x.slice(0, 0, 1)],
    ['that was copied', (x) => x.clone()],
    ['of an optimizer in f16', (x) => sg.autocast(() => x.matmul(sg.zeros([3, 3])))],
  ])('makes a tensor without values: %s', async (_, make) => {
    const x = withoutDevice(() => sg.meta(() => sg.zeros([1, 3])));
    const made = withoutDevice(() => sg.meta(() => make(x))) as sg.Tensor;
    await expect(made.data()).rejects.toThrow(sg.DeviceError);
    await expect(made.item()).rejects.toThrow(sg.ShadegradError);
    await expect(made.data()).rejects.toThrow(NO_VALUES);
    expect(() => made.add(1)).toThrow(/^add: expected a tensor with memory/);
  });

  test('refuses weights for a network without memory', () => {
    const model = sg.meta(() => new sg.nn.Linear(2, 2));
    const other = new sg.nn.Linear(2, 2);
    expect(() => model.loadStateDict(other.stateDict())).toThrow(NO_VALUES);
    other.dispose();
  });

  test('leaves the tensors of a network as they were, gradients included', async () => {
    const model = new sg.nn.Sequential(new sg.nn.Linear(2, 3), new sg.nn.BatchNorm1d(3));
    const [weight, bias] = model.parameters() as [sg.nn.Parameter, sg.nn.Parameter];
    using given = sg.ones([3]);
    bias.grad = given;
    const before = await Promise.all(model.parameters().map((one) => one.toArray()));
    const loss = sg.meta(() => {
      const sum = model
        .forward(sg.ones([4, 2]))
        .square()
        .sum();
      sum.backward();
      expect(weight.grad!.shape).toEqual([3, 2]);
      new sg.optim.Adam(model.parameters()).step();
      return sum;
    });
    expect(loss.shape).toEqual([]);
    expect(weight.grad).toBeNull();
    expect(await bias.grad.toArray()).toEqual([1, 1, 1]);
    expect(await Promise.all(model.parameters().map((one) => one.toArray()))).toEqual(before);
    model.zeroGrad();
    model.dispose();
  });

  test('within a training leaves the loss of the step before', async () => {
    await sg.tidy(async () => {
      const weight = sg.ones([2], { requiresGrad: true });
      const loss = weight.square().sum();
      loss.backward();
      sg.meta(() => sg.ones([2], { requiresGrad: true }).sum().backward());
      expect(await loss.item()).toBe(2);
    });
  });

  test('of a data set keeps nothing that it uploads', async () => {
    const images = Uint8Array.from([255, 0, 0, 255]);
    const dataset = new sg.data.ImageDataset({
      ...{ images, labels: Uint8Array.of(1, 0), imageShape: [1, 1, 2] as const },
      classNames: ['a', 'b'],
    });
    const loader = new sg.data.DataLoader(dataset, { batchSize: 2 });
    const before = sg.memory();
    expect(sg.meta(() => loader.sample().map(({ shape }) => shape))).toEqual([[2, 1, 1, 2], [2]]);
    expect(sg.memory()).toEqual(before);
    for (const [x] of loader) expect(await x!.toArray()).toEqual([[[[1, 0]]], [[[0, 1]]]]);
    dataset.dispose();
  });

  test('ends when its function throws, and may stand within another one', async () => {
    expect(() =>
      sg.meta(() => {
        throw new RangeError('within');
      }),
    ).toThrow('within');
    sg.meta(() => {
      sg.meta(() => sg.zeros([1]));
      expect(() => sg.zeros([1]).array.storage.pooled('test')).toThrow(NO_VALUES);
    });
    using x = sg.ones([2]);
    expect(await x.toArray()).toEqual([1, 1]);
  });

  test('shows the mistakes of a real run', () => {
    const run = () => sg.meta(() => new sg.models.LeNet5().forward(sg.zeros([1, 3, 28, 28])));
    expect(run).toThrow(sg.ShapeError);
    expect(run).toThrow(/^conv2d: expected/);
  });

  test.each([
    ['a network', () => new sg.nn.ReLU(), /^meta: expected a function, got object\. Pass what/],
    ['nothing', () => undefined, /^meta: expected a function, got undefined\./],
    ['null', () => null, /^meta: expected a function, got null\./],
    [
      'an async function',
      () => () => Promise.reject(new Error('unseen')),
      /^meta: expected a function that is not async, got a promise\./,
    ],
  ])('refuses %s', (_, make, message) => {
    const run = () => sg.meta(make() as () => unknown);
    expect(run).toThrow(sg.ArgumentError);
    expect(run).toThrow(message);
  });
});
