import { Reshape } from '../autograd/ops/reshape.js';
import { Unary } from '../autograd/ops/unary.js';
import type { Op } from '../autograd/op.js';
import { unscoped } from '../autograd/scope.js';
import { backward, record } from '../autograd/tape.js';
import { Variable } from '../autograd/variable.js';
import { ShapeError } from '../errors.js';
import { numelOf, type Shape, type TypedArray } from '../gpu/dtype.js';
import type { GpuArray } from '../gpu/gpuArray.js';
import { nest, type NestedNumbers } from './nested.js';

export interface TensorBackwardOptions {
  /** dL/dy, of the shape of the tensor. Default 1, and then it must have one element. */
  gradient?: Tensor;
  /** Keeps the graph, so that backward can run through it again. Default false. */
  retainGraph?: boolean;
}

/**
 * A contiguous n-dimensional array on the GPU that gradients can flow through.
 *
 * Operations only enqueue work; `data()`, `item()` and `toArray()` wait for it. Memory is freed
 * by backward, by `tidy` and `noGrad` scopes, or by `dispose()`: see "Lifetime" in the README.
 */
export class Tensor extends Variable implements Disposable {
  private gradient: Tensor | null = null;

  /** Number of elements. */
  get numel(): number {
    return numelOf(this.shape);
  }

  /** Number of dimensions. */
  get ndim(): number {
    return this.shape.length;
  }

  /** The gradient that backward has added up here, of the same shape; null before, and for hidden tensors. */
  get grad(): Tensor | null {
    return this.gradient;
  }

  /** Only `null` may be set, which frees the gradient. */
  set grad(none: null) {
    this.gradArray = none;
  }

  get gradArray(): GpuArray | null {
    return this.gradient?.array ?? null;
  }

  set gradArray(array: GpuArray | null) {
    this.gradient?.free('its gradient was cleared, by zeroGrad() or with the tensor');
    this.gradient = array && unscoped(() => new Tensor(array).retain());
  }

  /** The elements in row-major order, once everything enqueued before has run. */
  async data(): Promise<TypedArray> {
    return this.array.read();
  }

  /** The one element of a tensor of one element. @throws ShapeError for any other. */
  async item(): Promise<number> {
    if (this.numel !== 1) {
      throw new ShapeError(
        'item',
        'a tensor of one element',
        this.shape,
        'Use data() or toArray().',
      );
    }
    return (await this.data())[0]!;
  }

  /** The elements as nested arrays, or a number for a scalar. */
  async toArray(): Promise<NestedNumbers> {
    const { shape } = this;
    return nest(await this.data(), shape);
  }

  /**
   * Adds the gradient of this tensor to `grad` of every leaf that requires one.
   * @throws AutogradError if it has no graph, has not one element, or was consumed before.
   */
  backward(options: TensorBackwardOptions = {}): void {
    backward(this, { gradient: options.gradient?.array, retainGraph: options.retainGraph });
  }

  /** The same memory, cut off from the graph. */
  detach(): Tensor {
    const detached = new Tensor(this.array.share());
    this.step?.add(detached);
    return detached;
  }

  /** Sets whether backward computes a gradient for this leaf. */
  requiresGrad_(flag = true): this {
    this.requiresGrad = flag;
    return this;
  }

  /** Frees the memory now; ops that still need it for backward keep it until then. */
  dispose(): void {
    this.free('dispose() was called on it');
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** -x */
  neg(): Tensor {
    return apply(new Unary('neg'), this);
  }

  /** |x| */
  abs(): Tensor {
    return apply(new Unary('abs'), this);
  }

  /** e^x */
  exp(): Tensor {
    return apply(new Unary('exp'), this);
  }

  /** Natural logarithm. */
  log(): Tensor {
    return apply(new Unary('log'), this);
  }

  /** Square root. */
  sqrt(): Tensor {
    return apply(new Unary('sqrt'), this);
  }

  /** x^2 */
  square(): Tensor {
    return apply(new Unary('square'), this);
  }

  /** max(x, 0) */
  relu(): Tensor {
    return apply(new Unary('relu'), this);
  }

  /** 1 / (1 + e^-x) */
  sigmoid(): Tensor {
    return apply(new Unary('sigmoid'), this);
  }

  /** Hyperbolic tangent. */
  tanh(): Tensor {
    return apply(new Unary('tanh'), this);
  }

  /** The same elements in another shape, of which one dimension may be -1. */
  reshape(shape: Shape): Tensor {
    return apply(new Reshape(shape), this);
  }
}

/** Runs an op on tensors and records it for backward: `apply(new MaxPool2d(o), x)`. */
export function apply(op: Op, ...inputs: Tensor[]): Tensor {
  return record(op, inputs, (array) => new Tensor(array));
}
