import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { currentDevice } from '../../../src/gpu/device.js';
import { sigmoid } from '../../reference/activations.js';
import { batchNorm, channelMoments } from '../../reference/normalization.js';
import { checkOp, type OpInput } from '../../support/checkOp.js';
import { expectClose } from '../../support/compare.js';
import { ALL, unlessAll } from '../../support/extent.js';
import { testHalf } from '../../support/half.js';
import { withBindingLimit } from '../../support/limits.js';
import { uniform } from '../../support/random.js';
import { ADAPTERS, tuneFor, withoutSubgroups } from '../../support/tuning.js';

const { functional } = sg.nn;

const ACTIVATIONS = { relu: (z: number) => Math.max(z, 0), sigmoid, tanh: Math.tanh };

const ACTIVATED = (['relu', 'sigmoid', 'tanh'] as const).flatMap((activation) =>
  [
    [5, 3],
    [3, 5, 7],
    [2, 6, 31, 33],
  ].flatMap((shape) => [true, false].map((training) => ({ activation, shape, training }))),
);
/** Each activation, at another number of dimensions. */
const FEW_ACTIVATED = (
  [
    ['relu', 4],
    ['sigmoid', 3],
    ['tanh', 2],
  ] as const
).flatMap(([name, rank]) =>
  ACTIVATED.filter(({ activation, shape }) => activation === name && shape.length === rank),
);

const SHAPES = [
  [3, 1],
  [256, 10],
  [1100, 2],
  [33, 65],
  [5, 3, 7],
  [1, 3, 17],
  [3, 5, 1, 1],
  [2, 6, 28, 28], // LeNet
  [2, 64, 13, 13], // AlexNet
  [7, 3, 31, 33],
  [300, 2, 3],
];

function input(shape: readonly number[], seed: number, low = -2, high = 3): OpInput {
  const size = shape.reduce((a, b) => a * b, 1);
  return { shape, data: uniform(size, seed, low, high) };
}

/** With a random gradient. Takes over y. */
function backward(y: sg.Tensor): void {
  using gradient = sg.tensor(uniform(y.numel, 9), { shape: y.shape, dtype: y.dtype });
  y.backward({ gradient });
  y.dispose();
}

function checkTraining(shape: readonly number[]): Promise<void> {
  const channels = [shape[1]!];
  return checkOp({
    inputs: [input(shape, 1), input(channels, 2, 0.5, 2), input(channels, 3)],
    op: (x, weight, bias) => functional.batchNorm(x, null, null, weight, bias, { training: true }),
    reference: (x, weight, bias) => batchNorm(x, weight!, bias!),
    options: { training: true, weight: true, bias: true },
    samples: 12,
    step: 1e-3,
    gradient: { absolute: 1e-4 },
  });
}

