import type { Tensor } from '../tensor/tensor.js';
import { fused } from './fusion.js';
import { Module } from './module.js';

/**
 * Layers one after the other, named '0', '1', ...
 *
 * A convolution, a dense layer or a batch normalization and the ReLU, Sigmoid or Tanh after it are
 * computed by one kernel, with the same result.
 *
 * What lies between two layers and takes no part in a gradient, as within `noGrad` or before the
 * first learnt layer, is freed once the next layer has run, so that at most two such activations are
 * alive; `retain()` keeps one.
 *
 * @example
 * new Sequential(new Linear(784, 128), new ReLU(), new Linear(128, 10));
 */
export class Sequential extends Module {
  private readonly layers: readonly Module[];

  constructor(...layers: Module[]) {
    super();
    this.layers = layers;
  }

  get length(): number {
    return this.layers.length;
  }

  /** The layer at `index`; a negative one counts from the end. */
  at(index: number): Module | undefined {
    return this.layers.at(index);
  }

  [Symbol.iterator](): Iterator<Module> {
    return this.layers[Symbol.iterator]();
  }

  forward(input: Tensor): Tensor {
    let x = input;
    for (let i = 0; i < this.layers.length; i++) {
      const layer = this.layers[i]!;
      const both = fused(layer, this.layers[i + 1]);
      const y = both ? both(x) : layer.forward(x);
      if (both) i++;
      if (!x.requiresGrad && x !== input && x !== y && !x.retained) {
        x.free('Sequential frees what lies between its layers and takes no part in a gradient');
      }
      x = y;
    }
    return x;
  }

  protected override properties(): [string, unknown][] {
    return this.layers.map((layer, i) => [String(i), layer]);
  }
}
