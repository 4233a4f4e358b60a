import { noGrad } from '../autograd/scope.js';
import { ArgumentError, formatShape } from '../errors.js';
import { dtypeOf, isFloat, numelOf, sameShape, type Shape, type TypedArray } from '../gpu/dtype.js';
import { Tensor } from '../tensor/tensor.js';
import { Buffer, Parameter } from './parameter.js';
import { compile, type CompileOptions } from './compile.js';
import { summarize, type Summary } from './summary.js';

/** What `loadStateDict` takes for one key: a tensor, or values with their shape. */
export type StateValue = Tensor | { shape: Shape; data: TypedArray };

export interface LoadStateDictOptions {
  /** Throws where a key is missing or unexpected. Default true. What does not fit always throws. */
  strict?: boolean;
}

export interface LoadStateDictResult {
  missingKeys: string[];
  unexpectedKeys: string[];
}

/**
 * The base of every layer and network.
 *
 * Parameters, buffers and sub-modules are found by walking the object's own properties, in the
 * order of their declaration; arrays of modules count too, under their indices. Keys of
 * `stateDict()` are PyTorch's: `features.0.weight`, and a field `runningMean` is `running_mean`.
 *
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html
 *
 * @example
 * class Net extends sg.nn.Module {
 *   readonly hidden = new sg.nn.Linear(784, 128);
 *   readonly out = new sg.nn.Linear(128, 10);
 *   forward(x: sg.Tensor): sg.Tensor {
 *     return this.out.forward(this.hidden.forward(x).relu());
 *   }
 * }
 */
export abstract class Module {
  /** False after `eval()`: dropout and batch norm then behave as for inference. */
  training = true;

  /** The result for `inputs`; each module documents the shapes. */
  abstract forward(...inputs: Tensor[]): Tensor;

  /** Direct sub-modules by name. */
  namedChildren(): [string, Module][] {
    return this.ownEntries<Module>((value) => value instanceof Module);
  }

  /** Direct sub-modules. */
  children(): Module[] {
    return this.namedChildren().map(([, child]) => child);
  }

  /** This module and all below it by path, each once, parents first; this one's path is ''. */
  namedModules(): [string, Module][] {
    const found = new Map<Module, string>();
    const visit = (module: Module, path: string): void => {
      if (found.has(module)) return;
      found.set(module, path);
      for (const [name, child] of module.namedChildren()) visit(child, join(path, name));
    };
    visit(this, '');
    return [...found].map(([module, path]) => [path, module]);
  }

  /** This module and all below it. */
  modules(): Module[] {
    return this.namedModules().map(([, module]) => module);
  }

  /**
   * The module at a path such as 'features.0', as `namedModules` gives them; '' is this one.
   * @throws ArgumentError where there is none, with the names that there are.
   */
  getSubmodule(path: string): Module {
    return path === '' ? this : this.find('getSubmodule', path).child;
  }

  /**
   * Replaces the module at a path, such as the last layer of a trained network. Unlike PyTorch's it
   * adds none, since no forward would call it.
   *
   * @returns the module that was there: dispose() it, unless you still use it.
   * @throws ArgumentError where there is none, with the names that there are, and for what is no Module.
   *
   * @example
   * model.setSubmodule('classifier.6', new Linear(4096, 10)).dispose();
   */
  setSubmodule(path: string, module: Module): Module {
    const { parent, name, child } = this.find('setSubmodule', path);
    if (!(module instanceof Module)) throw new ArgumentError('setSubmodule', 'a Module', module);
    parent.replaceChild(name, module);
    return child;
  }

  /** What is learnt, by key; a parameter that two modules share comes once, under its first key. */
  namedParameters(): [string, Parameter][] {
    return this.namedState<Parameter>((value) => value instanceof Parameter);
  }

  /** What is learnt: give it to an optimizer. */
  parameters(): Parameter[] {
    return this.namedParameters().map(([, parameter]) => parameter);
  }

  /** What is kept and not learnt, by key. */
  namedBuffers(): [string, Buffer][] {
    return this.namedState<Buffer>((value) => value instanceof Buffer);
  }

  /** What is kept and not learnt. */
  buffers(): Buffer[] {
    return this.namedBuffers().map(([, buffer]) => buffer);
  }

