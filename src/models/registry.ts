import { ArgumentError } from '../errors.js';
import type { Shape } from '../gpu/dtype.js';
import type { Module } from '../nn/index.js';
import { AlexNet, type AlexNetOptions } from './alexnet.js';
import { alexNetCifar, type AlexNetCifarOptions } from './alexnetCifar.js';
import { convNet, type ConvNetOptions } from './convNet.js';
import { LeNet5, type LeNet5Options } from './lenet5.js';
import { leNetRelu, type LeNetReluOptions } from './leNetRelu.js';
import { leNetTanh, type LeNetTanhOptions } from './leNetTanh.js';
import { mlp, type MlpOptions } from './mlp.js';
import { simpleConvNet, type SimpleConvNetOptions } from './simpleConvNet.js';

/** A network that can be made by name. */
interface Entry {
  make(options: object): Module;
  /** C, H and W of its input. */
  inputShape(options: object): Shape;
}

/** A network whose input depends on its options where `inputShape` is a function of them. */
function entry<O extends object>(
  make: (options: O) => Module,
  inputShape: Shape | ((options: O) => Shape),
): Entry {
  return {
    make: (options) => make(options as O),
    inputShape: (options) =>
      typeof inputShape === 'function' ? inputShape(options as O) : inputShape,
  };
}

const DIGITS: Shape = [1, 28, 28];

const REGISTRY: Record<string, Entry> = {
  mlp: entry((options: MlpOptions) => mlp(options), DIGITS),
  lenet5: entry(
    (options: LeNet5Options) => new LeNet5(options),
    ({ inChannels = 1, inputSize = 28 }) => [inChannels, inputSize, inputSize],
  ),
  lenetrelu: entry((options: LeNetReluOptions) => leNetRelu(options), DIGITS),
  lenettanh: entry((options: LeNetTanhOptions) => leNetTanh(options), DIGITS),
  convnet: entry((options: ConvNetOptions) => convNet(options), DIGITS),
  simpleconvnet: entry(
    (options: SimpleConvNetOptions) => simpleConvNet(options),
    ({ inChannels = 1, inputSize = 28 }) => [inChannels, inputSize, inputSize],
  ),
  alexnetcifar: entry((options: AlexNetCifarOptions) => alexNetCifar(options), [3, 32, 32]),
  alexnet: entry(
    (options: AlexNetOptions) => new AlexNet(options),
    ({ variant = 'torchvision', inChannels = variant === 'd2l' ? 1 : 3 }) => {
      const size = variant === 'torchvision' ? 224 : 227;
      return [inChannels, size, size];
    },
  ),
};

/** The names that `create` takes. */
export const names: readonly string[] = Object.keys(REGISTRY);

/**
 * A new network by name.
 * @param options  As its constructor takes them.
 * @throws ArgumentError for an unknown name, with those that there are.
 */
export function create(name: string, options: object = {}): Module {
  return find(name).make(options);
}

/**
 * C, H and W of a network's input.
 * @param options  Those that it is made with.
 * @throws ArgumentError for an unknown name.
 */
export function inputShapeOf(name: string, options: object = {}): Shape {
  return find(name).inputShape(options);
}

function find(name: string): Entry {
  if (!Object.hasOwn(REGISTRY, name)) {
    throw new ArgumentError(
      'model',
      `one of ${names.join(', ')}`,
      `'${name}'`,
      '`shadegrad summary MODEL` shows one.',
    );
  }
  return REGISTRY[name]!;
}
