/** What is measured: cells, and the networks in them as data that every peer reads in its own ops. */

export interface Conv {
  /** Images, channels, height and width of the input. */
  batch: number;
  inC: number;
  size: number;
  outC: number;
  kernel: number;
  stride: number;
  padding: number;
}

/** A layer; `name` is its prefix in our state dict. */
export type Layer =
  | ({ kind: 'conv'; name: string } & Pick<Conv, 'inC' | 'outC' | 'kernel' | 'stride' | 'padding'>)
  | { kind: 'relu' | 'sigmoid' }
  | { kind: 'pool'; mode: 'max' | 'avg'; window: number; stride: number }
  /** Batch statistics; the running ones keep 0.99 of themselves. */
  | { kind: 'norm'; name: string; channels: number; eps: number; momentum: number }
  /** (N, channels, size, size) -> (N, channels * size * size) */
  | { kind: 'flatten'; channels: number; size: number }
  | { kind: 'linear'; name: string; inSize: number; outSize: number };

export interface Network {
  name: 'lenet5-classic' | 'lenet5-relu' | 'alexnet-cifar' | 'alexnet';
  /** Channels and size of the image. */
  inC: number;
  size: number;
  classes: number;
  layers: readonly Layer[];
}

export interface SgdOptions {
  lr: number;
  momentum: number;
}

export type Pass = 'forward' | 'input gradient' | 'weight gradient';

interface CellBase {
  name: string;
  /** Multiplications and additions of one run; images of one run. */
  flops?: number;
  images?: number;
}

export type Cell = CellBase &
  (
    | { kind: 'matmul'; size: number }
    | { kind: 'conv'; group: string; conv: Conv; pass: Pass }
    | { kind: 'train' | 'start'; network: Network; batch: number; sgd: SgdOptions }
    | { kind: 'memory'; network: Network; batch: number; sgd: SgdOptions; steps: number }
    | { kind: 'infer'; network: Network; batch: number }
  );

export type CellOf<Kind extends Cell['kind']> = Extract<Cell, { kind: Kind }>;

const conv = (
  name: string,
  inC: number,
  outC: number,
  kernel: number,
  padding = 0,
  stride = 1,
): Layer => ({ kind: 'conv', name, inC, outC, kernel, padding, stride });
const linear = (name: string, inSize: number, outSize: number): Layer => ({
  kind: 'linear',
  name,
  inSize,
  outSize,
});
const pool = (mode: 'max' | 'avg', window: number): Layer => ({
  kind: 'pool',
  mode,
  window,
  stride: 2,
});
const norm = (name: string, channels: number): Layer => ({
  kind: 'norm',
  name,
  channels,
  eps: 1e-3,
  momentum: 0.01,
});
const RELU: Layer = { kind: 'relu' };

function lenet5(activation: 'sigmoid' | 'relu', mode: 'avg' | 'max'): Network {
  const act: Layer = { kind: activation };
  return {
    name: activation === 'relu' ? 'lenet5-relu' : 'lenet5-classic',
    inC: 1,
    size: 28,
    classes: 10,
    layers: [
      conv('features.0', 1, 6, 5, 2),
      act,
      pool(mode, 2),
      conv('features.3', 6, 16, 5),
      act,
      pool(mode, 2),
      { kind: 'flatten', channels: 16, size: 5 },
      linear('classifier.1', 400, 120),
      act,
      linear('classifier.3', 120, 84),
      act,
      linear('classifier.5', 84, 10),
    ],
  };
}

const LENET_CLASSIC = lenet5('sigmoid', 'avg');
const LENET_RELU = lenet5('relu', 'max');

/** src/models/alexnetCifar.ts without its dropout, which would draw other masks on each side. */
const ALEXNET_CIFAR: Network = {
  name: 'alexnet-cifar',
  inC: 3,
  size: 32,
  classes: 10,
  layers: [
    ...[conv('0', 3, 64, 5, 2), RELU, norm('2', 64), pool('max', 2)],
    ...[conv('4', 64, 192, 5, 2), RELU, norm('6', 192), pool('max', 2)],
    ...[conv('8', 192, 384, 3, 1), RELU, norm('10', 384)],
    ...[conv('11', 384, 256, 3, 1), RELU, norm('13', 256)],
    ...[conv('14', 256, 256, 3, 1), RELU, norm('16', 256), pool('max', 2)],
    { kind: 'flatten', channels: 256, size: 4 },
    ...[linear('19', 4096, 1024), RELU, linear('22', 1024, 1024), RELU, linear('25', 1024, 10)],
  ],
};

