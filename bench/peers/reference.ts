/** What a cell must give, in plain loops in float64 that share nothing with any peer. */
import {
  inputGradientAt,
  outputAt,
  weightGradientAt,
  type Convolution,
} from '../../test/reference/conv2dElements.js';
import { sigmoid } from '../../test/reference/activations.js';
import { conv2d } from '../../test/reference/conv2d.js';
import { crossEntropy } from '../../test/reference/crossEntropy.js';
import { lenet5 } from '../../test/reference/lenet5.js';
import { linear } from '../../test/reference/linear.js';
import { batchNorm } from '../../test/reference/normalization.js';
import { avgPool2d, maxPool2d } from '../../test/reference/pool2d.js';
import type { Cell, CellOf, Layer, Network } from './cells.js';
import { outputLength, samplePositions } from './check.js';
import { batchOf, convData, matmulData, weightsOf, type Values } from './data.js';

interface Reference {
  shape: readonly number[];
  data: Float64Array;
}

/**
 * The values that a peer's check must give: elements of the output at `samplePositions`, or the losses
 * of the first steps. CIFAR AlexNet has the first loss alone: what comes after it is held against the
 * first peer that was right so far.
 */
export function expectedValues(cell: Cell): number[] {
  switch (cell.kind) {
    case 'matmul':
      return products(cell);
    case 'conv':
      return convolutionElements(cell);
    case 'infer': {
      const { network, batch } = cell;
      return [...forward(network, asReference(batchOf(network, batch).images)).data];
    }
    case 'train':
    case 'start':
    case 'memory':
      return cell.network.name === 'alexnet-cifar' ? [firstLoss(cell)] : lenetLosses(cell);
  }
}

const asReference = ({ shape, data }: Values): Reference => ({
  shape,
  data: Float64Array.from(data),
});

function products(cell: CellOf<'matmul'>): number[] {
  const { size } = cell;
  const { a, b } = matmulData(size);
  return samplePositions(outputLength(cell)).map((at) => {
    const [row, column] = [Math.floor(at / size) * size, at % size];
    let sum = 0;
    for (let k = 0; k < size; k++) sum += a.data[row + k]! * b.data[k * size + column]!;
    return sum;
  });
}

function convolutionElements(cell: CellOf<'conv'>): number[] {
  const { conv, pass } = cell;
  const { x, w, dy } = convData(conv);
  const single = (values: Values, image: number): Reference => {
    const size = values.data.length / conv.batch;
    return {
      shape: [1, ...values.shape.slice(1)],
      data: Float64Array.from(values.data.subarray(image * size, (image + 1) * size)),
    };
  };
  const weight = asReference(w);
  const bias = { shape: [conv.outC], data: new Float64Array(conv.outC) };
  const images = Array.from({ length: conv.batch }, (_, image): Convolution => {
    const options = { stride: conv.stride, padding: conv.padding, groups: 1 };
    return { x: single(x, image), dy: single(dy, image), weight, bias, ...options };
  });
  const length = outputLength(cell);
  const perImage = length / conv.batch;
  return samplePositions(length).map((at) => {
    if (pass === 'weight gradient') {
      return images.reduce((sum, image) => sum + weightGradientAt(image, at), 0);
    }
    const element = pass === 'forward' ? outputAt : inputGradientAt;
    return element(images[Math.floor(at / perImage)]!, at % perImage);
  });
}

/** Two losses: of the weights at first, and of those that one step of SGD made of them. */
function lenetLosses({ network, batch, sgd }: CellOf<'train' | 'start' | 'memory'>): number[] {
  const relu = network.name === 'lenet5-relu';
  const { images, labels } = batchOf(network, batch);
  const run = (weights: Record<string, ArrayLike<number>>): ReturnType<typeof lenet5> =>
    lenet5({
      activation: relu ? 'relu' : 'sigmoid',
      pool: relu ? 'max' : 'avg',
      weights,
      images: images.data,
      labels,
    });
  const weights = Object.fromEntries(
    Object.entries(weightsOf(network)).map(([key, { data }]) => [key, data]),
  );
  const first = run(weights);
  const stepped = Object.fromEntries(
    Object.entries(weights).map(([key, values]) => [
      key,
      values.map((value, i) => value - sgd.lr * first.gradients[key]![i]!),
    ]),
  );
  return [first.loss, run(stepped).loss];
}

function firstLoss({ network, batch }: CellOf<'train' | 'start' | 'memory'>): number {
  const { images, labels } = batchOf(network, batch);
  const logits = forward(network, asReference(images));
  const target = { shape: [batch], data: Float64Array.from(labels) };
  return crossEntropy(logits, target).data[0]!;
}

function forward(network: Network, images: Reference): Reference {
  const weights = weightsOf(network);
  const weight = (name: string): Reference => asReference(weights[name]!);
  return network.layers.reduce((x, layer) => apply(layer, x, weight), images);
}

function apply(layer: Layer, x: Reference, weight: (name: string) => Reference): Reference {
  switch (layer.kind) {
    case 'conv': {
      const { name, stride, padding } = layer;
      return conv2d(x, weight(`${name}.weight`), weight(`${name}.bias`), {
        stride: [stride, stride],
        padding: [padding, padding],
      });
    }
    case 'relu':
      return { ...x, data: x.data.map((value) => Math.max(value, 0)) };
    case 'sigmoid':
      return { ...x, data: x.data.map(sigmoid) };
    case 'pool': {
      const options = { kernelSize: layer.window, stride: layer.stride };
      return layer.mode === 'max' ? maxPool2d(x, options) : avgPool2d(x, options);
    }
    case 'norm':
      return batchNorm(x, weight(`${layer.name}.weight`), weight(`${layer.name}.bias`), layer);
    case 'flatten':
      return { ...x, shape: [x.shape[0]!, x.data.length / x.shape[0]!] };
    case 'linear':
      return linear(x, weight(`${layer.name}.weight`), weight(`${layer.name}.bias`));
  }
}
