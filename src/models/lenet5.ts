import { ArgumentError } from '../errors.js';
import { softmax } from '../nn/functional.js';
import {
  AvgPool2d,
  Conv2d,
  Flatten,
  Identity,
  Linear,
  MaxPool2d,
  Module,
  ReLU,
  Sequential,
  Sigmoid,
  Tanh,
} from '../nn/index.js';
import type { Tensor } from '../tensor/tensor.js';

const ACTIVATIONS = { sigmoid: Sigmoid, tanh: Tanh, relu: ReLU, none: Identity } as const;
const POOLS = { avg: AvgPool2d, max: MaxPool2d } as const;
/** By the size of the input: the first convolution gives 28x28 of each. */
const PADDINGS: Readonly<Record<number, number>> = { 28: 2, 32: 0 };

export interface LeNet5Options {
  /** What follows each layer but the last. Default 'sigmoid', the classic form; 'none' for nothing. */
  activation?: keyof typeof ACTIVATIONS;
  /** What follows each convolution's activation. Default 'avg', the classic form. */
  pool?: keyof typeof POOLS;
  /** Height and width of the input: 28 (default), which is padded to 32, or 32 itself. */
  inputSize?: 28 | 32;
  /** Channels of the input: 1 for grey images (default), 3 for RGB. */
  inChannels?: number;
  /** Size of the output. Default 10. */
  numClasses?: number;
}

/**
 * LeNet-5 (LeCun et al., "Gradient-Based Learning Applied to Document Recognition", 1998), in the
 * form that today's courses give it: a 28x28 image padded by 2, or one of 32x32, full connections
 * from the first pooling to the second convolution, a linear output. 61,706 parameters for 10
 * classes and grey images, 62,006 for RGB.
 *
 * Shape: (N, inChannels, inputSize, inputSize) -> (N, numClasses) logits.
 * @throws ArgumentError for an activation, a pool or a size that it does not know.
 *
 * @example
 * new LeNet5();                                      // sigmoid and average pooling
 * new LeNet5({ activation: 'relu', pool: 'max' });   // trains in fewer epochs
 * new LeNet5({ inputSize: 32, inChannels: 3, pool: 'max', activation: 'none' });
 */
export class LeNet5 extends Module {
  readonly features: Sequential;
  readonly classifier: Sequential;

  constructor(options: LeNet5Options = {}) {
    super();
    const { activation = 'sigmoid', pool = 'avg', numClasses = 10 } = options;
    const { inputSize = 28, inChannels = 1 } = options;
    const padding = PADDINGS[inputSize];
    if (padding === undefined) throw new ArgumentError('LeNet5', 'inputSize of 28, 32', inputSize);
    const Activation = pick('activation', ACTIVATIONS, activation);
    const Pool = pick('pool', POOLS, pool);
    this.features = new Sequential(
      new Conv2d(inChannels, 6, 5, { padding }), // (N,  6, 28, 28)
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

  /** The logits of `forward`, and their softmax. Shape: both (N, numClasses). */
  forwardWithProbabilities(x: Tensor): { logits: Tensor; probabilities: Tensor } {
    const logits = this.forward(x);
    return { logits, probabilities: softmax(logits, 1) };
  }
}

function pick<T extends object>(option: string, choices: T, name: keyof T): T[keyof T] {
  if (!Object.hasOwn(choices, name)) {
    throw new ArgumentError('LeNet5', `${option} of ${Object.keys(choices).join(', ')}`, name);
  }
  return choices[name];
}