  /** Sets training mode here and below. */
  train(mode = true): this {
    for (const module of this.modules()) module.training = mode;
    return this;
  }

  /** Sets inference mode here and below. */
  eval(): this {
    return this.train(false);
  }

  /** Sets whether backward computes gradients for the parameters: false freezes them. */
  requiresGrad_(flag = true): this {
    for (const parameter of this.parameters()) parameter.requiresGrad_(flag);
    return this;
  }

  /** Clears the gradients of all parameters. */
  zeroGrad(): void {
    for (const parameter of this.parameters()) parameter.grad = null;
  }

  /** Parameters and buffers by key: the live tensors, not copies. */
  stateDict(): Record<string, Tensor> {
    return Object.fromEntries(
      this.namedState<Tensor>((value) => value instanceof Parameter || value instanceof Buffer),
    );
  }

  /**
   * Copies `dict` into the parameters and buffers. All is checked first: if it throws, nothing has
   * changed.
   *
   * f16 and f32 are converted to what the model has.
   *
   * @throws ArgumentError that lists every missing and unexpected key and every wrong shape and
   *   dtype; DisposedError for a tensor that was freed.
   */
  loadStateDict(
    dict: Readonly<Record<string, StateValue>>,
    { strict = true }: LoadStateDictOptions = {},
  ): LoadStateDictResult {
    const own = this.stateDict();
    const missingKeys = Object.keys(own).filter((key) => !Object.hasOwn(dict, key));
    const unexpectedKeys = Object.keys(dict).filter((key) => !Object.hasOwn(own, key));
    const problems: string[] = [];
    if (strict && missingKeys.length > 0) problems.push(`missing ${missingKeys.join(', ')}`);
    if (strict && unexpectedKeys.length > 0)
      problems.push(`unexpected ${unexpectedKeys.join(', ')}`);
    const present = Object.entries(own).filter(([key]) => Object.hasOwn(dict, key));
    for (const [key, tensor] of present) {
      const problem = misfit(dict[key]!, tensor);
      if (problem) problems.push(`${key} ${problem}`);
    }
    if (problems.length > 0) {
      throw new ArgumentError(
        'loadStateDict',
        `the keys and shapes of ${this.constructor.name}`,
        problems.join('; '),
        strict
          ? 'Build the model as it was saved, or pass { strict: false } to load the keys that match.'
          : undefined,
      );
    }
    for (const [key, tensor] of present) {
      const value = dict[key]!;
      const isTensor = value instanceof Tensor;
      if ((isTensor ? value.dtype : dtypeOf(value.data)) !== tensor.dtype) {
        noGrad(() => tensor.copy_(isTensor ? value : value.data)); // f16 and f32
      } else if (isTensor) tensor.array.copyFrom(value.array);
      else tensor.array.write(value.data);
    }
    return { missingKeys, unexpectedKeys };
  }

  /** Frees the memory of all parameters and buffers. */
  dispose(): void {
    for (const tensor of Object.values(this.stateDict())) tensor.dispose();
  }

  /**
   * A table of the layers with their output shapes, parameters and multiply-adds, and what they add
   * up to, memory included; print it with `console.log(String(summary))`. Its `graph` says what was
   * computed from what. Nothing is computed for it.
   *
   * @param inputShape  Of one input, batch included: [1, 1, 28, 28].
   *
   * @example
   * const { parameters, multiplyAdds } = model.summary([1, 3, 224, 224]);
   */
  summary(inputShape: Shape): Summary {
    return summarize(this, inputShape);
  }

  /**
   * Compiles the pipelines that this module needs, all at once and without blocking, so that the
   * first batch does not wait for one after the other: those of `forward`, and while it is training
   * those of backward.
   *
   * @param inputShape  Of one batch: [64, 1, 28, 28].
   * @returns how many were compiled; 0 where all were there.
   *
   * @example
   * await model.compile([64, 1, 28, 28], { onProgress: (done, total) => console.log(done, total) });
   */
  compile(inputShape: Shape, options: CompileOptions = {}): Promise<number> {
    return compile(this, inputShape, options);
  }

  /**
   * The settings of this layer in a few words, for summaries and drawings: `96 filters 11x11,
   * stride 4`. Override it in layers of your own. Default: none.
   */
  extraRepr(): string {
    return '';
  }

