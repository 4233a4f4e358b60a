import { ArgumentError } from '../errors.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Module } from './module.js';
import { Parameter } from './parameter.js';

/** What a penalty is on: modules, parameters, or the names that either has in the model. */
export type Regularized = Module | Parameter | string;

export interface RegularizerOptions {
  /**
   * Whether all parameters of a module count, biases and those of norms too, and not only kernels:
   * its `weight`s of two dimensions or more. What is given as a parameter always counts. Default false.
   */
  all?: boolean;
}

/**
 * The base of penalties on parameters, which the `Trainer` adds to the loss, in training and in
 * evaluation, as Keras does.
 *
 * @param targets  Modules, parameters, or their names; of a module the kernels of all in it.
 * @param factor   Default 0.01.
 */
export abstract class Regularizer {
  private readonly targets: readonly Regularized[];
  private readonly all: boolean;

  constructor(
    targets: Regularized | readonly Regularized[],
    readonly factor = 0.01,
    { all = false }: RegularizerOptions = {},
  ) {
    if (!(factor >= 0))
      throw new ArgumentError(this.constructor.name, 'a factor from 0 up', factor);
    this.targets = Array.isArray(targets)
      ? (targets as readonly Regularized[])
      : [targets as Regularized];
    this.all = all;
  }

  /** The sum that is multiplied by `factor`, for one parameter: a scalar. */
  protected abstract sumOf(parameter: Tensor): Tensor;

  /**
   * The penalty, a scalar with a graph.
   *
   * @param model  In which names are looked up; not needed where there are none.
   * @throws ArgumentError for a name that nothing has, and where there is nothing to be penalised.
   */
  penalty(model?: Module): Tensor {
    const sums = this.parameters(model).map((parameter) => this.sumOf(parameter));
    return sums.reduce((a, b) => a.add(b)).mul(this.factor);
  }

  /** The parameters that it is on, each once. */
  parameters(model?: Module): Parameter[] {
    const found = this.targets.flatMap((target) => {
      const item = typeof target === 'string' ? this.find(target, model) : target;
      return item instanceof Parameter ? [item] : this.parametersOf(item);
    });
    if (found.length === 0) {
      const fix = 'Pass { all: true } for parameters that are no kernels.';
      throw new ArgumentError(this.constructor.name, 'modules with kernels', 'none', fix);
    }
    return [...new Set(found)];
  }

  private parametersOf(module: Module): Parameter[] {
    return module
      .namedParameters()
      .filter(([key, { ndim }]) => this.all || (/(^|\.)weight$/.test(key) && ndim > 1))
      .map(([, parameter]) => parameter);
  }

  private find(name: string, model?: Module): Module | Parameter {
    const named = model ? [...model.namedModules(), ...model.namedParameters()] : [];
    const found = named.find(([key]) => key === name);
    if (found) return found[1];
    const known = named.map(([key]) => key).filter(Boolean);
    throw new ArgumentError(
      this.constructor.name,
      known.length > 0 ? `one of ${known.join(', ')}` : 'a model to look names up in',
      `'${name}'`,
    );
  }
}

/**
 * `factor` times the sum of squares. Unlike an optimizer's `weightDecay` it is part of the loss; its
 * gradient is 2 * factor * w.
 * Source: https://keras.io/api/layers/regularizers/#l2-class
 *
 * @param targets  Modules, parameters, or their names; of a module the kernels of all in it.
 * @param factor   Default 0.01.
 *
 * @example
 * new Trainer(model, { optimizer, regularizers: [new sg.nn.L2(model.features, 0.0005)] });
 */
export class L2 extends Regularizer {
  protected sumOf(parameter: Tensor): Tensor {
    return parameter.square().sum();
  }
}

/**
 * `factor` times the sum of absolute values, whose gradient is factor * sign(w), and 0 at 0.
 * Source: https://keras.io/api/layers/regularizers/#l1-class
 *
 * @param targets  As for L2.
 * @param factor   Default 0.01.
 */
export class L1 extends Regularizer {
  protected sumOf(parameter: Tensor): Tensor {
    return parameter.abs().sum();
  }
}
