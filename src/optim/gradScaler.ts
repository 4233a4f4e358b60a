import { fill } from '../autograd/kernels/fill.js';
import { unscale } from '../autograd/kernels/finite.js';
import { Binary } from '../autograd/ops/binary.js';
import { ArgumentError, AutogradError, DTypeError } from '../errors.js';
import { isFloat } from '../gpu/dtype.js';
import { GpuArray } from '../gpu/gpuArray.js';
import { apply, type Tensor } from '../tensor/tensor.js';

export interface GradScalerOptions {
  /** The first factor. Default 65536. */
  initScale: number;
  /** What the scale is multiplied by after `growthInterval` steps without Inf or NaN. Default 2. */
  growthFactor: number;
  /** What the scale is multiplied by after a step with Inf or NaN. Default 0.5. */
  backoffFactor: number;
  /** Default 2000. */
  growthInterval: number;
  /** False: `scale` returns its tensor, `step` is the optimizer's. Default true. */
  enabled: boolean;
}

/** Under PyTorch's names. */
export interface GradScalerState {
  scale: number;
  growth_factor: number;
  backoff_factor: number;
  growth_interval: number;
  _growth_tracker: number;
}

/** What GradScaler needs of an optimizer. */
interface Steps {
  readonly paramGroups: readonly { readonly params: readonly Tensor[] }[];
  step(): unknown;
}

/** What happened to the gradients of one optimizer since the last update(). */
interface Progress {
  /** One u32 that is not 0 if a gradient was not finite; until `step` reads it. */
  found: GpuArray | null;
  stepped: boolean;
  isFinite: boolean;
}

/** The loss times the scale: the loss and its inputs stay readable as if backward came from it. */
class ScaledLoss extends Binary {
  override readonly passesOn = true;
}

const FINISH_FIRST = 'Call update() once at the end of each training step.';

/**
 * Scales the loss, so that small gradients do not vanish in f16, and the gradients back before the
 * optimizer uses them. A step whose gradients overflowed is skipped, and the scale is reduced; after
 * many good steps in a row it is raised.
 *
 * `step` reads one word from the GPU to know whether to skip, as PyTorch does: so it is async, and
 * waits for the backward pass. Source: https://docs.pytorch.org/docs/stable/amp.html#gradient-scaling
 *
 * @example
 * const scaler = new sg.optim.GradScaler();
 * for await (const [x, y] of loader) {
 *   const loss = sg.autocast(() => criterion.forward(model.forward(x), y));
 *   optimizer.zeroGrad();
 *   scaler.scale(loss).backward();
 *   await scaler.step(optimizer);
 *   scaler.update();
 * }
 */
export class GradScaler {
  private readonly options: GradScalerOptions;
  private factor: number;
  /** Steps in a row without Inf or NaN. */
  private good = 0;
  private readonly progress = new Map<Steps, Progress>();

  constructor(options: Partial<GradScalerOptions> = {}) {
    this.options = {
      initScale: 65536,
      growthFactor: 2,
      backoffFactor: 0.5,
      growthInterval: 2000,
      enabled: true,
      ...options,
    };
    const { initScale, growthFactor, backoffFactor, growthInterval } = this.options;
    const ranges: [string, number, boolean][] = [
      ['an initScale above 0', initScale, initScale > 0 && initScale < Infinity],
      ['a growthFactor above 1', growthFactor, growthFactor > 1],
      [
        'a backoffFactor above 0 and below 1',
        backoffFactor,
        backoffFactor > 0 && backoffFactor < 1,
      ],
      [
        'a whole growthInterval from 1 up',
        growthInterval,
        Number.isInteger(growthInterval) && growthInterval > 0,
      ],
    ];
    for (const [expected, got, valid] of ranges) {
      if (!valid) throw new ArgumentError('GradScaler', expected, got);
    }
    this.factor = initScale;
  }

  get enabled(): boolean {
    return this.options.enabled;
  }

  /** The factor of the next loss; 1 if not enabled. */
  getScale(): number {
    return this.enabled ? this.factor : 1;
  }

  /** The loss times the scale, in f32. Its `backward()` keeps the loss and the logits readable. */
  scale(loss: Tensor): Tensor {
    if (!this.enabled) return loss;
    if (!isFloat(loss.dtype))
      throw new DTypeError('GradScaler.scale', 'a loss of f32 or f16', loss.dtype);
    const wide = loss.dtype === 'f32' ? loss : loss.to('f32');
    return apply(new ScaledLoss('mul', this.factor), wide);
  }