describe.each(ADAPTERS)('batchNorm, tuned for %s', (adapter) => {
  tuneFor(adapter);
  const onSoftware = adapter === 'software';
  // On hardware, more threads share a channel.
  const shapes =
    ALL || onSoftware
      ? SHAPES
      : [
          [256, 10],
          [2, 6, 28, 28],
          [300, 2, 3],
        ];

  test.each(shapes.map((shape) => ({ shape })))('training, $shape', ({ shape }) =>
    checkTraining(shape),
  );

  test.each([
    { shape: [3, 5], running: true, training: false },
    { shape: [2, 3, 65], running: true, training: false },
    { shape: [2, 3, 9, 8], running: true, training: true },
  ])('with running statistics, $shape, training $training', ({ shape, running, training }) => {
    const channels = [shape[1]!];
    return checkOp({
      inputs: [input(shape, 1), input(channels, 2), input(channels, 3)],
      op: (x, weight, bias) => {
        using mean = sg.tensor(uniform(channels[0]!, 4));
        using variance = sg.tensor(uniform(channels[0]!, 5, 0.1, 2));
        return functional.batchNorm(x, mean, variance, weight, bias, { training, eps: 1e-3 });
      },
      reference: (x, weight, bias) => {
        const variances = uniform(channels[0]!, 5, 0.1, 2);
        const means = [...uniform(channels[0]!, 4)];
        const given = means.map((mean, c) => ({ mean, variance: variances[c]! }));
        return batchNorm(x, weight!, bias!, { eps: 1e-3, running: training ? undefined : given });
      },
      options: { running, training, eps: 1e-3 },
      samples: 12,
      step: 1e-3,
      gradient: { absolute: 1e-4 },
    });
  });

  test.each(unlessAll(onSoftware ? FEW_ACTIVATED : FEW_ACTIVATED.slice(0, 2), ACTIVATED))(
    'and $activation, $shape, training $training',
    ({ activation, shape, training }) => {
      const channels = [shape[1]!];
      return checkOp({
        inputs: [input(shape, 1), input(channels, 2, 0.5, 2), input(channels, 3, -1, 1)],
        op: (x, weight, bias) => {
          using mean = sg.tensor(uniform(channels[0]!, 4));
          using variance = sg.tensor(uniform(channels[0]!, 5, 0.5, 2));
          const options = { training, activation };
          return functional.batchNorm(x, mean, variance, weight, bias, options);
        },
        reference: (x, weight, bias) => {
          const variances = uniform(channels[0]!, 5, 0.5, 2);
          const means = [...uniform(channels[0]!, 4)];
          const given = means.map((mean, c) => ({ mean, variance: variances[c]! }));
          const running = training ? undefined : given;
          const { data } = batchNorm(x, weight!, bias!, { running });
          return { shape, data: data.map(ACTIVATIONS[activation]) };
        },
        options: { training, activation },
        samples: 12,
        step: activation === 'relu' ? 1e-5 : 1e-3, // a smaller one crosses fewer corners
        gradient: { absolute: 1e-4, relative: 2e-4 },
      });
    },
  );

  test.each([
    { name: 'some samples', shape: [9, 3, 7, 5], limit: 1024, momentum: 0.3 },
    { name: 'some channels of a sample', shape: [2, 7, 11, 13], limit: 1536, momentum: null },
  ])('in pieces, $name at a time', async ({ shape, limit, momentum }) => {
    const results = async (): Promise<number[][]> => {
      const channels = shape[1]!;
      const x = sg.tensor(input(shape, 1).data, { shape, requiresGrad: true });
      const weight = sg.tensor(uniform(channels, 2, 0.5, 2), { requiresGrad: true });
      const bias = sg.tensor(uniform(channels, 3), { requiresGrad: true });
      const [mean, variance] = [sg.zeros([channels]), sg.ones([channels])];
      const count = sg.zeros([], { dtype: 'i32' });
      const options = { training: true, activation: 'relu', momentum } as const;
      const y = functional.batchNorm(x, mean, variance, weight, bias, {
        ...options,
        numBatchesTracked: count,
      });
      y.retain();
      backward(y.clone());
      const tensors = [y, x.grad!, weight.grad!, bias.grad!, mean, variance, count];
      const got = await Promise.all(tensors.map(async (t) => Array.from(await t.data())));
      for (const t of [x, weight, bias, mean, variance, count, y]) t.dispose();
      return got;
    };
    const whole = await results();
    const pieces = await withBindingLimit(limit, results);
    whole.forEach((expected, i) => expectClose(pieces[i]!, expected, { absolute: 1e-5 }));
    expect(pieces.at(-1)).toEqual([1]);
  });

  test('takes two dispatches each way, and one for what needs no sums', () => {
    const { queue } = currentDevice();
    const counted = (fn: () => void): number => {
      const before = queue.dispatches;
      fn();
      return queue.dispatches - before;
    };
    for (const shape of [
      [256, 10],
      [16, 6, 28, 28],
    ]) {
      const channels = [shape[1]!];
      const x = sg.zeros(shape, { requiresGrad: true });
      const [weight, bias] = [sg.ones(channels), sg.zeros(channels)];
      const [mean, variance] = [sg.zeros(channels), sg.ones(channels)];
      const count = sg.zeros([], { dtype: 'i32' });
      const gradient = sg.ones(shape);
      for (const training of [true, false]) {
        let y!: sg.Tensor;
        const options = { training, numBatchesTracked: count, activation: 'relu' } as const;
        const forward = () => {
          y = functional.batchNorm(x, mean, variance, weight, bias, options);
        };
        expect(counted(forward)).toBe(training ? 2 : 1);
        x.grad?.dispose();
        x.grad = null;
        expect(counted(() => y.backward({ gradient }))).toBe(training ? 2 : 1);
        y.dispose();
      }
      for (const t of [x, weight, bias, mean, variance, count, gradient]) t.dispose();
    }
  });

  test('is sound where the mean is 1e4 and the variance 1e-4', async () => {
    const shape = [8, 3, 29, 31];
    const data = input(shape, 1, 1e4 - 0.0173, 1e4 + 0.0173).data;
    using x = sg.tensor(data, { shape });
    using mean = sg.zeros([3]);
    using variance = sg.ones([3]);
    using y = functional.batchNorm(x, mean, variance, null, null, {
      training: true,
      momentum: 1,
      eps: 1e-12,
    });
    const reference = { shape, data: Float64Array.from(data) };
    const moments = channelMoments(reference);
    expect(moments[0]!.variance).toBeCloseTo(1e-4, 5);
    const m = data.length / 3;
    expectClose(await y.data(), batchNorm(reference, null, null, { eps: 1e-12 }).data);
    expectClose(
      await mean.data(),
      moments.map((moment) => moment.mean),
      { relative: 1e-7 },
    );
    expectClose(
      await variance.data(),
      moments.map((moment) => (moment.variance * m) / (m - 1)),
      { absolute: 0, relative: 1e-5 },
    );
  });

  test('is sound where the means of batches lie far apart', async () => {
    const shape = [40, 2, 900];
    const { data } = input(shape, 1, -1e-3, 1e-3);
    for (let i = 0; i < data.length; i++) data[i]! += i < data.length / 40 ? 1e4 : -3;
    using x = sg.tensor(data, { shape });
    using y = functional.batchNorm(x, null, null, null, null, { training: true, eps: 0 });
    expectClose(
      await y.data(),
      batchNorm({ shape, data: Float64Array.from(data) }, null, null, { eps: 0 }).data,
    );
  });

  test('brings a constant channel to its bias', async () => {
    using x = sg.full([4, 2, 33], 0.1);
    using bias = sg.tensor([3, -1]);
    using y = functional.batchNorm(x, null, null, null, bias, { training: true });
    const expected = Array.from({ length: 264 }, (_, i) => (Math.floor(i / 33) % 2 ? -1 : 3));
    expectClose(await y.data(), expected, { absolute: 1e-4 });
  });

  test('a channel with NaN or Inf is NaN, and no other', async () => {
    using x = sg.tensor([
      [1, NaN, 1],
      [2, 3, 2],
      [3, 4, Infinity],
    ]);
    using mean = sg.zeros([3]);
    using variance = sg.ones([3]);
    using y = functional.batchNorm(x, mean, variance, null, null, { training: true, eps: 0 });
    const q = Math.sqrt(1.5);
    expectClose(await y.data(), [-q, NaN, NaN, 0, NaN, NaN, q, NaN, NaN]);
    expectClose(await variance.data(), [1, NaN, NaN]);
  });
});

