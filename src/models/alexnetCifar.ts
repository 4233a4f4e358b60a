import {
  BatchNorm2d,
  Conv2d,
  Dropout,
  Flatten,
  L2,
  Linear,
  MaxPool2d,
  type Module,
  ReLU,
  Sequential,
} from '../nn/index.js';
import { initializeAsKeras } from './keras.js';

export interface AlexNetCifarOptions {
  /** Size of the output. Default 10. */
  numClasses?: number;
  /** The probability with which the dense layers drop an element. Default 0.5. */
  dropout?: number;
}

/**
 * AlexNet for 32x32 images, with batch normalisation, as Keras tutorials build it for CIFAR-10: five
 * convolutions with ReLU and then batch norm, three of them pooled, and three dense layers. Keras'
 * defaults where they differ from PyTorch's: Glorot-uniform weights and biases of 0, batch norm
 * with eps 1e-3 and a running mean that keeps 0.99.
 *
 * 7,711,050 numbers for 10 classes: 7,708,746 parameters and 2,304 running statistics.
 * Shape: (N, 3, 32, 32) -> (N, numClasses) logits.
 */
export function alexNetCifar(options: AlexNetCifarOptions = {}): Sequential {
  const { numClasses = 10, dropout = 0.5 } = options;
  const model = new Sequential(
    ...convolution(3, 64, 5),
    new MaxPool2d(2), //            (N,  64, 16, 16)
    ...convolution(64, 192, 5),
    new MaxPool2d(2), //            (N, 192,  8,  8)
    ...convolution(192, 384, 3),
    ...convolution(384, 256, 3),
    ...convolution(256, 256, 3),
    new MaxPool2d(2), //            (N, 256,  4,  4)
    new Flatten(),
    new Linear(4096, 1024),
    new ReLU(),
    new Dropout(dropout),
    new Linear(1024, 1024),
    new ReLU(),
    new Dropout(dropout),
    new Linear(1024, numClasses),
  );
  return initializeAsKeras(model);
}

/**
 * The tutorials' penalty on the kernels of its five convolutions, for a `Trainer`.
 *
 * @param factor  Of L2. Default 0.0005.
 *
 * @example
 * new Trainer(model, { optimizer, regularizers: alexNetCifarRegularizers(model) });
 */
export function alexNetCifarRegularizers(model: Module, factor = 0.0005): L2[] {
  const convolutions = model.modules().filter((module) => module instanceof Conv2d);
  return [new L2(convolutions, factor)];
}

function convolution(inChannels: number, outChannels: number, kernelSize: number): Module[] {
  return [
    new Conv2d(inChannels, outChannels, kernelSize, { padding: 'same' }),
    new ReLU(),
    new BatchNorm2d(outChannels, { eps: 1e-3, momentum: 0.01 }),
  ];
}
