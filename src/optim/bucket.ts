import { fill } from '../autograd/kernels/fill.js';
import { unscoped } from '../autograd/scope.js';
import { BYTES_PER_ELEMENT } from '../gpu/dtype.js';
import { BINDING_ALIGNMENT, GpuArray, type Storage } from '../gpu/gpuArray.js';
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
 * Parameters side by side in memory, their gradients side by side, and so all that is remembered of
 * them: one dispatch then updates them all. The tensors stay what they were, on other memory, and
 * own it; the bucket knows them, and holds nothing.
 */
export class Bucket {
  private readonly homes: Storage[];
  private readonly places: Storage[] = [];

  constructor(readonly params: readonly Tensor[]) {
    this.place((i, home) => this.params[i]!.moveTo(home));
    this.homes = params.map(({ array }) => array.storage);
    this.place((i, place) => {
      const param = this.params[i]!;
      param.gradPlace?.release();
      param.gradPlace = place;
      this.places.push(place.storage);
    });
  }

  /** True while nobody has moved its parameters elsewhere. */
  get isWhole(): boolean {
    return this.params.every((param, i) => param.isFreed || param.array.storage === this.homes[i]);
  }

  /** Has side by side what is remembered of each parameter under `key`; zeros at first. */
  remember(key: string, states: readonly ParamState[]): void {
    const storages = states.map(({ arrays }) => arrays[key]?.array.storage);
    if (storages.every((storage) => storage && storage.whole === storages[0]!.whole)) return;
    this.place((i, place) => {
      const { arrays } = states[i]!;
      if (arrays[key]) arrays[key].moveTo(place);
      else arrays[key] = unscoped(() => new Tensor(place).retain());
    });
  }

  /** Has the gradient of a parameter in its place. @returns false if somebody else uses that. */
  gather(i: number): boolean {
    const { grad, gradPlace } = this.params[i]!;
    if (grad!.array.storage === gradPlace!.storage) return true;
    if (gradPlace!.storage.shared) return false;
    grad!.moveTo(gradPlace!.share());
    return true;
  }

  /**
   * Parameters `first` to `last` as one piece of memory, with the zeros between and behind them; its
   * arrays are to be released.
   */
  run(first: number, last: number, states: readonly ParamState[], keys: readonly string[]): Run {
    const span = (of: (i: number) => GpuArray): GpuArray => of(first).upTo(of(last));
    return {
      grad: span((i) => this.params[i]!.gradPlace!),
      param: span((i) => this.params[i]!.array),
      state: Object.fromEntries(
        keys.map((key) => [key, span((i) => states[i]!.arrays[key]!.array)]),
      ),
    };
  }

  /** Lets go: gradients have no place any more, and parameters that were freed hold no memory. */
  release(): void {
    this.params.forEach((param, i) => {
      if (param.gradPlace?.storage !== this.places[i]) return; // another optimizer's
      param.gradPlace?.release();
      param.gradPlace = null;
    });
    if (this.params.some(({ isFreed }) => isFreed)) this.breakUp();
  }

  /** Gives each parameter a memory of its own: one that lives on would hold that of all. */
  private breakUp(): void {
    this.params.forEach((param, i) => {
      if (param.isFreed || param.array.storage !== this.homes[i]) return;
      const { shape, dtype, array } = param;
      const { closed, recording } = array.device;
      if (!closed && !recording) param.moveTo(GpuArray.empty(shape, dtype, array.device));
    });
  }

  /** Makes an array of zeros with room for all parameters, and hands out the piece of each. */
  private place(take: (i: number, piece: GpuArray) => void): void {
    const { dtype, array } = this.params[0]!;
    const aligned = BINDING_ALIGNMENT / BYTES_PER_ELEMENT[dtype];
    let end = 0;
    const starts = this.params.map(({ numel }) => {
      const start = end;
      end = aligned * Math.ceil((end + numel) / aligned);
      return start;
    });
    const all = fill(GpuArray.empty([end], dtype, array.device), 0);
    this.params.forEach(({ shape }, i) => take(i, all.piece(starts[i]!, shape)));
    all.release();
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
