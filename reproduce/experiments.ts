/** The tutorials' experiments, as data: what runs, what was published, and what ours must reach. */
import type * as sg from 'shadegrad';

export interface Experiment {
  /** As `--only` takes it. */
  name: string;
  title: string;
  /** Where the figures are from. */
  source: string;
  /** Those that were; or what there is instead. */
  published: Partial<Figures> | string;
  /** What `sg.models.create` takes. */
  network: {
    name: string;
    options?: object;
    /** Glorot-uniform weights and biases of 0 in place of the network's own. */
    initialization?: 'keras';
  };
  data: DataName;
  /** Pads images to squares and scales them to this many pixels a side. */
  side?: number;
  optimizer: { name: 'adam'; lr: number; eps?: number } | { name: 'sgd'; lr: number };
  /** Those of `alexNetCifarRegularizers`. */
  penalty?: true;
  batchSize: number;
  /** One of this folder's programs that does the same. */
  python: string;
  versions: Versions;
  /** Whether the full size would take a software adapter days. */
  needsGpu?: true;
  /** Whose measured images/s say how long this takes. Default its own. */
  timedBy?: string;
}

export type DataName = 'mnist' | 'fashion-mnist' | 'cifar10';

/** What is measured: means over images; of the training images as the last epoch ran, or after it. */
export interface Figures {
  trainLoss: number;
  trainAccuracy: number;
  testLoss: number;
  testAccuracy: number;
}

export type VersionName = 'full' | 'software' | 'quick';

/** An experiment in three sizes; null: only a GPU can do it. */
export interface Versions {
  /** As published, on a GPU. */
  full: Version;
  /** On a software adapter; the full one where that is the same object. */
  software: Version | null;
  /** Of all of these together a software adapter does less than 15 minutes' work. */
  quick: Version | null;
}

export interface Version {
  /** The most, where training may stop early. */
  epochs: number;
  /** The first images of the training part, those to validate with included. */
  images: number;
  /** The first images of the test part; 0 for no test. */
  testImages: number;
  /** Share of the images, the last ones, that is held back, as Keras' `validation_split`. */
  validation?: number;
  earlyStopping?: sg.train.EarlyStoppingOptions;
  /** In place of the experiment's. */
  batchSize?: number;
  /** Whether the training images are assessed in eval mode in the end. */
  assessTrain?: true;
  /** What must hold, all of it. */
  bars: readonly Bar[];
}

export type Bar =
  | { figure: keyof Figures; atLeast: number }
  | { figure: keyof Figures; atMost: number }
  | { figure: keyof Figures; near: number; within: number }
  /** The loss of the last epoch is below that of the first. */
  | { lossFalls: true };

/** Adam as Keras has it. */
const KERAS_ADAM = { name: 'adam', lr: 1e-3, eps: 1e-7 } as const;

const STOPPING: sg.train.EarlyStoppingOptions = {
  patience: 10,
  minDelta: 1e-4,
  restoreBestWeights: true,
};

const MNIST = { images: 60_000, testImages: 10_000 };

const LENET_TANH: Version = {
  ...MNIST,
  epochs: 2,
  validation: 0.2,
  bars: [{ figure: 'testAccuracy', atLeast: 0.97 }],
};

const SIMPLE: Version = {
  ...MNIST,
  epochs: 20,
  bars: [{ figure: 'testAccuracy', atLeast: 0.985 }],
};

const CONV_NET: Version = {
  ...MNIST,
  epochs: 2,
  bars: [{ figure: 'testAccuracy', atLeast: 0.975 }],
};

const LENET_SIGMOID: Version = {
  ...MNIST,
  epochs: 100,
  validation: 0.2,
  earlyStopping: STOPPING,
  bars: [{ figure: 'testAccuracy', atLeast: 0.98 }],
};

const LENET_FASHION: Version = {
  ...MNIST,
  epochs: 60,
  bars: [{ figure: 'testAccuracy', atLeast: 0.87 }],
};

const ALEXNET_LOSS: Bar = { figure: 'trainLoss', near: 2.3, within: 0.02 };

const ALEXNET_256: Version = { epochs: 3, images: 256, testImages: 0, bars: [ALEXNET_LOSS] };

