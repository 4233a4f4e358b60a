import { ArgumentError } from '../errors.js';
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
 * Layers can be added and replaced at any time, also of a trained network; an optimizer or a captured
 * step that was made before knows nothing of it, so make a new one. A layer that is taken out keeps its
 * memory until its `dispose()`. Negative indices count from the end.
 *
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Sequential.html
 *
 * @example
 * const model = new Sequential(new Linear(784, 128), new ReLU(), new Linear(128, 10));
 * model.append(new Softmax(1));                  // probabilities
 * model.set(2, new Linear(128, 3)).dispose();    // another last layer, PyTorch's model[2] = ...
 */
export class Sequential extends Module {
  private readonly layers: Module[];

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

  /** Adds a layer at the end. */
  append(layer: Module): this {
    return this.insert(this.length, layer);
  }

  /** Adds several layers at the end, such as those of another Sequential. */
  extend(layers: Iterable<Module>): this {
    // Listed first: they may be those of this one.
    for (const layer of [...layers]) this.append(layer);
    return this;
  }

  /**
   * Puts a layer in front of the one at `index`; those from there on count one more.
   * @throws ArgumentError for an index beyond the end, and for what is no Module.
   */
  insert(index: number, layer: Module): this {
    const place = this.placeOf('insert', index, this.length);
    this.layers.splice(place, 0, checkLayer('insert', layer));
    return this;
  }

  /**
   * Replaces the layer at `index`.
   * @returns the one that was there: dispose() it, unless you still use it.
   * @throws ArgumentError for an index without a layer, and for what is no Module.
   */
  set(index: number, layer: Module): Module {
    const place = this.placeOf('set', index, this.length - 1);
    return this.layers.splice(place, 1, checkLayer('set', layer))[0]!;
  }

  /**
   * Takes the layer at `index` out, by default the last one.
   * @returns that layer, whose memory is now yours.
   * @throws ArgumentError for an index without a layer.
   */
  pop(index = -1): Module {
    return this.layers.splice(this.placeOf('pop', index, this.length - 1), 1)[0]!;
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

  protected override replaceChild(name: string, module: Module): void {
    this.set(Number(name), module);
  }

  /** `index` counted from the start. */
  private placeOf(method: string, index: number, last: number): number {
    const { length } = this;
    const place = index < 0 ? index + length : index;
    if (Number.isInteger(index) && place >= 0 && place <= last) return place;
    const expected = `an index from ${-length} to ${last} for ${length} layers`;
    throw new ArgumentError(`Sequential.${method}`, last < 0 ? 'a layer' : expected, index);
  }
}

function checkLayer(method: string, layer: unknown): Module {
  if (layer instanceof Module) return layer;
  throw new ArgumentError(`Sequential.${method}`, 'a Module', layer);
}
