import fc from 'fast-check';
import * as sg from 'shadegrad';
import { expect } from 'vitest';
import { sigmoid } from '../reference/activations.js';
import { conv2d } from '../reference/conv2d.js';
import { convTranspose2d } from '../reference/convTranspose2d.js';
import { fill, input, numbers, property, type Numbers } from '../support/arbitraries.js';
import { checkOp } from '../support/checkOp.js';

const F = sg.nn.functional;

type Two = readonly [height: number, width: number];

interface Convolution {
  n: number;
  groups: number;
  inPerGroup: number;
  outPerGroup: number;
  size: Two;
  kernel: Two;
  stride: Two;
  dilation: Two;
  padding: Two | 'same';
  bias: boolean;
  x: Numbers;
}

const pair = (min: number, max: number): fc.Arbitrary<Two> =>
  fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }));

const geometries = (padding: fc.Arbitrary<Two | 'same'>): fc.Arbitrary<Convolution> =>
  fc.record({
    n: fc.integer({ min: 1, max: 3 }),
    groups: fc.integer({ min: 1, max: 3 }),
    inPerGroup: fc.integer({ min: 1, max: 5 }),
    outPerGroup: fc.integer({ min: 1, max: 9 }),
    size: pair(1, 13),
    kernel: fc.oneof(pair(1, 3), pair(1, 5)),
    stride: fc.oneof(fc.constant<Two>([1, 1]), pair(1, 4)),
    dilation: fc.oneof(fc.constant<Two>([1, 1]), pair(1, 3)),
    padding,
    bias: fc.boolean(),
    x: numbers('plain', 'ties', 'outliers'),
  });

/** How much of x a window covers, in one dimension. */
const extent = ({ kernel, dilation }: Convolution, d: 0 | 1): number =>
  dilation[d] * (kernel[d] - 1) + 1;

const shapesOf = ({ n, groups, inPerGroup, outPerGroup, size, kernel }: Convolution) => ({
  x: [n, groups * inPerGroup, ...size],
  weight: [groups * outPerGroup, inPerGroup, ...kernel],
  bias: [groups * outPerGroup],
});

const inputsOf = (c: Convolution, shapes: { x: number[]; weight: number[]; bias: number[] }) => [
  input(shapes.x, c.x),
  input(shapes.weight, { kind: 'plain', seed: c.x.seed }, 1),
  ...(c.bias ? [input(shapes.bias, { kind: 'plain', seed: c.x.seed }, 2)] : []),
];

/** Linear in each input: a difference is right at any step. */
const LINEAR = { step: 0.5, samples: 6, random: true } as const;

const f16 = ({ x }: Convolution): false | undefined => (x.kind === 'outliers' ? false : undefined);

const ACTIVATIONS = {
  relu: (x: number): number => Math.max(x, 0),
  sigmoid,
  tanh: Math.tanh,
};

const convolutions = geometries(fc.oneof(pair(0, 4), fc.constant('same' as const)))
  // 'same' is for stride 1.
  .map((c): Convolution => (c.padding === 'same' ? { ...c, stride: [1, 1] } : c))
  .filter(
    (c) =>
      c.padding === 'same' ||
      ([0, 1] as const).every((d) => extent(c, d) <= c.size[d] + 2 * (c.padding[d] as number)),
  );

/** The padding in full: before and after. */
function paddings(c: Convolution): { padding: Two; paddingEnd: Two } {
  if (c.padding !== 'same') return { padding: c.padding, paddingEnd: c.padding };
  const total = [extent(c, 0) - 1, extent(c, 1) - 1] as const;
  return {
    padding: [Math.floor(total[0] / 2), Math.floor(total[1] / 2)],
    paddingEnd: [Math.ceil(total[0] / 2), Math.ceil(total[1] / 2)],
  };
}

property(
  'conv2d of any geometry has the values and gradients of the reference',
  convolutions,
  (c) => {
    const { stride, dilation, groups, padding } = c;
    const same = { stride, dilation, groups, ...paddings(c) };
    return checkOp({
      inputs: inputsOf(c, shapesOf(c)),
      op: (x, weight, bias) => F.conv2d(x, weight!, bias, { stride, dilation, groups, padding }),
      reference: (x, weight, bias) => conv2d(x, weight!, bias, same),
      ...LINEAR,
      f16: f16(c),
    });
  },
  22,
  4,
);

