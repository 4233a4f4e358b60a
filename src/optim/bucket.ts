import { fill } from '../autograd/kernels/fill.js';
import { unscoped } from '../autograd/scope.js';
import { BYTES_PER_ELEMENT } from '../gpu/dtype.js';
import { BINDING_ALIGNMENT, GpuArray } from '../gpu/gpuArray.js';
import { Tensor } from '../tensor/tensor.js';

/** What an optimizer remembers of one parameter, under PyTorch's names. */
export interface ParamState {
  /** Steps taken. */
  step: number;
  /** Arrays of the parameter's shape. */
  arrays: Record<string, Tensor>;
}

/** Neighbours in memory that take the same step. */
export interface Run {
  grad: GpuArray;
  param: GpuArray;
  /** What is remembered of them, by key. */
  state: Record<string, GpuArray>;
}

/**
 * Parameters side by side in one array, their gradients in another, and so all that is remembered
 * of them: one dispatch then updates them all. The tensors stay what they were, on other memory.
 */
export class Bucket {
  private readonly starts: number[] = [];
  private readonly values: GpuArray;
  private readonly grads: GpuArray;
  private readonly state = new Map<string, { all: GpuArray; pieces: GpuArray[] }>();
  /** Where each parameter is, and where backward is to write its gradient. */
  private readonly homes: GpuArray[];
  private readonly places: GpuArray[];

  constructor(readonly params: readonly Tensor[]) {
    const { dtype, array } = params[0]!;
    const aligned = BINDING_ALIGNMENT / BYTES_PER_ELEMENT[dtype];
    let end = 0;
    for (const { numel } of params) {
      this.starts.push(end);
      end = aligned * Math.ceil((end + numel) / aligned);
    }
    const { device } = array;
    const make = (): GpuArray => fill(GpuArray.empty([end], dtype, device), 0);
    this.values = make();
    this.grads = make();
    this.homes = this.pieces(this.values);
    this.places = this.pieces(this.grads);
    params.forEach((param, i) => {
      param.moveTo(this.homes[i]!.share());
      param.gradPlace = this.places[i]!;
    });
  }

  /** True while nobody has moved its parameters elsewhere. */
  get isWhole(): boolean {
    return this.params.every(
      (param, i) => param.isFreed || param.array.storage === this.homes[i]!.storage,
    );
  }

  /** Has in its place what is remembered of each parameter under `key`; zeros at first. */
  remember(key: string, states: readonly ParamState[]): void {
    const isNew = !this.state.has(key);
    if (isNew) {
      const { shape, dtype, device } = this.values;
      const all = fill(GpuArray.empty(shape, dtype, device), 0);
      this.state.set(key, { all, pieces: this.pieces(all) });
    }
    const { pieces } = this.state.get(key)!;
    states.forEach(({ arrays }, i) => {
      const piece = pieces[i]!;
      const known = arrays[key];
      if (known?.array.storage === piece.storage) return;
      if (known) known.moveTo(piece.share());
      else {
        if (!isNew) fill(piece, 0); // it was forgotten
        arrays[key] = unscoped(() => new Tensor(piece.share()).retain());
      }
    });
  }

  /** Has the gradient of a parameter in its place. @returns false if somebody else uses that. */
  gather(i: number): boolean {
    const grad = this.params[i]!.grad!;
    const place = this.places[i]!;
    if (grad.array.storage === place.storage) return true;
    if (place.storage.shared) return false;
    grad.moveTo(place.share());
    return true;
  }

  /** Parameters `first` to `last` as one piece of memory; its arrays are to be released. */
  run(first: number, last: number, keys: readonly string[]): Run {
    const start = this.starts[first]!;
    const shape = [this.starts[last]! + this.params[last]!.numel - start];
    return {
      grad: this.grads.part(start, shape),
      param: this.values.part(start, shape),
      state: Object.fromEntries(
        keys.map((key) => [key, this.state.get(key)!.all.part(start, shape)]),
      ),
    };
  }

  /** Lets go: the tensors keep the memory for as long as they live. */
  release(): void {
    for (const param of this.params) if (!param.isFreed) param.gradPlace = null;
    const states = [...this.state.values()].flatMap(({ all, pieces }) => [all, ...pieces]);
    for (const array of [...this.homes, ...this.places, ...states, this.values, this.grads])
      array.release();
  }

  private pieces(all: GpuArray): GpuArray[] {
    return this.params.map(({ shape }, i) => all.piece(this.starts[i]!, shape));
  }
}

/** Groups parameters that can share a bucket: of one dtype and device, and small enough to be bound. */
export function groupForBuckets(params: readonly Tensor[]): Tensor[][] {
  const groups: Tensor[][] = [];
  const bytes = new Map<Tensor[], number>();
  for (const param of params) {
    const { device } = param.array;
    const most = Math.min(device.bindingLimit, device.gpu.limits.maxBufferSize);
    const size = BINDING_ALIGNMENT * Math.ceil(param.array.bytes / BINDING_ALIGNMENT);
    const fitting = groups.find(
      (group) =>
        group[0]!.dtype === param.dtype &&
        group[0]!.array.device === device &&
        bytes.get(group)! + size <= most,
    );
    if (fitting) {
      fitting.push(param);
      bytes.set(fitting, bytes.get(fitting)! + size);
    } else {
      groups.push([param]);
      bytes.set(groups.at(-1)!, size);
    }
  }
  return groups;
}