  /**
   * Divides the gradients of the optimizer's parameters by the scale, in place: for code that looks
   * at them, such as clipping, between `backward()` and `step()`, which does it otherwise.
   *
   * @throws AutogradError if there are no gradients, or if it was called before in this step.
   */
  unscale_(optimizer: Steps): void {
    if (!this.enabled) return;
    const before = this.progress.get(optimizer);
    if (before) {
      const what = before.stepped ? 'step() has run' : 'unscale_() has run before';
      throw new AutogradError(
        `GradScaler.unscale_: ${what} for this optimizer since the last update(). ${FINISH_FIRST}`,
      );
    }
    const gradients = optimizer.paramGroups
      .flatMap(({ params }) => params)
      .flatMap(({ grad }) => grad ?? []);
    if (gradients.length === 0) {
      throw new AutogradError(
        'GradScaler.unscale_: expected parameters with gradients, got none. Call scale(loss).backward() first.',
      );
    }
    const halves = gradients.some(({ dtype }) => dtype === 'f16');
    if (halves) {
      throw new DTypeError(
        'GradScaler.unscale_',
        'gradients of f32',
        'f16',
        'Keep the parameters in f32, and let autocast() cast them.',
      );
    }
    const found = fill(GpuArray.empty([1], 'u32', gradients[0]!.array.device), 0);
    for (const { array } of gradients) unscale(array, found, 1 / this.factor);
    this.progress.set(optimizer, { found, stepped: false, isFinite: true });
  }

  /**
   * Runs `optimizer.step()`, on gradients divided by the scale, unless one of them is Inf or NaN.
   *
   * @returns whether the step was taken.
   * @throws AutogradError as `unscale_` does, and if it was called before in this step.
   */
  async step(optimizer: Steps): Promise<boolean> {
    if (!this.enabled) {
      optimizer.step();
      return true;
    }
    if (this.progress.get(optimizer)?.stepped) {
      throw new AutogradError(
        `GradScaler.step: it has run for this optimizer since the last update(). ${FINISH_FIRST}`,
      );
    }
    if (!this.progress.has(optimizer)) this.unscale_(optimizer);
    const progress = this.progress.get(optimizer)!;
    progress.stepped = true;
    const found = progress.found!;
    progress.found = null;
    const reading = found.read();
    found.release();
    progress.isFinite = (await reading)[0] === 0;
    if (progress.isFinite) optimizer.step();
    return progress.isFinite;
  }

  /**
   * Adapts the scale to what the steps since the last call found.
   *
   * @param newScale  Sets it instead.
   * @throws AutogradError if there was no step.
   */
  update(newScale?: number): void {
    if (!this.enabled) return;
    if (newScale === undefined) this.adapt();
    else if (newScale > 0 && newScale < Infinity) this.factor = newScale;
    else throw new ArgumentError('GradScaler.update', 'a newScale above 0', newScale);
    for (const { found } of this.progress.values()) found?.release();
    this.progress.clear();
  }

  private adapt(): void {
    const steps = [...this.progress.values()];
    if (!steps.some(({ stepped }) => stepped)) {
      throw new AutogradError('GradScaler.update: expected a step() before it, got none.');
    }
    const { growthFactor, backoffFactor, growthInterval } = this.options;
    if (steps.some((step) => !step.isFinite)) {
      this.factor *= backoffFactor;
      this.good = 0;
    } else if (++this.good === growthInterval) {
      // Beyond f32 the scaled loss would be Inf.
      if (Number.isFinite(Math.fround(this.factor * growthFactor))) this.factor *= growthFactor;
      this.good = 0;
    }
  }

  /** Everything needed to go on later, under PyTorch's names; empty if not enabled. */
  stateDict(): Partial<GradScalerState> {
    if (!this.enabled) return {};
    const { growthFactor, backoffFactor, growthInterval } = this.options;
    return {
      scale: this.factor,
      growth_factor: growthFactor,
      backoff_factor: backoffFactor,
      growth_interval: growthInterval,
      _growth_tracker: this.good,
    };
  }

  /** @throws ArgumentError for the state of a scaler that was not enabled. */
  loadStateDict(state: Partial<GradScalerState>): void {
    if (!this.enabled) return;
    const { scale, growth_factor, backoff_factor, growth_interval, _growth_tracker } = state;
    if (
      scale === undefined ||
      growth_factor === undefined ||
      backoff_factor === undefined ||
      growth_interval === undefined ||
      _growth_tracker === undefined
    ) {
      const got = Object.keys(state).join(', ') || 'nothing';
      throw new ArgumentError('GradScaler.loadStateDict', 'what stateDict() gave', got);
    }
    this.options.growthFactor = growth_factor;
    this.options.backoffFactor = backoff_factor;
    this.options.growthInterval = growth_interval;
    this.factor = scale;
    this.good = _growth_tracker;
  }
}
