import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import { alexnet, type Layer, type Weights } from '../reference/alexnet.js';
import { ALL, unlessAll, testAll } from '../support/extent.js';
import { keep } from '../support/keep.js';
import { withBindingLimit } from '../support/limits.js';
import { narrow, NARROWER } from '../support/narrow.js';
import { uniform } from '../support/random.js';
import { relativeError } from '../support/results.js';

const MIB = 2 ** 20;
const ENTRIES = 200; // of each parameter, whose gradient is compared
const LABEL = 7;

/** A layer without its numbers. */
type Plan =
  | Omit<Extract<Layer, { kind: 'conv' }>, 'weight' | 'bias'>
  | Exclude<Layer, { kind: 'conv' | 'linear' | 'mask' }>
  | { kind: 'linear' }
  | { kind: 'dropout'; size: number };

const conv = (outC: number, size: number, padding = 0, groups = 1, stride = 1): Plan => ({
  kind: 'conv',
  ...{ outC, size, stride, padding, groups },
});
const relu: Plan = { kind: 'relu' };
const pool: Plan = { kind: 'maxPool', size: 3, stride: 2 };
const lrn: Plan = { kind: 'lrn', size: 5, alpha: 1e-4, beta: 0.75, k: 2 };
const linear: Plan = { kind: 'linear' };
const dropout = (size: number): Plan => ({ kind: 'dropout', size });

/** Written down from the sources, not from the models. */
const FORMS: {
  variant: NonNullable<sg.models.AlexNetOptions['variant']>;
  input: [number, number, number];
  parameters: number;
  plan: Plan[];
}[] = [
  {
    variant: 'torchvision',
    input: [3, 224, 224],
    parameters: 61_100_840,
    plan: [
      ...[conv(64, 11, 2, 1, 4), relu, pool, conv(192, 5, 2), relu, pool],
      ...[conv(384, 3, 1), relu, conv(256, 3, 1), relu, conv(256, 3, 1), relu, pool],
      ...[dropout(9216), linear, relu, dropout(4096), linear, relu, linear],
    ],
  },
  {
    variant: '2012',
    input: [3, 227, 227],
    parameters: 60_965_224,
    plan: [
      ...[conv(96, 11, 0, 1, 4), relu, lrn, pool, conv(256, 5, 2, 2), relu, lrn, pool],
      ...[conv(384, 3, 1), relu, conv(384, 3, 1, 2), relu, conv(256, 3, 1, 2), relu, pool],
      ...[linear, relu, dropout(4096), linear, relu, dropout(4096), linear],
    ],
  },
  {
    variant: 'd2l',
    input: [1, 227, 227],
    parameters: 58_299_082,
    plan: [
      ...[conv(96, 11, 0, 1, 4), relu, pool, conv(256, 5, 2), relu, pool],
      ...[conv(384, 3, 1), relu, conv(384, 3, 1), relu, conv(256, 3, 1), relu, pool],
      ...[linear, relu, dropout(4096), linear, relu, dropout(4096), linear],
    ],
  },
];

async function weightsOf(parameter: sg.Tensor): Promise<Weights> {
  // Odd, or all would be of one column.
  const every = Math.floor(parameter.numel / ENTRIES) | 1;
  const count = Math.ceil(parameter.numel / every);
  const entries = Array.from({ length: count }, (_, i) => i * every);
  return { values: await parameter.data(), entries };
}

/** The plan with the model's parameters, and with the masks that dropout will draw after `seed`. */
async function layersOf(
  plan: readonly Plan[],
  parameters: readonly sg.Tensor[],
  seed: number,
): Promise<Layer[]> {
  sg.manualSeed(seed);
  const left = [...parameters];
  const layers: Layer[] = [];
  for (const layer of plan) {
    if (layer.kind === 'conv' || layer.kind === 'linear') {
      const weight = await weightsOf(left.shift()!);
      layers.push({ ...layer, weight, bias: await weightsOf(left.shift()!) });
    } else if (layer.kind === 'dropout') {
      using ones = sg.ones([1, layer.size]);
      using mask = sg.nn.functional.dropout(ones, 0.5);
      layers.push({ kind: 'mask', factors: await mask.data() });
    } else layers.push({ ...layer });
  }
  expect(left).toEqual([]);
  return layers;
}

/**
 * Gives ReLUs and pools what they saw on the GPU: where two numbers differ by rounding alone, f32
 * and float64 decide for different elements, and either gradient is right.
 */
