/**
 * Every kernel with every set of flags that the tables choose on any class of adapter, compiled once
 * by the compiler of this runtime. The kernels are met in dry runs: of what there are PyTorch's values
 * for, of a training step of every network, and of what else has kernels.
 */
import * as sg from 'shadegrad';
import { beforeAll, expect, test } from 'vitest';
import { inspect } from '../../src/autograd/kernels/finite.js';
import type { AdapterClass } from '../../src/gpu/adapterClass.js';
import { currentDevice } from '../../src/gpu/device.js';
import { copy, multiplyAdd, nothing } from '../../src/gpu/roofline.js';
import type { PipelineSpec } from '../../src/gpu/pipelineCache.js';
import { Tally } from '../../src/train/tally.js';
import type { Case } from '../golden/cases.js';
import { families } from '../golden/check.js';
import { FUNCTIONS } from '../golden/functions.js';
import { testAll } from '../support/extent.js';
import { setSubgroupMatrices } from '../support/tuning.js';

const sources = import.meta.glob<string>('../../shaders/*.wgsl', {
  eager: true,
  import: 'default',
});

/** Adapters that choose other kernels than each other. */
const ADAPTERS: { adapterClass: AdapterClass; software: boolean; hasSubgroups: boolean }[] = [
  { adapterClass: 'software', software: true, hasSubgroups: true },
  { adapterClass: 'lavapipe', software: true, hasSubgroups: true },
  { adapterClass: 'nvidia', software: false, hasSubgroups: true },
  { adapterClass: 'unknown', software: false, hasSubgroups: false },
];

/** Forward and backward of a golden case, without values. */
function dryCase({ op, options, inputs, dys, gradients }: Case): void {
  const tensors = Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, data }]) => [
      name,
      sg.tensor(data, { shape, requiresGrad: name in gradients }),
    ]),
  );
  const results = [FUNCTIONS[op]!(tensors, options)].flat();
  const losses = [...dys.keys()].map((i) => results[i]!.sum());
  if (losses.length > 0) losses.reduce((sum, loss) => sum.add(loss)).backward();
}

/** A training step and a prediction of a network. */
function dryStep(name: string, options: object, batch: number): void {
  const model = sg.models.create(name, options);
  const x = sg.zeros([batch, ...sg.models.inputShapeOf(name, options)]);
  const logits = model.forward(x);
  const y = sg.zeros([batch], { dtype: 'i32' });
  new sg.nn.CrossEntropyLoss().forward(logits, y).backward();
  sg.nn.utils.clipGradNorm_(model.parameters(), 1);
  sg.nn.utils.clipGradValue_(model.parameters(), 1);
  new sg.optim.Adam(model.parameters()).step();
  sg.noGrad(() => model.eval().forward(x));
}

const WORK: (() => void)[] = [
  ...families.flatMap(({ cases }) => cases.map((one) => () => dryCase(one))),
  ...sg.models.names.flatMap((name) => [1, 64].map((batch) => () => dryStep(name, {}, batch))),
  dryStatistics,
  dryImages,
  () => {
    const x = sg.randint(0, 5, [2, 3, 32, 32]).to('f32');
    const y = sg.nn.functional.adaptiveMaxPool2d(new sg.nn.PReLU(3).forward(x), 1);
    y.add(y).sum().backward();
  },
  () => {
    const array = sg.zeros([64]).array;
    inspect(array, sg.zeros([4], { dtype: 'u32' }).array, 0);
    multiplyAdd(array, 4);
    copy(array, array.copy());
    nothing(array);
  },
  () => {
    const matrix = { m: 8, n: 8, k: 8, component: 'f32', result: 'f32' } as const;
    const { choices } = currentDevice();
    const restore = setSubgroupMatrices(currentDevice(), [matrix], 64);
    choices.forced.set('matmul', 'subgroupMatrix');
    sg.zeros([64, 64]).matmul(sg.zeros([64, 64]));
    choices.forced.clear();
    restore();
  },
];

