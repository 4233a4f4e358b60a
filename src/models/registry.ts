import { ArgumentError } from '../errors.js';
import type { Shape } from '../gpu/dtype.js';
import type { Module } from '../nn/index.js';
import { LeNet5, type LeNet5Options } from './lenet5.js';

/** A network that can be made by name. */
interface Entry {
  make(options: Readonly<Record<string, unknown>>): Module;
  /** C, H and W of its input. */
  inputShape: Shape;
}

const REGISTRY: Record<string, Entry> = {
  lenet5: { make: (options) => new LeNet5(options as LeNet5Options), inputShape: [1, 28, 28] },
};

/** The names that `create` takes. */
export const names: readonly string[] = Object.keys(REGISTRY);

/**
 * A new network by name.
 * @param options  As its constructor takes them.
 * @throws ArgumentError for an unknown name, with those that there are.
 */
export function create(name: string, options: Readonly<Record<string, unknown>> = {}): Module {
  return find(name).make(options);
}

/** C, H and W of a network's input. @throws ArgumentError for an unknown name. */
export function inputShapeOf(name: string): Shape {
  return find(name).inputShape;
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
