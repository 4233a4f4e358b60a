import fc from 'fast-check';
import * as sg from 'shadegrad';
import { expect } from 'vitest';
import { numelOf } from '../../src/gpu/dtype.js';
import { fill, property } from '../support/arbitraries.js';

const { nn } = sg;
const F = nn.functional;

interface Layer {
  forward: (x: sg.Tensor) => sg.Tensor;
  /** What has its parameters, if there are any. */
  module?: sg.nn.Module;
}

/** A layer of an input of `shape`; `n` is a number from 0 to 5 to choose options by. Null if none fits. */
type Make = (shape: readonly number[], n: number) => Layer | null;

const plain = (forward: (x: sg.Tensor) => sg.Tensor): Layer => ({ forward });

const ofModule = (module: sg.nn.Module & { forward(x: sg.Tensor): sg.Tensor }): Layer => ({
  forward: (x) => module.forward(x),
  module,
});

/** For images (N, C, H, W). */
const image =
  (make: Make): Make =>
  (shape, n) =>
    shape.length === 4 ? make(shape, n) : null;

const LAYERS: Record<string, Make> = {
  tanh: () => plain((x) => x.tanh()),
  sigmoid: () => plain((x) => x.sigmoid()),
  gelu: (_, n) => plain((x) => x.gelu({ approximate: n % 2 ? 'tanh' : 'none' })),
  silu: () => plain((x) => x.silu()),
  softplus: () => plain((x) => x.softplus()),
  residual: () => plain((x) => x.add(x.tanh())),
  linear: (shape, n) => ofModule(new nn.Linear(shape.at(-1)!, n + 2, { bias: n % 2 === 0 })),
  flatten: (shape) => (shape.length > 2 ? plain((x) => x.flatten(1)) : null),
  transpose: (shape) => (shape.length > 2 ? plain((x) => x.transpose(-1, -2)) : null),
  softmax: (shape, n) => plain((x) => x.softmax(n % shape.length)),
  logSoftmax: (shape, n) => plain((x) => x.logSoftmax(n % shape.length).mul(0.5)),
  cumsum: (shape, n) => plain((x) => x.mul(0.5).cumsum(n % shape.length)),
  dropout: () => plain((x) => F.dropout(x, 0.3)),
  double: (_, n) => plain((x) => sg.cat([x, x.sin()], n % 2).mul(0.7)),
  layerNorm: (shape) => {
    const normalized = shape.slice(1);
    return numelOf(normalized) >= 4 ? ofModule(new nn.LayerNorm(normalized, { eps: 0.1 })) : null;
  },
  batchNorm: (shape) => {
    if (shape.length === 3 || numelOf(shape) / shape[1]! < 4) return null;
    const options = { eps: 0.1, trackRunningStats: false };
    return ofModule(
      shape.length === 4
        ? new nn.BatchNorm2d(shape[1]!, options)
        : new nn.BatchNorm1d(shape[1]!, options),
    );
  },
  conv2d: image(([, c], n) =>
    ofModule(new nn.Conv2d(c!, 2 + n, 3, { padding: 1, stride: 1 + (n % 2) })),
  ),
  depthwise: image(([, c], n) =>
    ofModule(new nn.Conv2d(c!, c! * (1 + (n % 2)), [1 + (n % 3), 1], { padding: 1, groups: c })),
  ),
  convTranspose2d: image(([, c, h, w], n) =>
    h! * w! > 36
      ? null
      : ofModule(new nn.ConvTranspose2d(c!, 1 + n, 2, { stride: 1 + (n % 2), bias: n > 2 })),
  ),
  avgPool2d: image(([, , h, w], n) =>
    Math.min(h!, w!) < 2 ? null : plain((x) => F.avgPool2d(x, 2, { ceilMode: n % 2 === 0 })),
  ),
  adaptiveAvgPool2d: image((_, n) => plain((x) => F.adaptiveAvgPool2d(x, [1 + (n % 3), 2]))),
  localResponseNorm: image((_, n) => plain((x) => F.localResponseNorm(x, 1 + n, { alpha: 0.5 }))),
  pad: image((_, n) => plain((x) => F.pad(x, [1, 0, 0, n % 2], { mode: 'replicate' }))),
};

/** Those with kinks come first, where no value is near another one, nor near 0. */
const FIRST: Record<string, (x: sg.Tensor) => sg.Tensor> = {
  none: (x) => x,
  relu: (x) => x.relu(),
  abs: (x) => x.abs(),
  maxPool2d: (x) => F.maxPool2d(x, 2, { stride: 1, padding: 1 }),
  max: (x) => x.sub(x.max(1, true)),
  sort: (x) => x.sort(1)[0],
};

property(
  'the gradients of random networks are those of differences',
  fc.record({
    shape: fc.tuple(
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 7 }),
      fc.integer({ min: 1, max: 7 }),
    ),
    first: fc.constantFrom(...Object.keys(FIRST)),
    layers: fc.array(fc.record({ name: fc.constantFrom(...Object.keys(LAYERS)), n: fc.nat(5) }), {
      minLength: 1,
      maxLength: 6,
    }),
    seed: fc.nat(99),
  }),
  async ({ shape, first, layers, seed }) => {
    sg.manualSeed(seed);
    const x = sg.tensor(
      fill(shape, { kind: 'distinct', seed }).map((value) => value / 2),
      { shape, requiresGrad: true },
    );
    const chain: Layer[] = [];
    try {
      await checkChain(x, FIRST[first]!, layers, chain);
    } finally {
      for (const { module } of chain) module?.dispose();
    }
  },
  14,
  5,
);

/** Makes the layers that fit, in `chain`, and checks all their gradients. */
async function checkChain(
  x: sg.Tensor,
  first: (x: sg.Tensor) => sg.Tensor,
  layers: readonly { name: string; n: number }[],
  chain: Layer[],
): Promise<void> {
  let { shape } = first(x);
  for (const { name, n } of layers) {
    const layer = numelOf(shape) > 500 ? null : LAYERS[name]!(shape, n);
    if (!layer) continue;
    chain.push(layer);
    ({ shape } = layer.forward(sg.zeros(shape)));
  }
  // Of outputs each with a weight of its own.
  const weights = sg.randn(shape).mul(1 / Math.sqrt(numelOf(shape)));
  const parameters = chain.flatMap(({ module }) => [...(module?.parameters() ?? [])]);
  const run = (x: sg.Tensor): sg.Tensor =>
    chain
      .reduce((h, layer) => layer.forward(h), first(x))
      .mul(weights)
      .sum();
  const { inputs } = await sg.autograd.gradcheck(run, [x, ...parameters], {
    samples: 4,
    atol: 3e-3,
    rtol: 2e-2,
  });
  expect(inputs.length).toBe(1 + parameters.length);
}
