import { ArgumentError, formatShape } from '../errors.js';
import { sameShape } from '../gpu/dtype.js';
import { GpuArray } from '../gpu/gpuArray.js';
import { fill } from '../autograd/kernels/fill.js';
import { unscoped } from '../autograd/scope.js';
import { Tensor } from '../tensor/tensor.js';

/** Some parameters with settings of their own; what is left out is the optimizer's default. */
export type ParamGroup<O> = { params: Iterable<Tensor> } & Partial<O>;

/** A group as the optimizer keeps it: every setting filled in, and free to be changed. */
export type FilledGroup<O> = { params: Tensor[] } & O;

/** What an optimizer remembers of one parameter, under PyTorch's names. */
export interface ParamState {
  /** Steps taken. */
  step: number;
  /** Arrays of the parameter's shape. */
  arrays: Record<string, Tensor>;
}

export interface OptimizerState<O> {
  /** By the parameter's place, counted over all groups. */
  state: Record<number, ParamState>;
  paramGroups: ({ params: number[] } & O)[];
}

/**
 * The base of the optimizers: parameter groups, state, and the loop over both.
 * Source: https://docs.pytorch.org/docs/stable/optim.html
 */
export abstract class Optimizer<O extends object> {
  /** Change a setting here, such as `paramGroups[0].lr`, and the next step uses it. */
  readonly paramGroups: FilledGroup<O>[] = [];
  protected readonly state = new Map<Tensor, ParamState>();

  protected constructor(
    params: Iterable<Tensor> | Iterable<ParamGroup<O>>,
    private readonly defaults: O,
  ) {
    const list = [...params];
    if (list.length === 0) {
      throw new ArgumentError(
        this.name,
        'at least one parameter',
        'none',
        'Pass model.parameters().',
      );
    }
    const tensors = list.filter((item) => item instanceof Tensor);
    if (tensors.length > 0 && tensors.length < list.length) {
      throw new ArgumentError(this.name, 'either parameters or groups of them', 'both in one list');
    }
    const groups = tensors.length > 0 ? [{ params: tensors }] : (list as ParamGroup<O>[]);
    for (const group of groups) this.addParamGroup(group as ParamGroup<O>);
  }

  get name(): string {
    return this.constructor.name;
  }

  /** Adds parameters with settings of their own. @throws ArgumentError for one that is in already. */
  addParamGroup(group: ParamGroup<O>): void {
    const filled = { ...this.defaults, ...group, params: [...group.params] } as FilledGroup<O>;
    const known = new Set(this.paramGroups.flatMap(({ params }) => params));
    for (const param of filled.params) {
      if (!(param instanceof Tensor) || param.op) {
        throw new ArgumentError(
          this.name,
          'leaf tensors as parameters',
          'something else',
          'Pass model.parameters().',
        );
      }
      if (known.has(param)) {
        throw new ArgumentError(this.name, 'each parameter once', 'one that is in two groups');
      }
      known.add(param);
    }
    this.checkOptions(filled);
    this.paramGroups.push(filled);
  }

  /** Updates every parameter that has a gradient. */
  step(): void {
    for (const group of this.paramGroups) {
      for (const param of group.params) {
        const { grad } = param;
        if (grad) this.update(param, grad.array, group);
      }
    }
  }

  /** Frees the gradients of all parameters. */
  zeroGrad(): void {
    for (const { params } of this.paramGroups) for (const param of params) param.grad = null;
  }

  /** Everything needed to go on later; the tensors are live, not copies. */
  stateDict(): OptimizerState<O> {
    const all = this.paramGroups.flatMap(({ params }) => params);
    const place = new Map(all.map((param, i) => [param, i]));
    return {
      state: Object.fromEntries(
        [...this.state].map(([param, state]) => [place.get(param)!, state]),
      ),
      paramGroups: this.paramGroups.map((group) => ({
        ...group,
        params: group.params.map((param) => place.get(param)!),
      })),
    };
  }

  /**
   * Copies what `stateDict()` gave, and forgets what is not in it.
   * @throws ArgumentError if groups or shapes differ; nothing has changed then.
   */
  loadStateDict({ state, paramGroups }: OptimizerState<O>): void {
    const sizes = (groups: readonly { params: readonly unknown[] }[]): string =>
      groups.map(({ params }) => params.length).join(', ');
    if (sizes(paramGroups) !== sizes(this.paramGroups)) {
      throw new ArgumentError(
        `${this.name}.loadStateDict`,
        `groups of ${sizes(this.paramGroups)} parameters`,
        sizes(paramGroups),
      );
    }
    const all = this.paramGroups.flatMap(({ params }) => params);
    for (const [place, { arrays }] of Object.entries(state)) {
      for (const [key, { shape, dtype }] of Object.entries(arrays)) {
        const param = all[Number(place)];
        if (!param || !sameShape(param.shape, shape) || param.dtype !== dtype) {
          throw new ArgumentError(
            `${this.name}.loadStateDict`,
            `${key} of the shape and dtype of parameter ${place}`,
            `${formatShape(shape)} of ${dtype}`,
          );
        }
      }
    }
    const remembered = new Set(Object.keys(state).map((place) => all[Number(place)]));
    for (const param of this.state.keys()) if (!remembered.has(param)) this.forget(param);
    paramGroups.forEach(({ params: _, ...settings }, i) =>
      Object.assign(this.paramGroups[i]!, settings),
    );
    for (const [place, { step, arrays }] of Object.entries(state)) {
      const own = this.stateOf(all[Number(place)]!, Object.keys(arrays));
      own.step = step;
      for (const [key, tensor] of Object.entries(arrays))
        own.arrays[key]!.array.copyFrom(tensor.array);
    }
  }

  /** Frees what it remembers of the parameters. */
  dispose(): void {
    for (const param of this.state.keys()) this.forget(param);
  }

  private forget(param: Tensor): void {
    for (const tensor of Object.values(this.state.get(param)!.arrays)) tensor.dispose();
    this.state.delete(param);
  }

  /** One step of one parameter, in place. */
  protected abstract update(param: Tensor, grad: GpuArray, group: FilledGroup<O>): void;

  /** @throws ArgumentError for a setting out of its range. */
  protected abstract checkOptions(options: O): void;

  /** Throws unless `valid`. */
  protected expect(valid: boolean, expected: string, got: unknown): void {
    if (!valid) throw new ArgumentError(this.name, expected, got);
  }

  /** What is remembered of `param`, made of zeros at first. */
  protected stateOf(param: Tensor, keys: readonly string[]): ParamState {
    let state = this.state.get(param);
    if (!state) {
      state = { step: 0, arrays: {} };
      this.state.set(param, state);
    }
    for (const key of keys) {
      state.arrays[key] ??= unscopedZeros(param);
    }
    return state;
  }
}

function unscopedZeros(param: Tensor): Tensor {
  return unscoped(() =>
    new Tensor(fill(GpuArray.empty(param.shape, param.dtype, param.array.device), 0)).retain(),
  );
}
