import { Dropout, Flatten, Linear, ReLU, Sequential } from '../nn/index.js';
import { initializeAsKeras } from './keras.js';

export interface MlpOptions {
  /** Size of the output. Default 10. */
  numClasses?: number;
  /** The probability with which the hidden layer drops an element. Default 0.2. */
  dropout?: number;
}

/**
 * The first network of many courses: one hidden layer of 128 with ReLU and dropout. Initial values
 * are Keras'. 101,770 parameters for 10 classes.
 *
 * Shape: (N, 1, 28, 28) -> (N, numClasses) logits.
 * Source: https://www.tensorflow.org/tutorials/quickstart/beginner
 */
export function mlp({ numClasses = 10, dropout = 0.2 }: MlpOptions = {}): Sequential {
  return initializeAsKeras(
    new Sequential(
      new Flatten(), // (N, 784)
      new Linear(784, 128),
      new ReLU(),
      new Dropout(dropout),
      new Linear(128, numClasses),
    ),
  );
}