export const EXPERIMENTS: readonly Experiment[] = [
  {
    name: 'leNetTanh',
    title: 'LeNet with tanh on MNIST: Adam, batch 512, 2 epochs, 20% validation',
    source: 'a Keras tutorial on LeNet: what `evaluate` prints for the test images',
    published: { testAccuracy: 0.9775, testLoss: 0.0718 },
    network: { name: 'lenettanh' },
    data: 'mnist',
    optimizer: KERAS_ADAM,
    batchSize: 512,
    python: 'keras_lenet_tanh.py',
    versions: {
      full: LENET_TANH,
      software: LENET_TANH,
      quick: {
        ...LENET_TANH,
        images: 15_000,
        testImages: 2000,
        bars: [{ figure: 'testAccuracy', atLeast: 0.88 }],
      },
    },
  },
  {
    name: 'simpleConvNet',
    title: 'SimpleConvNet on MNIST: Adam 0.001, batch 100, 20 epochs',
    source: 'K. Saito, "Deep Learning from Scratch" (2016), chapter 7: training and test images',
    published: { trainAccuracy: 0.9982, testAccuracy: 0.9891 },
    network: { name: 'simpleconvnet' },
    data: 'mnist',
    optimizer: { name: 'adam', lr: 1e-3 },
    batchSize: 100,
    python: 'torch_simple_convnet.py',
    versions: {
      full: { ...SIMPLE, assessTrain: true },
      software: { ...SIMPLE, epochs: 5, assessTrain: true },
      quick: {
        ...SIMPLE,
        assessTrain: true,
        epochs: 1,
        images: 30_000,
        testImages: 2000,
        bars: [{ figure: 'testAccuracy', atLeast: 0.9 }],
      },
    },
  },
  {
    name: 'convNet',
    title: 'A small convolutional network on MNIST: Adam, batch 32, 2 epochs',
    source: 'a Keras tutorial',
    published: 'none printed',
    network: { name: 'convnet' },
    data: 'mnist',
    optimizer: KERAS_ADAM,
    batchSize: 32,
    python: 'keras_convnet.py',
    versions: {
      full: CONV_NET,
      software: CONV_NET,
      quick: {
        ...CONV_NET,
        epochs: 1,
        images: 10_000,
        testImages: 2000,
        bars: [{ figure: 'testAccuracy', atLeast: 0.92 }],
      },
    },
  },
  {
    name: 'leNet5',
    title: 'LeNet-5 with sigmoid on MNIST: Adam, batch 32, 20% validation, early stopping',
    source: 'a Keras tutorial, which shows its curves',
    published: 'picture only',
    network: { name: 'lenet5', initialization: 'keras' },
    data: 'mnist',
    optimizer: KERAS_ADAM,
    batchSize: 32,
    python: 'keras_lenet5.py',
    versions: {
      full: LENET_SIGMOID,
      software: { ...LENET_SIGMOID, epochs: 20 },
      quick: {
        ...LENET_SIGMOID,
        epochs: 1,
        testImages: 2000,
        bars: [{ figure: 'testAccuracy', atLeast: 0.85 }],
      },
    },
  },
  {
    name: 'leNet5-fashion',
    title: 'LeNet-5 with sigmoid on Fashion-MNIST: Adam 1e-3, batch 256',
    source: 'a PyTorch tutorial, which shows its curves',
    published: 'picture only',
    network: { name: 'lenet5' },
    data: 'fashion-mnist',
    optimizer: { name: 'adam', lr: 1e-3 },
    batchSize: 256,
    python: 'torch_lenet5_fashion.py',
    versions: {
      full: LENET_FASHION,
      software: {
        ...LENET_FASHION,
        epochs: 20,
        bars: [{ figure: 'testAccuracy', atLeast: 0.84 }],
      },
      quick: {
        ...LENET_FASHION,
        epochs: 1,
        testImages: 2000,
        bars: [{ figure: 'testAccuracy', atLeast: 0.5 }],
      },
    },
  },
  {
    name: 'alexNetCifar',
    title: 'AlexNet for CIFAR-10: Adam, batch 32, 10% validation, early stopping',
    source: 'a Keras tutorial, which shows its curves',
    published: 'picture only',
    network: { name: 'alexnetcifar' },
    data: 'cifar10',
    optimizer: KERAS_ADAM,
    penalty: true,
    batchSize: 32,
    python: 'keras_alexnet_cifar.py',
    needsGpu: true,
    versions: {
      full: {
        epochs: 100,
        images: 50_000,
        testImages: 10_000,
        validation: 0.1,
        earlyStopping: STOPPING,
        bars: [{ figure: 'testAccuracy', atLeast: 0.78 }],
      },
      // Whether it learns images by heart: as it trains, for batch norm's running means of so few
      // updates say little in eval mode.
      software: {
        epochs: 30,
        images: 512,
        testImages: 0,
        bars: [{ lossFalls: true }, { figure: 'trainAccuracy', atLeast: 0.8 }],
      },
      quick: { epochs: 5, images: 64, testImages: 0, bars: [{ lossFalls: true }] },
    },
  },
  {
    name: 'alexNet-256',
    title: 'AlexNet on 256 images of MNIST, 227 x 227: SGD 0.01, batch 128, 3 epochs',
    source: 'a tutorial after "Dive into Deep Learning": the training loss that it prints',
    published: { trainLoss: 2.3 },
    network: { name: 'alexnet', options: { variant: 'd2l' } },
    data: 'mnist',
    side: 227,
    optimizer: { name: 'sgd', lr: 0.01 },
    batchSize: 128,
    python: 'torch_alexnet.py',
    versions: {
      full: ALEXNET_256,
      software: ALEXNET_256,
      quick: { ...ALEXNET_256, epochs: 2, images: 32, batchSize: 16 },
    },
  },
  {
    name: 'alexNet',
    title: 'AlexNet on all of MNIST, 227 x 227: SGD 0.01, batch 128, 3 epochs',
    source: 'the same tutorial: training loss and accuracy of its last epoch',
    published: { trainLoss: 0.4867, trainAccuracy: 0.8395 },
    network: { name: 'alexnet', options: { variant: 'd2l' } },
    data: 'mnist',
    side: 227,
    optimizer: { name: 'sgd', lr: 0.01 },
    batchSize: 128,
    python: 'torch_alexnet.py',
    needsGpu: true,
    timedBy: 'alexNet-256',
    versions: {
      full: {
        ...MNIST,
        epochs: 3,
        bars: [
          { figure: 'trainLoss', atMost: 0.4867 },
          { figure: 'trainAccuracy', atLeast: 0.8395 },
        ],
      },
      software: null,
      quick: null,
    },
  },
];
