import { ArgumentError } from '../errors.js';
import {
  AdaptiveAvgPool2d,
  Conv2d,
  Dropout,
  init,
  Linear,
  LocalResponseNorm,
  MaxPool2d,
  Module,
  ReLU,
  Sequential,
} from '../nn/index.js';
import type { Tensor } from '../tensor/tensor.js';

export interface AlexNetOptions {
  /**
   * 'torchvision' (default), '2012' as in the paper, or 'd2l' as in "Dive into Deep Learning", for
   * small grey data sets.
   */
  variant?: 'torchvision' | '2012' | 'd2l';
  /** Size of the output. Default 1000; 10 for 'd2l'. */
  numClasses?: number;
  /** Channels of the input. Default 3; 1 for 'd2l'. */
  inChannels?: number;
  /** The probability with which the dense layers drop an element. Default 0.5. */
  dropout?: number;
}

/** The layers of a form of the network. */
interface Form {
  features: Module[];
  classifier: Module[];
}

/**
 * AlexNet (Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural
 * Networks", 2012): five convolutions and three dense layers with ReLU, overlapping max pooling and
 * dropout.
 *
 *   variant        input          parameters, 1000 classes
 *   'torchvision'  (N, 3, 224, 224), 63 or larger   61,100,840   the one-tower form of 2014, without
 *                                                   LRN; state-dict keys are torchvision's
 *   '2012'         (N, 3, 227, 227)                 60,965,224   LRN after convolutions 1 and 2, two
 *                                                   groups in 2, 4 and 5, the paper's initialisation
 *   'd2l'          (N, 1, 227, 227)                 58,299,082   for 10 classes: one tower of the
 *                                                   paper's widths, without LRN
 *
 * Shape: -> (N, numClasses) logits.
 * @throws ArgumentError for another variant.
 * Source: https://docs.pytorch.org/vision/stable/models/generated/torchvision.models.alexnet.html
 *
 * @example
 * const model = new AlexNet();                 // loads torchvision's weights by loadStateDict
 * const original = new AlexNet({ variant: '2012' });
 */
export class AlexNet extends Module {
  readonly features: Sequential;
  readonly classifier: Sequential;

  constructor(options: AlexNetOptions = {}) {
    super();
    const { variant = 'torchvision', dropout = 0.5 } = options;
    const small = variant === 'd2l';
    const { inChannels = small ? 1 : 3, numClasses = small ? 10 : 1000 } = options;
    const form = formOf(variant, inChannels, numClasses, dropout);
    this.features = new Sequential(...form.features);
    this.classifier = new Sequential(...form.classifier);
    if (variant === '2012') this.initializeAsInThePaper();
  }

  forward(x: Tensor): Tensor {
    return this.classifier.forward(this.features.forward(x).flatten(1));
  }

  /**
   * Section 5: weights from N(0, 0.01), biases 1 in the second, fourth and fifth convolution and in
   * the hidden dense layers, so that ReLUs start with positive inputs, and 0 elsewhere.
   */
  private initializeAsInThePaper(): void {
    const layers = [...this.features, ...this.classifier].filter(
      (layer) => layer instanceof Conv2d || layer instanceof Linear,
    );
    layers.forEach((layer, i) => {
      init.normal_(layer.weight, 0, 0.01);
      init.constant_(layer.bias!, [1, 3, 4, 5, 6].includes(i) ? 1 : 0);
    });
  }
}

function formOf(
  variant: NonNullable<AlexNetOptions['variant']>,
  inChannels: number,
  numClasses: number,
  dropout: number,
): Form {
  const dense = [9216, 4096, 4096] as const; // 9216 = 256 * 6 * 6
  switch (variant) {
    case 'torchvision':
      return {
        features: [
          new Conv2d(inChannels, 64, 11, { stride: 4, padding: 2 }), // (N,  64, 55, 55)
          new ReLU(),
          new MaxPool2d(3, { stride: 2 }), //                            (N,  64, 27, 27)
          new Conv2d(64, 192, 5, { padding: 2 }),
          new ReLU(),
          new MaxPool2d(3, { stride: 2 }), //                            (N, 192, 13, 13)
          new Conv2d(192, 384, 3, { padding: 1 }),
          new ReLU(),
          new Conv2d(384, 256, 3, { padding: 1 }),
          new ReLU(),
          new Conv2d(256, 256, 3, { padding: 1 }),
          new ReLU(),
          new MaxPool2d(3, { stride: 2 }), //                            (N, 256,  6,  6)
          new AdaptiveAvgPool2d([6, 6]), // for inputs of other sizes
        ],
        // In front of the dense layers here, which leaves the keys of the layers as they are.
        classifier: [
          new Dropout(dropout),
          new Linear(dense[0], dense[1]),
          new ReLU(),
          new Dropout(dropout),
          new Linear(dense[1], dense[2]),
          new ReLU(),
          new Linear(dense[2], numClasses),
        ],
      };
    case '2012': {
      // The paper adds alpha times the sum of squares, PyTorch alpha times their mean.
      const norm = (): Module => new LocalResponseNorm(5, { alpha: 5 * 1e-4, beta: 0.75, k: 2 });
      return {
        features: [
          new Conv2d(inChannels, 96, 11, { stride: 4 }), //              (N,  96, 55, 55)
          new ReLU(),
          norm(),
          new MaxPool2d(3, { stride: 2 }), //                            (N,  96, 27, 27)
          new Conv2d(96, 256, 5, { padding: 2, groups: 2 }),
          new ReLU(),
          norm(),
          new MaxPool2d(3, { stride: 2 }), //                            (N, 256, 13, 13)
          new Conv2d(256, 384, 3, { padding: 1 }),
          new ReLU(),
          new Conv2d(384, 384, 3, { padding: 1, groups: 2 }),
          new ReLU(),
          new Conv2d(384, 256, 3, { padding: 1, groups: 2 }),
          new ReLU(),
          new MaxPool2d(3, { stride: 2 }), //                            (N, 256,  6,  6)
        ],
        classifier: denseLayers(dense, numClasses, dropout),
      };
    }
    case 'd2l':
      return {
        features: [
          new Conv2d(inChannels, 96, 11, { stride: 4 }), //              (N,  96, 55, 55)
          new ReLU(),
          new MaxPool2d(3, { stride: 2 }), //                            (N,  96, 27, 27)
          new Conv2d(96, 256, 5, { padding: 2 }),
          new ReLU(),
          new MaxPool2d(3, { stride: 2 }), //                            (N, 256, 13, 13)
          new Conv2d(256, 384, 3, { padding: 1 }),
          new ReLU(),
          new Conv2d(384, 384, 3, { padding: 1 }),
          new ReLU(),
          new Conv2d(384, 256, 3, { padding: 1 }),
          new ReLU(),
          new MaxPool2d(3, { stride: 2 }), //                            (N, 256,  6,  6)
        ],
        classifier: denseLayers(dense, numClasses, dropout),
      };
    default:
      throw new ArgumentError(
        'AlexNet',
        "a variant of 'torchvision', '2012', 'd2l'",
        `'${String(variant)}'`,
      );
  }
}

/** Dropout behind each hidden layer, as in the paper. */
function denseLayers(sizes: readonly number[], numClasses: number, dropout: number): Module[] {
  const hidden = sizes
    .slice(1)
    .flatMap((size, i) => [new Linear(sizes[i]!, size), new ReLU(), new Dropout(dropout)]);
  return [...hidden, new Linear(sizes.at(-1)!, numClasses)];
}
