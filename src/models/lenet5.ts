import { ArgumentError } from '../errors.js';
import {
  AvgPool2d,
  Conv2d,
  Flatten,
  Linear,
  MaxPool2d,
  Module,
  ReLU,
  Sequential,
  Sigmoid,
  Tanh,
} from '../nn/index.js';
import type { Tensor } from '../tensor/tensor.js';

const ACTIVATIONS = { sigmoid: Sigmoid, tanh: Tanh, relu: ReLU } as const;
const POOLS = { avg: AvgPool2d, max: MaxPool2d } as const;

export interface LeNet5Options {
  /** What follows each layer but the last. Default 'sigmoid', the classic form. */
  activation?: keyof typeof ACTIVATIONS;
  /** What follows each convolution's activation. Default 'avg', the classic form. */
  pool?: keyof typeof POOLS;
  /** Size of the output. Default 10. */
  numClasses?: number;
}

/**
 * LeNet-5 (LeCun et al., "Gradient-Based Learning Applied to Document Recognition", 1998), in the
 * form that today's courses give it: a 28x28 image padded by 2, full connections from the first
 * pooling to the second convolution, a linear output. 61,706 parameters for 10 classes.
 *
 * Shape: (N, 1, 28, 28) -> (N, numClasses) logits.
 *
 * @example
 * new LeNet5();                                      // sigmoid and average pooling
 * new LeNet5({ activation: 'relu', pool: 'max' });   // trains in fewer epochs
 */
export class LeNet5 extends Module {
  readonly features: Sequential;
  readonly classifier: Sequential;

  constructor({ activation = 'sigmoid', pool = 'avg', numClasses = 10 }: LeNet5Options = {}) {
    super();
    const Activation = pick('activation', ACTIVATIONS, activation);
    const Pool = pick('pool', POOLS, pool);
    this.features = new Sequential(
      new Conv2d(1, 6, 5, { padding: 2 }), // (N,  6, 28, 28)
      new Activation(),
      new Pool(2), //                         (N,  6, 14, 14)
      new Conv2d(6, 16, 5), //                (N, 16, 10, 10)
      new Activation(),
      new Pool(2), //                         (N, 16,  5,  5)
    );
    this.classifier = new Sequential(
      new Flatten(), //                       (N, 400)
      new Linear(400, 120),
      new Activation(),
      new Linear(120, 84),
      new Activation(),
      new Linear(84, numClasses),
    );
  }

  forward(x: Tensor): Tensor {
    return this.classifier.forward(this.features.forward(x));
  }
}

function pick<T extends object>(option: string, choices: T, name: keyof T): T[keyof T] {
  if (!Object.hasOwn(choices, name)) {
    throw new ArgumentError('LeNet5', `${option} of ${Object.keys(choices).join(', ')}`, name);
  }
  return choices[name];
}
