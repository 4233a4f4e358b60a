import { ArgumentError } from '../errors.js';
import type { Shape } from '../gpu/dtype.js';
import type { Module, Regularizer } from '../nn/index.js';
import { AlexNet, type AlexNetOptions } from './alexnet.js';
import {
  alexNetCifar,
  alexNetCifarRegularizers,
  type AlexNetCifarOptions,
} from './alexnetCifar.js';
import { convNet, type ConvNetOptions } from './convNet.js';
import { KERAS_ADAM_EPS } from './keras.js';
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
  /** What its constructor takes. */
  options: readonly string[];
  recipe(model: Module): Partial<Recipe>;
}

/** See `recipeFor`. */
export interface Recipe {
  regularizers: readonly Regularizer[];
  /** Settings of Adam other than the defaults. */
  adam: { eps?: number };
}

/** A network whose input depends on its options where `inputShape` is a function of them. */
function entry<O extends object>(
  make: (options: O) => Module,
  options: Readonly<Record<keyof O, true>>,
  inputShape: Shape | ((options: O) => Shape),
  recipe: Entry['recipe'] = () => ({}),
): Entry {
  return {
    make: (options) => make(options as O),
    inputShape: (options) =>
      typeof inputShape === 'function' ? inputShape(options as O) : inputShape,
    options: Object.keys(options),
    recipe,
  };
}

const DIGITS: Shape = [1, 28, 28];

/** As the tutorials in Keras have it. */
const keras = (): Partial<Recipe> => ({ adam: { eps: KERAS_ADAM_EPS } });

const REGISTRY: Record<string, Entry> = {
  mlp: entry(
    (options: MlpOptions) => mlp(options),
    { numClasses: true, dropout: true },
    DIGITS,
    keras,
  ),
  lenet5: entry(
    (options: LeNet5Options) => new LeNet5(options),
    { activation: true, pool: true, inputSize: true, inChannels: true, numClasses: true },
    ({ inChannels = 1, inputSize = 28 }) => [inChannels, inputSize, inputSize],
  ),
  lenetrelu: entry(
    (options: LeNetReluOptions) => leNetRelu(options),
    { numClasses: true },
    DIGITS,
    keras,
  ),
  lenettanh: entry(
    (options: LeNetTanhOptions) => leNetTanh(options),
    { numClasses: true, dropout: true },
    DIGITS,
    keras,
  ),
  convnet: entry(
    (options: ConvNetOptions) => convNet(options),
    { numClasses: true },
    DIGITS,
    keras,
  ),
  simpleconvnet: entry(
    (options: SimpleConvNetOptions) => simpleConvNet(options),
    {
      ...{ inputSize: true, inChannels: true, filters: true, kernelSize: true, stride: true },
      ...{ padding: true, hiddenSize: true, numClasses: true, weightStd: true },
    },
    ({ inChannels = 1, inputSize = 28 }) => [inChannels, inputSize, inputSize],
  ),
  alexnetcifar: entry(
    (options: AlexNetCifarOptions) => alexNetCifar(options),
    { numClasses: true, dropout: true },
    [3, 32, 32],
    (model) => ({ ...keras(), regularizers: alexNetCifarRegularizers(model) }),
  ),
  alexnet: entry(
    (options: AlexNetOptions) => new AlexNet(options),
    { variant: true, numClasses: true, inChannels: true, dropout: true },
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
 * @throws ArgumentError for an unknown name, with those that there are, and for unknown options.
 */
export function create(name: string, options: object = {}): Module {
  return find(name, options).make(options);
}

/**
 * C, H and W of a network's input.
 * @param options  Those that it is made with.
 * @throws ArgumentError for an unknown name, and for unknown options.
 */
export function inputShapeOf(name: string, options: object = {}): Shape {
  return find(name, options).inputShape(options);
}

/** The sizes of input that LeNet-5 and its relatives have a form for. */
const SIZES = [28, 32];

/**
 * The options of a network for images: its output is as many classes, and where it can take their
 * channels and their size it does. Other sizes are left to `transforms.resizeWithPad`.
 *
 * @param images   `imageShape`: C, H and W. `classes`: how many there are.
 * @param options  Those that are given stay.
 * @throws ArgumentError for an unknown name or option, for channels that it cannot take, and for
 *   `numClasses` below `classes`.
 */
export function optionsFor(
  name: string,
  { imageShape, classes }: { imageShape: Shape; classes: number },
  options: object = {},
): Record<string, unknown> {
  const { options: known } = find(name, options);
  const [inChannels, height, width] = imageShape as [number, number, number];
  const fitted: Record<string, unknown> = { numClasses: classes };
  if (known.includes('inChannels')) fitted.inChannels = inChannels;
  if (known.includes('inputSize') && height === width && SIZES.includes(height)) {
    fitted.inputSize = height;
  }
  const all: Record<string, unknown> = { ...fitted, ...options };
  if (!((all.numClasses as number) >= classes)) {
    throw new ArgumentError(name, `numClasses of ${classes} or more`, all.numClasses);
  }
  const takes = inputShapeOf(name, all)[0];
  if (takes !== inChannels) {
    const fix = 'Choose another network, or other data.';
    throw new ArgumentError(name, `images of ${takes} channels`, inChannels, fix);
  }
  return all;
}

/** What the tutorials train a network with, besides what is the same for all. */
export function recipeFor(name: string, model: Module): Recipe {
  return { regularizers: [], adam: {}, ...find(name).recipe(model) };
}

function find(name: string, options: object = {}): Entry {
  if (!Object.hasOwn(REGISTRY, name)) {
    throw new ArgumentError(
      'model',
      `one of ${names.join(', ')}`,
      `'${name}'`,
      '`shadegrad summary MODEL` shows one.',
    );
  }
  const found = REGISTRY[name]!;
  const unknown = Object.keys(options).find((option) => !found.options.includes(option));
  if (unknown !== undefined) {
    throw new ArgumentError(name, `options of ${found.options.join(', ')}`, `'${unknown}'`);
  }
  return found;
}