property(
  'an activation in conv2d is the one after it',
  fc.record({
    c: convolutions.map((c): Convolution => ({ ...c, x: { kind: 'plain', seed: c.x.seed } })),
    activation: fc.constantFrom('relu' as const, 'sigmoid' as const, 'tanh' as const),
  }),
  ({ c, activation }) => {
    const { stride, dilation, groups, padding } = c;
    const f = ACTIVATIONS[activation];
    const same = { stride, dilation, groups, ...paddings(c) };
    const inputs = inputsOf(c, shapesOf(c));
    // A step of the check may cross the kink of relu, whose gradients are those of the next test.
    const grad = activation !== 'relu';
    return checkOp({
      inputs: inputs.map((one) => ({
        ...one,
        data: one.data.map((value) => value / 4) as Float32Array,
        grad,
      })),
      op: (x, weight, bias) =>
        F.conv2d(x, weight!, bias, { stride, dilation, groups, padding, activation }),
      reference: (x, weight, bias) => {
        const y = conv2d(x, weight!, bias, same);
        return { shape: y.shape, data: y.data.map(f) };
      },
      ...LINEAR,
      step: 1e-3,
    });
  },
  10,
  2,
);

property(
  'the gradients of conv2d with relu are those of conv2d, then relu',
  convolutions,
  async (c) => {
    const { stride, dilation, groups, padding } = c;
    const inputs = inputsOf(c, shapesOf(c));
    const run = async (fused: boolean): Promise<Float32Array[]> => {
      const tensors = inputs.map(({ shape, data }) =>
        sg.tensor(data, { shape, requiresGrad: true }),
      );
      const [x, weight, bias] = tensors;
      const activation = fused ? 'relu' : undefined;
      const y = F.conv2d(x!, weight!, bias, { stride, dilation, groups, padding, activation });
      (fused ? y : y.relu()).square().sum().backward();
      return Promise.all(tensors.map(async (t) => Float32Array.from(await t.grad!.data())));
    };
    expect(await run(true)).toEqual(await run(false));
  },
  12,
  2,
);

interface Transposed {
  c: Convolution;
  outputPadding: Two;
}

const transposed: fc.Arbitrary<Transposed> = fc
  .record({ c: geometries(pair(0, 3)), outputPadding: pair(0, 3) })
  .map(({ c, outputPadding }) => ({
    c,
    outputPadding: [0, 1].map((d) =>
      Math.min(outputPadding[d]!, Math.max(c.stride[d]!, c.dilation[d]!) - 1),
    ) as unknown as Two,
  }))
  .filter(({ c, outputPadding }) =>
    ([0, 1] as const).every(
      (d) =>
        (c.size[d] - 1) * c.stride[d] -
          2 * (c.padding[d] as number) +
          extent(c, d) +
          outputPadding[d] >
        0,
    ),
  );

/** The weight has the input's channels first. */
const transposedShapes = ({ n, groups, inPerGroup, outPerGroup, size, kernel }: Convolution) => ({
  x: [n, groups * inPerGroup, ...size],
  weight: [groups * inPerGroup, outPerGroup, ...kernel],
  bias: [groups * outPerGroup],
});

property(
  'convTranspose2d of any geometry has the values and gradients of the reference',
  transposed,
  ({ c, outputPadding }) => {
    const { stride, dilation, groups } = c;
    const options = { stride, dilation, groups, outputPadding, padding: c.padding as Two };
    return checkOp({
      inputs: inputsOf(c, transposedShapes(c)),
      op: (x, weight, bias) => F.convTranspose2d(x, weight!, bias, options),
      reference: (x, weight, bias) => convTranspose2d(x, weight!, bias, options),
      ...LINEAR,
      f16: f16(c),
    });
  },
  22,
  4,
);

property(
  'convTranspose2d is the adjoint of conv2d',
  convolutions.filter(({ padding }) => padding !== 'same'),
  async (c) => {
    const { stride, dilation, groups } = c;
    const padding = c.padding as Two;
    const shapes = shapesOf(c);
    const drawn: Numbers = { kind: 'plain', seed: c.x.seed };
    const make = (shape: readonly number[], part: number): sg.Tensor =>
      sg.tensor(fill(shape, { ...drawn, seed: drawn.seed + part }), { shape });
    const [x, weight] = [make(shapes.x, 0), make(shapes.weight, 1000)];
    const image = F.conv2d(x, weight, null, { stride, dilation, groups, padding });
    const y = make(image.shape, 2000);
    // What stride leaves over at the end.
    const outputPadding = ([0, 1] as const).map(
      (d) => (c.size[d] + 2 * padding[d] - extent(c, d)) % stride[d],
    ) as unknown as Two;
    const back = F.convTranspose2d(y, weight, null, {
      ...{ stride, dilation, groups, padding, outputPadding },
    });
    expect(back.shape).toEqual(x.shape);
    const product = async (a: sg.Tensor, b: sg.Tensor): Promise<{ sum: number; size: number }> => {
      const [p, q] = await Promise.all([a.data(), b.data()]);
      const terms = Array.from(p, (value, i) => value * q[i]!);
      const total = (values: number[]): number => values.reduce((a, b) => a + b, 0);
      return { sum: total(terms), size: total(terms.map(Math.abs)) };
    };
    const [there, here] = await Promise.all([product(image, y), product(x, back)]);
    expect(Math.abs(there.sum - here.sum)).toBeLessThanOrEqual(
      1e-5 * Math.max(there.size, here.size),
    );
  },
  25,
  3,
);