  /**
   * How many multiplications, each with an addition, `forward` takes; override it in layers of your
   * own. Counted as torchinfo does: each learnt number of a layer once for each example, those of a
   * convolution once for each place of its filters. What learns nothing, such as a pool or an
   * activation, counts 0.
   *
   * @param inputShape   Of its first input.
   * @param outputShape  Of what it returns.
   */
  multiplyAdds(inputShape: Shape, outputShape: Shape): number;
  multiplyAdds(_: Shape, [batch = 1]: Shape): number {
    return batch * this.parameterCount();
  }

  /** Numbers in the parameters here and below. */
  protected parameterCount(): number {
    return this.parameters().reduce((sum, { numel }) => sum + numel, 0);
  }

  /** Puts `module` in the place of the direct sub-module `name`. */
  protected replaceChild(name: string, module: Module): void {
    for (const [property, value] of this.properties()) {
      const key = snakeCase(property);
      if (name === key) (this as unknown as Record<string, Module>)[property] = module;
      else if (Array.isArray(value) && name.startsWith(`${key}.`)) {
        const at = Number(name.slice(key.length + 1));
        if (value[at] instanceof Module) value[at] = module;
      }
    }
  }

  /** The module at a path, its parent and its name there. */
  private find(
    op: string,
    path: string,
    whole = path,
  ): { parent: Module; name: string; child: Module } {
    const children = this.namedChildren();
    for (const [name, child] of children) {
      if (path === name) return { parent: this, name, child };
      // A name may have a dot of its own: that of a module in an array.
      if (path.startsWith(`${name}.`)) return child.find(op, path.slice(name.length + 1), whole);
    }
    const names = children.map(([name]) => name).join(', ') || 'none';
    const expected = `'${path}' among the sub-modules of ${this.constructor.name}: ${names}`;
    throw new ArgumentError(op, `a path with ${expected}`, `'${whole}'`);
  }

  /** The properties that may hold modules, parameters and buffers. */
  protected properties(): [string, unknown][] {
    return Object.entries(this);
  }

  private ownEntries<T>(wanted: (value: unknown) => boolean): [string, T][] {
    return this.properties().flatMap(([name, value]) => {
      const key = snakeCase(name);
      if (wanted(value)) return [[key, value as T]];
      if (!Array.isArray(value)) return [];
      return value.flatMap((item, i) => (wanted(item) ? [[`${key}.${i}`, item as T]] : [])) as [
        string,
        T,
      ][];
    });
  }

  private namedState<T extends Tensor>(wanted: (value: unknown) => boolean): [string, T][] {
    const found = new Map<T, string>();
    for (const [path, module] of this.namedModules()) {
      for (const [name, tensor] of module.ownEntries<T>(wanted)) {
        if (!found.has(tensor)) found.set(tensor, join(path, name));
      }
    }
    return [...found].map(([tensor, key]) => [key, tensor]);
  }
}

function join(path: string, name: string): string {
  return path ? `${path}.${name}` : name;
}

/** runningMean -> running_mean, as PyTorch spells its keys; `W` stays as it is. */
function snakeCase(name: string): string {
  return name.replace(/(?<=[a-z0-9])[A-Z]+/g, (capitals) => `_${capitals.toLowerCase()}`);
}

/** Why `value` cannot be copied into `tensor`, or null. */
function misfit(value: StateValue, tensor: Tensor): string | null {
  const { shape } = value;
  const dtype = value instanceof Tensor ? value.dtype : dtypeOf(value.data);
  const length = value instanceof Tensor ? value.array.numel : value.data.length;
  if (!sameShape(shape, tensor.shape)) {
    return `of ${formatShape(shape)} where the model has ${formatShape(tensor.shape)}`;
  }
  if (dtype !== tensor.dtype && !(isFloat(dtype) && isFloat(tensor.dtype)))
    return `of ${dtype} where the model has ${tensor.dtype}`;
  if (length !== numelOf(shape)) return `with ${length} values for ${formatShape(shape)}`;
  const moved = value instanceof Tensor && value.array.device !== tensor.array.device;
  return moved ? 'on another device than the model' : null;
}