async function lookInto(layers: Layer[], model: sg.models.AlexNet, x: sg.Tensor): Promise<void> {
  const steps = sg.noGrad(() => {
    const made: { input: sg.Tensor; output: sg.Tensor }[] = [];
    let input = x;
    for (const module of [...model.features, new sg.nn.Flatten(), ...model.classifier]) {
      const output = module.forward(input);
      const counts = !(module instanceof sg.nn.Flatten);
      if (counts && !(module instanceof sg.nn.AdaptiveAvgPool2d)) made.push({ input, output });
      input = output;
    }
    return made;
  });
  expect(steps.length).toBe(layers.length);
  for (const [i, layer] of layers.entries()) {
    if (layer.kind === 'relu') layer.seen = await steps[i]!.output.data();
    if (layer.kind === 'maxPool') layer.seen = await steps[i]!.input.data();
  }
  for (const { input, output } of steps)
    for (const one of [input, output]) if (one !== x) one.dispose();
}

/** A step of a network with the layers of a form, against the float64 reference. */
async function checkStep(
  model: sg.models.AlexNet,
  plan: readonly Plan[],
  input: readonly [number, number, number],
): Promise<void> {
  // As initialized, some layers give nearly the same everywhere, and then rounding decides which
  // element of a window is the largest.
  for (const [key, parameter] of model.namedParameters()) {
    if (key.endsWith('weight')) sg.nn.init.kaimingNormal_(parameter);
    else sg.nn.init.uniform_(parameter, -0.1, 0.1);
  }
  expect(model.parameters()).toHaveLength(16);
  const [c, size] = input;
  const image = uniform(c * size * size, 2);
  const x = keep(sg.tensor(image, { shape: [1, ...input] }));
  const y = keep(sg.tensor([LABEL], { dtype: 'i32' }));
  const layers = await layersOf(plan, model.parameters(), 3);
  sg.manualSeed(3);
  await lookInto(layers, model, x);

  sg.manualSeed(3);
  const logits = keep(model.forward(x));
  const loss = keep(sg.nn.functional.crossEntropy(logits, y));
  loss.backward();

  const expected = alexnet(layers, { c, size, data: image }, LABEL);
  expect(relativeError(await logits.data(), expected.logits), 'logits').toBeLessThan(1e-5);
  expect(Math.abs((await loss.item()) / expected.loss - 1), 'loss').toBeLessThan(1e-5);
  const keys = [...model.namedParameters()].map(([key]) => key);
  const gradients = expected.gradients.flatMap(({ weight, bias }) => [weight, bias]);
  for (const [i, parameter] of model.parameters().entries()) {
    const layer = layers.filter((one) => 'weight' in one)[i >> 1] as {
      weight: Weights;
      bias: Weights;
    };
    const { entries } = i % 2 === 0 ? layer.weight : layer.bias;
    const gradient = await parameter.grad!.data();
    const got = entries.map((at) => gradient[at]!);
    expect(
      gradients[i]!.some((slope) => slope !== 0),
      `${keys[i]}: some slope`,
    ).toBe(true);
    expect(relativeError(got, gradients[i]!), keys[i]).toBeLessThan(1e-4);
  }
}

/** The plan of a network that is narrower. */
const narrowPlan = (plan: readonly Plan[]): Plan[] =>
  plan.map((layer) => {
    if (layer.kind === 'conv') return { ...layer, outC: layer.outC / NARROWER };
    return layer.kind === 'dropout' ? { ...layer, size: layer.size / NARROWER } : layer;
  });

test.each(FORMS)(
  'AlexNet, $variant: has the number of parameters of its source',
  ({ variant, parameters }) => {
    const made = sg.meta(() => new sg.models.AlexNet({ variant }).parameters());
    expect(made.reduce((sum, { numel }) => sum + numel, 0)).toBe(parameters);
  },
);

// The paper's form has the layers of the others, groups and local response norm.
const STEPPING = unlessAll(
  FORMS.filter(({ variant }) => variant === '2012'),
  FORMS,
);

describe.each(STEPPING)('AlexNet, $variant', ({ variant, input, plan }) => {
  const make = (): sg.models.AlexNet => new sg.models.AlexNet({ variant });

  // The first dense weight has 2.4 MB, which is more than a binding holds, as below.
  test('an eighth as wide, a training step equals the float64 reference', () =>
    withBindingLimit((128 * MIB) / NARROWER ** 2, () => {
      sg.manualSeed(1);
      return checkStep(keep(narrow(make)), narrowPlan(plan), input);
    }));

  // Bindings of 128 MiB, as on every adapter by default: the first dense weight has 151 MB.
  if (ALL)
    test('a training step equals the float64 reference, with bindings of 128 MiB', () =>
      withBindingLimit(128 * MIB, () => {
        sg.manualSeed(1);
        return checkStep(keep(make()), plan, input);
      }));
});

test("AlexNet has torchvision's state-dict keys", () => {
  const model = sg.meta(() => new sg.models.AlexNet());
  expect(Object.keys(model.stateDict())).toEqual(
    ['features.0', 'features.3', 'features.6', 'features.8', 'features.10']
      .concat(['classifier.1', 'classifier.4', 'classifier.6'])
      .flatMap((layer) => [`${layer}.weight`, `${layer}.bias`]),
  );
});

