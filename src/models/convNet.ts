import { Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential } from '../nn/index.js';
import { initializeAsKeras } from './keras.js';

export interface ConvNetOptions {
  /** Size of the output. Default 10. */
  numClasses?: number;
}

/**
 * A small convolutional network as Keras' tutorials build it: two convolutions of 3x3 with ReLU and
 * max pooling, and a hidden layer of 64. Initial values are Keras'. 121,930 parameters for 10 classes.
 *
 * Shape: (N, 1, 28, 28) -> (N, numClasses) logits.
 */
export function convNet({ numClasses = 10 }: ConvNetOptions = {}): Sequential {
  return initializeAsKeras(
    new Sequential(
      new Conv2d(1, 32, 3), //  (N, 32, 26, 26)
      new ReLU(),
      new MaxPool2d(2), //      (N, 32, 13, 13)
      new Conv2d(32, 64, 3), // (N, 64, 11, 11)
      new ReLU(),
      new MaxPool2d(2), //      (N, 64,  5,  5)
      new Flatten(), //         (N, 1600)
      new Linear(1600, 64),
      new ReLU(),
      new Linear(64, numClasses),
    ),
  );
}
