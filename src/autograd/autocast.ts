import { DTypeError } from '../errors.js';
import { isDryRun, openDevice } from '../gpu/device.js';
import type { DType } from '../gpu/dtype.js';
import type { GpuArray } from '../gpu/gpuArray.js';
import { castTo } from './kernels/cast.js';
import { Op } from './op.js';
import type { Variable } from './variable.js';

/**
 * What autocast() makes of the inputs of each op, by its name on the tape. Ops in none of the lists
 * take what they get, and compute what needs more digits in f32 by themselves.
 *
 * Source: https://docs.pytorch.org/docs/stable/amp.html#autocast-op-reference
 */
const POLICY = new Map<string, 'f16' | 'f32' | 'widest'>();

/** Most of the work. f32 inputs become f16, whose products the kernels sum in f32. */
for (const op of ['matmul', 'linear', 'conv1d', 'conv2d', 'convTranspose1d', 'convTranspose2d']) {
  POLICY.set(op, 'f16');
}

/** Results that leave the range of f16, or lose digits there. f16 inputs become f32. */
for (const op of [
  ...['exp', 'log', 'pow', 'square', 'reciprocal', 'rsqrt', 'softplus'],
  ...['sum', 'prod', 'cumsum', 'norm', 'softmax', 'logSoftmax'],
  ...['layerNorm', 'groupNorm', 'localResponseNorm'],
  ...['crossEntropy', 'nllLoss', 'mseLoss', 'l1Loss', 'smoothL1Loss', 'huberLoss'],
  ...['binaryCrossEntropy', 'binaryCrossEntropyWithLogits', 'klDiv'],
]) {
  POLICY.set(op, 'f32');
}

/** Inputs of one dtype. f16 becomes f32 if one of them is. */
for (const op of ['cat', 'stack', 'where']) POLICY.set(op, 'widest');

export interface AutocastOptions {
  /** False: ops run in the dtypes of their inputs again, within an autocast() around it. Default true. */
  enabled?: boolean;
}

/** One call of autocast() that has not ended. */
class Region {
  /** Parameters as f16, so that a weight that is used twice is cast once. */
  private readonly weights = new Map<Variable, { version: number; half: GpuArray }>();

  constructor(readonly enabled: boolean) {}

  /** `x` as f16: computed once if it is a parameter, unless it has changed since. */
  halve<V extends Variable>(x: V, apply: (cast: Op, x: V) => V): V {
    if (x.op || !x.requiresGrad) return apply(new Autocast('f16'), x);
    const { storage } = x.array;
    const before = this.weights.get(x);
    const known = before?.version === storage.version ? before.half : undefined;
    // Each use has a cast of its own on the tape, so that one backward does not consume another's.
    const y = apply(new Autocast('f16', known), x);
    if (!known && !isDryRun()) {
      before?.half.release();
      this.weights.set(x, { version: storage.version, half: y.array.share() });
    }
    return y;
  }

  leave(): void {
    regions.splice(regions.indexOf(this), 1);
    for (const { half } of this.weights.values()) half.release();
  }
}

/** Those that are open, innermost last; async ones may end in any order. */
const regions: Region[] = [];

/**
 * Runs `fn` in mixed precision: matrix products and convolutions compute in f16, what needs the
 * range of f32 computes in f32, and other ops take what they get. Parameters stay f32, and so do
 * their gradients, which come back through the casts. Source: PyTorch's torch.autocast.
 *
 * It belongs around the forward pass and the loss; call `backward()` after it, and scale the loss
 * with `GradScaler`, since small gradients vanish in f16. `fn` may be async, as with noGrad(): it
 * then holds until the promise settles, for ops of other code in between too.
 *
 * @throws DTypeError on an adapter without the feature shader-f16.
 *
 * @example
 * const loss = sg.autocast(() => criterion.forward(model.forward(x), y));
 * scaler.scale(loss).backward();
 */
export function autocast<T>(fn: () => T, { enabled = true }: AutocastOptions = {}): T {
  if (enabled && openDevice()?.hasF16 === false) {
    throw new DTypeError(
      'autocast',
      'an adapter with the feature shader-f16',
      'one without',
      'Pass { enabled: device.hasF16 } to compute in f32 where there is no f16.',
    );
  }
  const region = new Region(enabled);
  regions.push(region);
  let result: T;
  try {
    result = fn();
  } catch (error) {
    region.leave();
    throw error;
  }
  if (result instanceof Promise) return result.finally(() => region.leave()) as T;
  region.leave();
  return result;
}

/** A cast that autocast() puts in front of an op. */
class Autocast extends Op {
  readonly name = 'to';
  override readonly passesOn = true;
  private from!: DType;

  /** @param known  The result, where it was computed before. */
  constructor(
    private readonly dtype: DType,
    private readonly known?: GpuArray,
  ) {
    super();
  }

  forward(x: GpuArray): GpuArray {
    this.from = x.dtype;
    return this.known?.share() ?? castTo(x, this.dtype);
  }

  backward(dy: GpuArray): GpuArray {
    return castTo(dy, this.from);
  }
}

/**
 * The inputs as the op named `name` takes them here: themselves where autocast() is not around.
 *
 * @param apply  Runs and records a cast.
 */
export function castInputs<V extends Variable>(
  name: string,
  inputs: readonly V[],
  apply: (cast: Op, x: V) => V,
): readonly V[] {
  const region = regions.at(-1);
  const policy = POLICY.get(name);
  if (!region?.enabled || !policy) return inputs;
  if (policy === 'f16') return inputs.map((x) => (x.dtype === 'f32' ? region.halve(x, apply) : x));
  if (policy === 'widest' && inputs.every(({ dtype }) => dtype !== 'f32')) return inputs;
  return inputs.map((x) => (x.dtype === 'f16' ? apply(new Autocast('f32'), x) : x));
}
