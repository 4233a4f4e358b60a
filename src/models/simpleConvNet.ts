import { ArgumentError } from '../errors.js';
import { Conv2d, Flatten, init, Linear, MaxPool2d, ReLU, Sequential } from '../nn/index.js';

export interface SimpleConvNetOptions {
  /** Height and width of the input. Default 28. */
  inputSize?: number;
  /** Channels of the input. Default 1. */
  inChannels?: number;
  /** Filters of the convolution. Default 30. */
  filters?: number;
  /** Height and width of a filter. Default 5. */
  kernelSize?: number;
  /** Default 1. */
  stride?: number;
  /** Default 0. */
  padding?: number;
  /** Size of the hidden layer. Default 100. */
  hiddenSize?: number;
  /** Size of the output. Default 10. */
  numClasses?: number;
  /** Standard deviation of the initial weights. Default 0.01. */
  weightStd?: number;
}

/**
 * The simplest convolutional network: one convolution with ReLU and max pooling, and one hidden layer
 * with ReLU, as "Deep Learning from Scratch" (Saito, 2016; chapter 7) builds it. Weights start from
 * N(0, weightStd^2), biases from 0. 433,890 parameters by default.
 *
 * Shape: (N, inChannels, inputSize, inputSize) -> (N, numClasses) logits.
 * @throws ArgumentError where the filter is larger than the padded input, or nothing is left to pool.
 */
export function simpleConvNet(options: SimpleConvNetOptions = {}): Sequential {
  const { inputSize = 28, inChannels = 1, filters = 30, hiddenSize = 100 } = options;
  const { kernelSize = 5, stride = 1, padding = 0, numClasses = 10, weightStd = 0.01 } = options;
  const size = Math.floor((inputSize + 2 * padding - kernelSize) / stride) + 1;
  const pooled = Math.floor(size / 2);
  if (!(pooled >= 1)) {
    const fix = 'Use a smaller filter or stride, or more padding.';
    throw new ArgumentError(
      'simpleConvNet',
      'a result to pool of 2x2 or more',
      `${size}x${size}`,
      fix,
    );
  }
  const model = new Sequential(
    new Conv2d(inChannels, filters, kernelSize, { stride, padding }), // (N, 30, 24, 24)
    new ReLU(),
    new MaxPool2d(2), //                                                 (N, 30, 12, 12)
    new Flatten(), //                                                    (N, 4320)
    new Linear(filters * pooled * pooled, hiddenSize),
    new ReLU(),
    new Linear(hiddenSize, numClasses),
  );
  for (const layer of model) {
    if (layer instanceof Conv2d || layer instanceof Linear) {
      init.normal_(layer.weight, 0, weightStd);
      init.zeros_(layer.bias!);
    }
  }
  return model;
}