/** What is counted of predictions, and what optimizers do. */
function dryStatistics(): void {
  const logits = sg.zeros([20_000, 2], { requiresGrad: true });
  const target = sg.zeros([20_000], { dtype: 'i32' });
  const loss = sg.nn.functional.crossEntropy(logits, target);
  new Tally().add(loss, logits, target);
  for (const metric of [new sg.train.TopKAccuracy(2), new sg.train.F1Score()])
    metric.start().add(logits, target);
  const scaler = new sg.optim.GradScaler();
  scaler.scale(loss).backward();
  logits.square().sum().backward(); // adds to the gradient that is there
  const { Adam, AdamW, RMSprop, SGD } = sg.optim;
  const optimizers = [
    ...[new Adam([logits]), new Adam([logits], { amsgrad: true, weightDecay: 1 })],
    ...[new AdamW([logits]), new RMSprop([logits], { momentum: 0.9, centered: true })],
    ...[new SGD([logits], { lr: 1 }), new SGD([logits], { lr: 1, momentum: 0.9, nesterov: true })],
  ];
  for (const optimizer of optimizers) optimizer.step();
  scaler.unscale_(optimizers[0]!);
}

/** Batches of images, with all that may be done to them. */
function dryImages(): void {
  const { ImageDataset, transforms } = sg.data;
  const all = [
    transforms.resize(9),
    transforms.randomCrop({ padding: 1 }),
    transforms.randomHorizontalFlip(),
    transforms.colorJitter({ brightness: 0.1, contrast: 0.1, saturation: 0.1 }),
    transforms.lighting({ std: 0.1 }),
    transforms.cutout(2),
  ];
  for (const chosen of [[], all]) {
    const dataset = new ImageDataset({
      ...{ images: new Uint8Array(4 * 3 * 8 * 8), labels: new Uint8Array(4) },
      ...{ imageShape: [3, 8, 8] as const, classNames: ['one'], transforms: chosen },
    });
    new sg.data.DataLoader(dataset, { batchSize: 4 }).sample();
    transforms.apply(sg.zeros([2, 3, 8, 8]), chosen);
  }
}

/** By shader, entry point and flags; what only tunes is as it was met first. */
function pipelines(): Map<string, PipelineSpec> {
  const met = new Map<string, PipelineSpec>();
  for (const adapter of ADAPTERS) {
    for (const work of WORK) {
      for (const spec of withAdapter(adapter, () => currentDevice().dryRun(work))) {
        const { shader, entry, flags, inputs, outputs } = spec;
        const on = shader.flags.filter((flag) => flags[flag]);
        const key = [`${shader.name}.${entry}`, ...on, inputs, outputs].join(' ');
        if (!met.has(key)) met.set(key, spec);
      }
    }
  }
  return met;
}

function withAdapter<T>(adapter: (typeof ADAPTERS)[number], fn: () => T): T {
  const device = currentDevice();
  const { adapterClass, hasSubgroups, info } = device;
  const { software } = info;
  const set = (to: typeof adapter): void => {
    Object.assign(device, { adapterClass: to.adapterClass, hasSubgroups: to.hasSubgroups });
    info.software = to.software;
  };
  set(adapter);
  try {
    return fn();
  } finally {
    set({ adapterClass, software, hasSubgroups });
  }
}

let met: Map<string, PipelineSpec>;
beforeAll(() => {
  met = pipelines();
});

test('each kernel is met', () => {
  const kernels = Object.entries(sources).flatMap(([file, text]) =>
    [...text.matchAll(/@compute[^\n]*\n(?:#[^\n]*\n)*\s*fn (\w+)/g)].map(
      ([, entry]) => `${file.replace(/^.*\/|\.wgsl$/g, '')}.${entry}`,
    ),
  );
  expect(kernels.length).toBeGreaterThan(80);
  const seen = new Set([...met.values()].map(({ shader, entry }) => `${shader.name}.${entry}`));
  expect(kernels.filter((one) => !seen.has(one))).toEqual([]);
});

test('each file compiles with every set of flags', async () => {
  const { gpu } = currentDevice();
  const texts = new Map<string, string>();
  for (const { shader, flags } of met.values()) {
    const on = shader.flags.filter((flag) => flags[flag]);
    texts.set(`${shader.name} ${on.join(' ')}`, shader.assemble(flags));
  }
  expect(texts.size).toBeGreaterThan(400);
  const complaints: string[] = [];
  gpu.pushErrorScope('validation');
  await Promise.all(
    [...texts].map(async ([label, code]) => {
      const { messages } = await gpu.createShaderModule({ label, code }).getCompilationInfo();
      const errors = messages.filter(({ type }) => type === 'error');
      for (const { message } of errors) complaints.push(`${label}: ${message}`);
    }),
  );
  expect((await gpu.popErrorScope())?.message).toBeUndefined();
  expect(complaints).toEqual([]);
});

// The driver's part takes minutes.
testAll(
  'each makes a pipeline',
  async () => {
    const count = await currentDevice().pipelines.warmUp(met.values());
    expect(count).toBeGreaterThan(0);
  },
  1_200_000,
);
