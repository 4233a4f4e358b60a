import { Conv2d, Dropout, Flatten, Linear, MaxPool2d, Sequential, Tanh } from '../nn/index.js';
import { initializeAsKeras } from './keras.js';

export interface LeNetTanhOptions {
  /** Size of the output. Default 10. */
  numClasses?: number;
  /** The probability with which the first hidden layer drops an element. Default 0.2. */
  dropout?: number;
}

/**
 * LeNet with tanh, max pooling and dropout, padded so that only the first pooling makes images
 * smaller, as Keras' tutorials build it. Initial values are Keras'. 390,026 parameters for 10 classes.
 *
 * Shape: (N, 1, 28, 28) -> (N, numClasses) logits.
 */
export function leNetTanh({ numClasses = 10, dropout = 0.2 }: LeNetTanhOptions = {}): Sequential {
  return initializeAsKeras(
    new Sequential(
      new Conv2d(1, 6, 5, { padding: 'same' }), //       (N,  6, 28, 28)
      new Tanh(),
      new MaxPool2d(2, { stride: 2, padding: 'same' }), // (N,  6, 14, 14)
      new Conv2d(6, 16, 5, { padding: 'same' }), //      (N, 16, 14, 14)
      new Tanh(),
      new MaxPool2d(2, { stride: 1, padding: 'same' }), // (N, 16, 14, 14)
      new Flatten(), //                                  (N, 3136)
      new Linear(3136, 120),
      new Tanh(),
      new Dropout(dropout),
      new Linear(120, 84),
      new Tanh(),
      new Linear(84, numClasses),
    ),
  );
}
