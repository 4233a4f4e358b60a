import { Conv2d, Flatten, init, Linear, MaxPool2d, ReLU, Sequential } from '../nn/index.js';
import { initializeAsKeras } from './keras.js';

export interface LeNetReluOptions {
  /** Size of the output. Default 10. */
  numClasses?: number;
}

/**
 * A wider LeNet with ReLU and max pooling, and without padding, as Keras' tutorials build it.
 * Initial values are Keras', but U(-0.05, 0.05) in the weights of the convolutions. 155,606
 * parameters for 10 classes.
 *
 * Shape: (N, 1, 28, 28) -> (N, numClasses) logits.
 */
export function leNetRelu({ numClasses = 10 }: LeNetReluOptions = {}): Sequential {
  const model = initializeAsKeras(
    new Sequential(
      new Conv2d(1, 32, 5), //  (N, 32, 24, 24)
      new ReLU(),
      new MaxPool2d(2), //      (N, 32, 12, 12)
      new Conv2d(32, 64, 5), // (N, 64,  8,  8)
      new ReLU(),
      new MaxPool2d(2), //      (N, 64,  4,  4)
      new Flatten(), //         (N, 1024)
      new Linear(1024, 100),
      new ReLU(),
      new Linear(100, numClasses),
    ),
  );
  for (const layer of model) if (layer instanceof Conv2d) init.uniform_(layer.weight, -0.05, 0.05);
  return model;
}
