import { ArgumentError, formatShape } from '../errors.js';
import { sameShape } from '../gpu/dtype.js';
import { fill } from '../autograd/kernels/fill.js';
import { unscoped } from '../autograd/scope.js';
import { isDryRun, type Device } from '../gpu/device.js';
import { GpuArray } from '../gpu/gpuArray.js';
import { replayed } from '../gpu/recording.js';
import { Tensor } from '../tensor/tensor.js';
import { Bucket, groupForBuckets, type ParamState, type Run } from './bucket.js';

/** Some parameters with settings of their own; what is left out is the optimizer's default. */
export type ParamGroup<O> = { params: Iterable<Tensor> } & Partial<O>;

/** A group as the optimizer keeps it: every setting filled in, and free to be changed. */
export type FilledGroup<O> = { params: Tensor[] } & O;

export type { ParamState };

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
  private readonly state = new Map<Tensor, ParamState>();
  private readonly buckets = new Set<Bucket>();
  /** Parameters that no bucket can have. */
  private readonly loners = new Set<Tensor>();

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

  /** Updates every parameter that has a gradient, all of them at once where that can be. */
  step(): void {
    for (const group of this.paramGroups) {
      const keys = this.stateKeys(group);
      const params = group.params.filter(({ grad }) => grad);
      if (params.length === 0) continue;
      const { device } = params[0]!.array;
      if (isDryRun()) this.compileUpdate(device, params, keys, group);
      else this.stepGroup(params, keys, group);
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
        [...this.state]
          .filter(([, { arrays }]) => Object.keys(arrays).length > 0)
          .map(([param, state]) => [place.get(param)!, state]),
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
    for (const bucket of this.buckets) bucket.release();
    this.buckets.clear();
    for (const param of this.state.keys()) this.forget(param);
  }

  private stepGroup(params: Tensor[], keys: readonly string[], group: FilledGroup<O>): void {
    this.fillBuckets(params);
    const alone = new Set(params);
    for (const bucket of this.buckets) {
      const taking = bucket.params.map((param, i) => alone.has(param) && bucket.gather(i));
      if (!taking.includes(true)) continue;
      const states = bucket.params.map((param) => this.stateOf(param));
      for (const key of keys) bucket.remember(key, states);
      let first = 0;
      bucket.params.forEach((param, i) => {
        if (!taking[i]) {
          first = i + 1;
          return;
        }
        alone.delete(param);
        const goesOn = taking[i + 1] && states[i + 1]!.step === states[i]!.step;
        if (goesOn) return;
        const run = bucket.run(first, i, states, keys);
        this.stepRun(run, bucket.params.slice(first, i + 1), group);
        for (const array of [run.grad, run.param, ...Object.values(run.state)]) array.release();
        first = i + 1;
      });
    }
    for (const param of alone) {
      const { arrays } = this.stateOf(param, keys);
      const state = Object.fromEntries(keys.map((key) => [key, arrays[key]!.array]));
      this.stepRun({ grad: param.grad!.array, param: param.array, state }, [param], group);
    }
  }

  private stepRun(run: Run, params: readonly Tensor[], group: FilledGroup<O>): void {
    const states = params.map((param) => this.stateOf(param));
    const step = replayed(run.param.device, () => {
      // Its memory is a piece of what the kernel gets.
      for (const { array } of params) array.storage.version++;
      for (const state of states) state.step++;
      return states[0]!.step;
    });
    this.update(run, step, group);
  }

  /** Has as many parameters as can be in buckets. */
  private fillBuckets(params: readonly Tensor[]): void {
    const { recording } = params[0]!.array.device;
    for (const bucket of this.buckets) {
      if (bucket.isWhole) continue;
      // Another optimizer has them too: from here on each goes alone.
      for (const param of bucket.params) this.loners.add(param);
      bucket.release();
      this.buckets.delete(bucket);
    }
    if (recording) return; // a replay would move them again
    const known = new Set([...this.buckets].flatMap((bucket) => bucket.params));
    // What others hold too, such as tied weights, stays where it is.
    const free = params.filter(
      (param) => !known.has(param) && !this.loners.has(param) && !param.array.storage.shared,
    );
    for (const group of groupForBuckets(free)) {
      if (group.length > 1) this.buckets.add(new Bucket(group));
    }
  }

  /** In a dry run: has the pipeline noted, and changes nothing. */
  private compileUpdate(
    device: Device,
    params: readonly Tensor[],
    keys: readonly string[],
    group: FilledGroup<O>,
  ): void {
    const { numel, dtype } = params[0]!;
    // Several will be side by side, in whole quads.
    const shape = params.length > 1 ? [4] : [numel];
    const arrays = Array.from({ length: 2 + keys.length }, () =>
      GpuArray.empty(shape, dtype, device),
    );
    const [grad, param, ...rest] = arrays as [GpuArray, GpuArray, ...GpuArray[]];
    const state = Object.fromEntries(keys.map((key, i) => [key, rest[i]!]));
    this.update({ grad, param, state }, () => 1, group);
    for (const array of arrays) array.release();
  }

  private forget(param: Tensor): void {
    for (const tensor of Object.values(this.state.get(param)!.arrays)) tensor.dispose();
    this.state.delete(param);
  }

  /** Under which keys something is remembered of each parameter. */
  protected abstract stateKeys(group: FilledGroup<O>): readonly string[];

  /**
   * One step of neighbouring parameters, in place.
   *
   * @param step  How many they have taken, this one included; at a replay of a capture, one more.
   */
  protected abstract update(run: Run, step: () => number, group: FilledGroup<O>): void;

  /** @throws ArgumentError for a setting out of its range. */
  protected abstract checkOptions(options: O): void;

  /** Throws unless `valid`. */
  protected expect(valid: boolean, expected: string, got: unknown): void {
    if (!valid) throw new ArgumentError(this.name, expected, got);
  }

  /** What is remembered of `param`, made of zeros at first. */
  private stateOf(param: Tensor, keys: readonly string[] = []): ParamState {
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