describe('batchNorm without subgroups', () => {
  tuneFor('hardware');
  withoutSubgroups();
  test.each([{ shape: [2, 3, 31, 33] }, { shape: [5, 2, 70] }])('$shape', ({ shape }) =>
    checkTraining(shape),
  );
});

describe('batchNorm', () => {
  const gradientsOf = async (
    run: (x: sg.Tensor, weight: sg.Tensor, bias: sg.Tensor) => sg.Tensor,
    wanted: 'x' | 'weight' | 'bias',
  ): Promise<(Float32Array | null)[]> => {
    const make = (name: string, shape: number[], seed: number): sg.Tensor =>
      sg.tensor(input(shape, seed).data, { shape, requiresGrad: name === wanted });
    const tensors = [make('x', [3, 2, 5], 1), make('weight', [2], 2), make('bias', [2], 3)];
    const y = run(...(tensors as [sg.Tensor, sg.Tensor, sg.Tensor]));
    backward(y);
    const got = await Promise.all(
      tensors.map(async (t) => (t.grad ? Float32Array.from(await t.grad.data()) : null)),
    );
    for (const tensor of tensors) tensor.dispose();
    return got;
  };

  test.each(['x', 'weight', 'bias'] as const)('gives a gradient of %s alone', async (wanted) => {
    const at = ['x', 'weight', 'bias'].indexOf(wanted);
    for (const training of [true, false]) {
      const got = await gradientsOf((x, weight, bias) => {
        using mean = sg.zeros([2]);
        using variance = sg.ones([2]);
        return functional.batchNorm(x, mean, variance, weight, bias, { training });
      }, wanted);
      expect(got.map((gradient) => gradient !== null)).toEqual([0, 1, 2].map((i) => i === at));
      expect(got[at]!.some((slope) => Math.abs(slope) > 0.01)).toBe(true);
    }
  });

  test('without a weight or without a bias', () => {
    const x = input([4, 3, 5], 1);
    const parameter = input([3], 2);
    const common = { samples: 12, step: 1e-3, gradient: { absolute: 1e-4 } };
    const options = { training: true };
    return Promise.all([
      checkOp({
        ...common,
        inputs: [x, parameter],
        op: (x, weight) => functional.batchNorm(x, null, null, weight, null, options),
        reference: (x, weight) => batchNorm(x, weight!, null),
      }),
      checkOp({
        ...common,
        inputs: [x, parameter],
        op: (x, bias) => functional.batchNorm(x, null, null, null, bias, options),
        reference: (x, bias) => batchNorm(x, null, bias!),
      }),
    ]);
  });

  testHalf('takes a weight of f32 with x of f16', async () => {
    const shape = [4, 3, 65];
    const x = sg.tensor(input(shape, 1).data, { shape, dtype: 'f16', requiresGrad: true });
    const weight = sg.tensor([0.5, 1, 2], { requiresGrad: true });
    const bias = sg.tensor([1, -1, 0], { requiresGrad: true });
    const y = functional.batchNorm(x, null, null, weight, bias, { training: true }).retain();
    expect(y.dtype).toBe('f16');
    const data = Float64Array.from(await x.data());
    const reference = (of: { data: Float64Array }) => ({ shape: [3], data: of.data });
    const expected = batchNorm(
      { shape, data },
      reference({ data: Float64Array.of(0.5, 1, 2) }),
      reference({ data: Float64Array.of(1, -1, 0) }),
    );
    expectClose(await y.data(), expected.data, { norm: 1e-3 });
    backward(y);
    expect([x.grad!.dtype, weight.grad!.dtype, bias.grad!.dtype]).toEqual(['f16', 'f32', 'f32']);
    for (const tensor of [x, weight, bias]) tensor.dispose();
  });

  test('of no elements leaves the running statistics alone, and parameters without slope', async () => {
    using mean = sg.zeros([3]);
    using variance = sg.ones([3]);
    const weight = sg.ones([3], { requiresGrad: true });
    using x = sg.zeros([0, 3, 4]);
    const y = functional.batchNorm(x, mean, variance, weight, null, { training: true });
    expect(y.shape).toEqual([0, 3, 4]);
    backward(y);
    expect([...(await weight.grad!.data())]).toEqual([0, 0, 0]);
    expect([...(await mean.data()), ...(await variance.data())]).toEqual([0, 0, 0, 1, 1, 1]);
    weight.dispose();
  });

  test('refuses what does not fit', () => {
    const made: sg.Tensor[] = [];
    const zeros = (shape: number[], dtype: 'f32' | 'i32' = 'f32'): sg.Tensor => {
      const tensor = sg.zeros(shape, { dtype });
      made.push(tensor);
      return tensor;
    };
    const x = zeros([4, 3]);
    const three = zeros([3]);
    const two = zeros([2]);
    const training = { training: true };
    const { batchNorm } = functional;
    expect(() => batchNorm(zeros([4, 3], 'i32'), three, three)).toThrow(
      'batchNorm: expected x of f32 or f16, got i32',
    );
    expect(() => batchNorm(three, null, null, null, null, training)).toThrow(
      'batchNorm: expected x (N, C) or (N, C, ...), got (3,)',
    );
    expect(() => batchNorm(x, three, null)).toThrow(
      'batchNorm: expected runningVar with runningMean, got null',
    );
    expect(() => batchNorm(x, null, null)).toThrow(
      'batchNorm: expected runningMean and runningVar where it is not training, got null',
    );
    expect(() => batchNorm(x, two, three)).toThrow(
      'batchNorm: expected runningMean (3,), the channels of x, got (2,)',
    );
    expect(() => batchNorm(x, three, zeros([3], 'i32'))).toThrow(
      'batchNorm: expected runningVar of f32, got i32',
    );
    expect(() => batchNorm(x, three, three, two)).toThrow(
      'batchNorm: expected weight (3,), got (2,)',
    );
    expect(() => batchNorm(x, three, three, three, zeros([3], 'i32'))).toThrow(
      'batchNorm: expected bias of f32, got i32',
    );
    expect(() => batchNorm(zeros([1, 3, 1]), null, null, null, null, training)).toThrow(
      'batchNorm: expected more than 1 value per channel when training, got (1, 3, 1)',
    );
    expect(() =>
      batchNorm(x, three, three, null, null, { training: true, momentum: null }),
    ).toThrow('batchNorm: expected numBatchesTracked with momentum null, got null');
    for (const tensor of made) tensor.dispose();
  });
});