test('AlexNet takes other sizes of images, and other numbers of classes and channels', () => {
  const options = { numClasses: 5, inChannels: 1, dropout: 0 };
  const model = sg.meta(() => new sg.models.AlexNet(options));
  expect(model.summary([2, 1, 63, 63]).rows.at(-1)!.outputShape).toEqual([2, 5]);
  expect(model.summary([2, 1, 300, 280]).rows.at(-1)!.outputShape).toEqual([2, 5]);
});

testAll('the 2012 form starts as the paper says: N(0, 0.01), and biases of 1 or 0', async () => {
  sg.manualSeed(8);
  const model = keep(new sg.models.AlexNet({ variant: '2012' }));
  const parameters = model.namedParameters();
  const biases = parameters.filter(([key]) => key.endsWith('bias'));
  const weights = parameters.filter(([key]) => key.endsWith('weight'));
  const { ends, spreads } = sg.noGrad(() => ({
    ends: biases.flatMap(([, bias]) => [keep(bias.min()), keep(bias.max())]),
    spreads: weights.flatMap(([, weight]) => {
      const some = keep(weight.slice(0, 0, 96)); // of up to 4096 rows
      return [some.mean(), keep(some.square()).mean(), keep(some.abs()).max()].map(keep);
    }),
  }));
  const [endValues, spreadValues] = await Promise.all(
    [ends, spreads].map((scalars) => Promise.all(scalars.map((scalar) => scalar.item()))),
  );
  expect(endValues).toEqual([0, 1, 0, 1, 1, 1, 1, 0].flatMap((value) => [value, value]));
  for (const [i, [key]] of weights.entries()) {
    const [mean, meanSquare, most] = spreadValues!.slice(3 * i, 3 * i + 3);
    expect(Math.abs(mean!), key).toBeLessThan(2e-4);
    expect(Math.abs(Math.sqrt(meanSquare!) / 0.01 - 1), key).toBeLessThan(0.01);
    expect(most, key).toBeGreaterThan(0.035); // unlike a uniform distribution
  }
});

test('AlexNet refuses a variant that it does not know', () => {
  expect(() => new sg.models.AlexNet({ variant: 'vgg' as '2012' })).toThrow(
    "AlexNet: expected a variant of 'torchvision', '2012', 'd2l', got 'vgg'",
  );
});

describe('alexNetCifar', () => {
  test('has the tutorials’ L2 penalty on its five kernels', () => {
    const model = sg.meta(() => sg.models.alexNetCifar());
    const regularizers = sg.models.alexNetCifarRegularizers(model);
    const kernels = regularizers.flatMap((regularizer) => regularizer.parameters(model));
    expect(kernels.map(({ shape }) => shape)).toEqual([
      [64, 3, 5, 5],
      [192, 64, 5, 5],
      [384, 192, 3, 3],
      [256, 384, 3, 3],
      [256, 256, 3, 3],
    ]);
    expect(regularizers.map(({ factor }) => factor)).toEqual([0.0005]);
  });

  test('has 7,711,050 numbers, of which 7,708,746 are learnt', () => {
    const model = sg.meta(() => sg.models.alexNetCifar());
    const learnt = model.parameters().reduce((sum, { numel }) => sum + numel, 0);
    expect(learnt).toBe(7_708_746);
    const running = Object.entries(model.stateDict()).filter(([key]) => key.includes('running_'));
    expect(learnt + running.reduce((sum, [, { numel }]) => sum + numel, 0)).toBe(7_711_050);
  });

  // Its logits are in architectures.test.ts, and a smaller network learns in train/trajectory.test.ts.
  if (ALL)
    test('overfits 64 images, ten patterns under noise', { timeout: 400_000 }, async () => {
      sg.manualSeed(4);
      const model = keep(sg.models.alexNetCifar({ dropout: 0 }));
      const optimizer = keep(new sg.optim.Adam(model.parameters(), { lr: 2e-4 }));
      const size = 3 * 32 * 32;
      const labels = Int32Array.from({ length: 64 }, (_, i) => (i * 7) % 10);
      const patterns = uniform(10 * size, 6, -0.5, 0.5);
      const images = uniform(64 * size, 5, -0.5, 0.5).map(
        (noise, i) => noise + patterns[labels[Math.floor(i / size)]! * size + (i % size)]!,
      );
      const x = keep(sg.tensor(images, { shape: [64, 3, 32, 32] }));
      const y = keep(sg.tensor(labels));
      const reads: Promise<number>[] = [];
      for (let step = 0; step < 16; step++) {
        const [from, to] = [8 * (step % 8), 8 * (step % 8) + 8];
        const logits = keep(model.forward(keep(x.slice(0, from, to))));
        const loss = keep(sg.nn.functional.crossEntropy(logits, keep(y.slice(0, from, to))));
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();
        reads.push(loss.item());
      }
      const losses = await Promise.all(reads);
      expect(losses[0]).toBeGreaterThan(2);
      expect(Math.max(...losses.slice(-8))).toBeLessThan(0.5);
    });
});
