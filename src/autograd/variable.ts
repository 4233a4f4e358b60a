import { AutogradError, DisposedError, formatShape } from '../errors.js';
import type { DType, Shape } from '../gpu/dtype.js';
import type { GpuArray } from '../gpu/gpuArray.js';
import type { Batch } from './batch.js';
import type { Op } from './op.js';
import { currentScope } from './scope.js';
import type { Step } from './step.js';

/** Sees a gradient, and may return another, which its caller then owns. */
type GradientHook = (gradient: GpuArray) => GpuArray | null;

interface Held {
  array: GpuArray | null;
}

/** A net for handles that were dropped without dispose; nothing relies on when it runs. */
const dropped = new FinalizationRegistry<Held>((held) => held.array?.release());

/**
 * A handle to an array, as the tape sees it: what made it, whether it wants a gradient, and when
 * its memory goes. Tensor is its one subclass.
 */
export abstract class Variable {
  readonly shape: Shape;
  readonly dtype: DType;
  requiresGrad: boolean;
  /** The op that made it, if gradients flow through it; null for a leaf. */
  op: Op | null = null;
  /** The training step that it ends with, if it was computed from a tensor of one. */
  step: Step | null = null;
  /** The batch that it is of: handed out by a DataLoader, or computed from what was. */
  batch: Batch | null = null;
  /** True if neither backward nor a scope may free it; see `retain`. */
  retained = false;
  /** True for a hidden tensor whose gradient is kept like that of a leaf; see `keepGradient`. */
  retainsGrad = false;
  /** Where backward is to write the gradient of this leaf, if an optimizer gave it a place; owned. */
  gradPlace: GpuArray | null = null;
  /** Called in this order with its gradient, once backward has added that up. */
  readonly hooks = new Set<GradientHook>();
  private readonly held: Held;
  private freedBy = '';

  constructor(array: GpuArray, requiresGrad = false) {
    this.shape = array.shape;
    this.dtype = array.dtype;
    this.requiresGrad = requiresGrad;
    this.held = { array };
    dropped.register(this, this.held, this);
    currentScope()?.add(this);
  }

  /** The gradient of a leaf, or null. */
  abstract get gradArray(): GpuArray | null;
  /** Takes ownership of `array`. */
  abstract set gradArray(array: GpuArray | null);

  /** The memory. @throws DisposedError after it was freed; says what freed it. */
  get array(): GpuArray {
    if (!this.held.array) {
      throw new DisposedError(
        `tensor ${formatShape(this.shape)}: expected a live tensor, got one that was freed: ${this.freedBy}. ` +
          'Call retain() on it before that to keep it, or read it with data() or item() first.',
      );
    }
    return this.held.array;
  }

  get isFreed(): boolean {
    return this.held.array === null;
  }

  /** @param reason  Completes "got one that was freed: ...". */
  free(reason: string): void {
    if (!this.held.array) return;
    dropped.unregister(this);
    this.held.array.release();
    this.held.array = null;
    this.freedBy = reason;
    this.gradPlace?.release();
    this.gradPlace = null;
    this.gradArray = null;
  }

  /** @returns what takes the hook away again. */
  protected addHook(hook: GradientHook): { remove: () => void } {
    this.expectGradient('registerHook');
    this.hooks.add(hook);
    return { remove: () => void this.hooks.delete(hook) };
  }

  protected keepGradient(): void {
    this.expectGradient('retainGrad');
    this.retainsGrad = this.op !== null;
  }

  private expectGradient(method: string): void {
    if (this.requiresGrad) return;
    throw new AutogradError(
      `${method}: expected a tensor that requires grad, got one that does not. ` +
        'Create a leaf with { requiresGrad: true }, and do not compute it within noGrad().',
    );
  }

  /** Moves its contents to `array`, of the same shape and dtype, which it takes over. */
  moveTo(array: GpuArray): void {
    array.copyFrom(this.array);
    this.array.release();
    this.held.array = array;
  }

  /** Makes it live on after backward and after scopes, until `dispose()`. */
  retain(): this {
    this.retained = true;
    return this;
  }
}
