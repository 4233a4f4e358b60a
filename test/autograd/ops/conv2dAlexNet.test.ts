/** The convolutions of AlexNet at full size, at sampled elements: sums of up to 3456 products. */
import * as sg from 'shadegrad';
import { describe, expect, test } from 'vitest';
import {
  biasGradientAt,
  inputGradientAt,
  outputAt,
  weightGradientAt,
  type Convolution,
} from '../../reference/conv2dElements.js';
import { expectClose } from '../../support/compare.js';
import { casesOf } from '../../support/extent.js';
import { uniform } from '../../support/random.js';

interface Layer {
  name: string;
  x: number[];
  weight: number[];
  stride?: number;
  padding?: number;
  groups?: number;
}

const LAYERS: Layer[] = [
  { name: 'layer 1', x: [1, 3, 224, 224], weight: [64, 3, 11, 11], stride: 4, padding: 2 },
  { name: 'layer 2', x: [1, 64, 27, 27], weight: [192, 64, 5, 5], padding: 2 },
  { name: 'layer 3', x: [1, 192, 13, 13], weight: [384, 192, 3, 3], padding: 1 },
  { name: 'layer 4', x: [1, 384, 13, 13], weight: [256, 384, 3, 3], padding: 1 },
  { name: 'layer 5', x: [1, 256, 13, 13], weight: [256, 256, 3, 3], padding: 1 },
  { name: '2012, layer 1', x: [1, 3, 227, 227], weight: [96, 3, 11, 11], stride: 4 },
  { name: '2012, layer 2', x: [1, 96, 27, 27], weight: [256, 48, 5, 5], padding: 2, groups: 2 },
  { name: '2012, layer 4', x: [1, 384, 13, 13], weight: [384, 192, 3, 3], padding: 1, groups: 2 },
  { name: 'of one channel', x: [1, 1, 224, 224], weight: [96, 1, 11, 11], stride: 4, padding: 1 },
  { name: 'of CIFAR-10', x: [1, 3, 32, 32], weight: [64, 3, 5, 5], padding: 2 },
];

/** By each kernel: without a stride, the filters of 3x3 and 5x5 have kernels of their own. */
const FEW = casesOf(LAYERS, 'layer 1', 'layer 4', '2012, layer 2');

describe('conv2d of AlexNet', () => {
  test.each(FEW)('$name', async ({ x, weight, stride = 1, padding = 0, groups = 1 }) => {
    const outOf = (size: number): number =>
      Math.floor((size + 2 * padding - weight[2]!) / stride) + 1;
    const shapes = {
      x,
      weight,
      bias: [weight[0]!],
      dy: [1, weight[0]!, outOf(x[2]!), outOf(x[3]!)],
    };
    const [input, filters, bias, dy] = Object.values(shapes).map((shape, i) =>
      sg.tensor(
        uniform(
          shape.reduce((a, b) => a * b),
          i + 1,
        ),
        { shape, requiresGrad: i < 3 },
      ),
    ) as [sg.Tensor, sg.Tensor, sg.Tensor, sg.Tensor];
    const of = async (tensor: sg.Tensor) => ({
      shape: tensor.shape,
      data: Float64Array.from(await tensor.data()),
    });
    const reference: Convolution = {
      x: await of(input),
      weight: await of(filters),
      bias: await of(bias),
      dy: await of(dy),
      stride,
      padding,
      groups,
    };
    const y = sg.nn.functional.conv2d(input, filters, bias, { stride, padding, groups });
    expect(y.shape).toEqual(shapes.dy);
    await expectSampled(y, (at) => outputAt(reference, at), 1e-5);
    y.backward({ gradient: dy });
    await expectSampled(input.grad!, (at) => inputGradientAt(reference, at), 1e-5);
    await expectSampled(filters.grad!, (at) => weightGradientAt(reference, at), 1e-5);
    await expectSampled(bias.grad!, (at) => biasGradientAt(reference, at), 1e-5);
    for (const tensor of [input, filters, bias, dy, y]) tensor.dispose();
  });
});

const SAMPLES = 300;

/** By the norm of the difference at elements that are spread over all of them. */
async function expectSampled(
  actual: sg.Tensor,
  at: (i: number) => number,
  norm: number,
): Promise<void> {
  const data = await actual.data();
  // A step that shares no factor with rows and planes meets every column.
  const step = Math.max(1, Math.floor(data.length / SAMPLES) | 1);
  const places = Array.from({ length: Math.ceil(data.length / step) }, (_, i) => i * step);
  expectClose(
    places.map((i) => data[i]!),
    places.map(at),
    { norm },
  );
}