/** torchvision's AlexNet (src/models/alexnet.ts) on images of 227 x 227. */
const ALEXNET: Network = {
  name: 'alexnet',
  inC: 3,
  size: 227,
  classes: 1000,
  layers: [
    ...[conv('features.0', 3, 64, 11, 2, 4), RELU, pool('max', 3)],
    ...[conv('features.3', 64, 192, 5, 2), RELU, pool('max', 3)],
    ...[conv('features.6', 192, 384, 3, 1), RELU],
    ...[conv('features.8', 384, 256, 3, 1), RELU],
    ...[conv('features.10', 256, 256, 3, 1), RELU, pool('max', 3)],
    { kind: 'flatten', channels: 256, size: 6 },
    ...[linear('classifier.1', 9216, 4096), RELU, linear('classifier.4', 4096, 4096), RELU],
    linear('classifier.6', 4096, 1000),
  ],
};

const CONVS: Record<string, Record<string, Conv>> = {
  'LeNet-5': {
    conv1: { batch: 256, inC: 1, size: 28, outC: 6, kernel: 5, stride: 1, padding: 2 },
    conv2: { batch: 256, inC: 6, size: 14, outC: 16, kernel: 5, stride: 1, padding: 0 },
  },
  AlexNet: {
    conv1: { batch: 2, inC: 3, size: 227, outC: 64, kernel: 11, stride: 4, padding: 2 },
    conv2: { batch: 1, inC: 64, size: 27, outC: 192, kernel: 5, stride: 1, padding: 2 },
    conv3: { batch: 1, inC: 192, size: 13, outC: 384, kernel: 3, stride: 1, padding: 1 },
  },
  'CIFAR AlexNet': {
    conv1: { batch: 4, inC: 3, size: 32, outC: 64, kernel: 5, stride: 1, padding: 2 },
    conv2: { batch: 4, inC: 64, size: 16, outC: 192, kernel: 5, stride: 1, padding: 2 },
    conv3: { batch: 4, inC: 192, size: 8, outC: 384, kernel: 3, stride: 1, padding: 1 },
    conv4: { batch: 4, inC: 384, size: 8, outC: 256, kernel: 3, stride: 1, padding: 1 },
    conv5: { batch: 4, inC: 256, size: 8, outC: 256, kernel: 3, stride: 1, padding: 1 },
  },
};

const PASSES: readonly Pass[] = ['forward', 'input gradient', 'weight gradient'];

/** Height and width of a convolution's output. */
export const outSizeOf = ({ size, kernel, stride, padding }: Omit<Conv, 'batch'>): number =>
  Math.floor((size + 2 * padding - kernel) / stride) + 1;

export function convFlops(conv: Conv): number {
  return 2 * conv.batch * conv.outC * outSizeOf(conv) ** 2 * conv.inC * conv.kernel ** 2;
}

export interface CellOptions {
  /** Steps of the cell of memory. */
  memorySteps: number;
  /** No batch has more images. */
  maxBatch?: number;
}

/** All cells, in the order in which they run. */
export function allCells({ memorySteps, maxBatch = Infinity }: CellOptions): Cell[] {
  const large = Math.min(256, maxBatch);
  const small = Math.min(16, maxBatch);
  const lenetSgd = { lr: 0.05, momentum: 0 };
  return [
    ...[512, 1024].map((size): Cell => ({
      kind: 'matmul',
      name: `matmul ${size}`,
      size,
      flops: 2 * size ** 3,
    })),
    ...Object.entries(CONVS).flatMap(([group, convs]) =>
      Object.entries(convs).flatMap(([layer, whole]) => {
        const conv = { ...whole, batch: Math.min(whole.batch, maxBatch) };
        return PASSES.map((pass): Cell => ({
          kind: 'conv',
          name: `${group} ${layer} (${conv.batch}), ${pass}`,
          group,
          conv,
          pass,
          flops: convFlops(conv),
        }));
      }),
    ),
    ...[LENET_CLASSIC, LENET_RELU].map((network): Cell => ({
      kind: 'train',
      name: `LeNet-5 training (${large}), ${network === LENET_RELU ? 'ReLU + max pool' : 'sigmoid + average pool'}`,
      network,
      batch: large,
      images: large,
      sgd: lenetSgd,
    })),
    {
      kind: 'train',
      name: 'CIFAR AlexNet training (4)',
      network: ALEXNET_CIFAR,
      batch: 4,
      images: 4,
      sgd: { lr: 0.01, momentum: 0.9 },
    },
    {
      kind: 'infer',
      name: `LeNet-5 inference (${large})`,
      network: LENET_RELU,
      batch: large,
      images: large,
    },
    { kind: 'infer', name: 'AlexNet-227 inference (1)', network: ALEXNET, batch: 1, images: 1 },
    {
      kind: 'start',
      name: `fresh process to first LeNet-5 step (${small})`,
      network: LENET_RELU,
      batch: small,
      sgd: lenetSgd,
    },
    {
      kind: 'memory',
      name: `resident memory over ${memorySteps} LeNet-5 steps (${small})`,
      network: LENET_RELU,
      batch: small,
      sgd: lenetSgd,
      steps: memorySteps,
    },
  ];
}
