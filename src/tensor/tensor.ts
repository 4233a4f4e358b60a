import { castTo } from '../autograd/kernels/cast.js';
import { resolveDim } from '../autograd/kernels/dims.js';
import { fill } from '../autograd/kernels/fill.js';
import { planCopy, stridedCopy } from '../autograd/kernels/stridedCopy.js';
import { broadcast, broadcastShape } from '../autograd/kernels/strides.js';
import { Argmax } from '../autograd/ops/argmax.js';
import { Binary, type BinaryName } from '../autograd/ops/binary.js';
import { Cast } from '../autograd/ops/cast.js';
import { Clamp } from '../autograd/ops/clamp.js';
import { Clone } from '../autograd/ops/clone.js';
import { Compare, type CompareName } from '../autograd/ops/compare.js';
import { Expand } from '../autograd/ops/expand.js';
import { Extremum, Mean, Sum, Variance } from '../autograd/ops/reduce.js';
import { Select, Slice } from '../autograd/ops/slice.js';
import { Where } from '../autograd/ops/where.js';
import { MatMul } from '../autograd/ops/matmul.js';
import { Reshape } from '../autograd/ops/reshape.js';
import { Softmax } from '../autograd/ops/softmax.js';
import { Permute, Transpose } from '../autograd/ops/transpose.js';
import { Unary } from '../autograd/ops/unary.js';
import type { Op } from '../autograd/op.js';
import { isGradEnabled, unscoped } from '../autograd/scope.js';
import { backward, record } from '../autograd/tape.js';
import { Variable } from '../autograd/variable.js';
import { ArgumentError, AutogradError, DTypeError, formatShape, ShapeError } from '../errors.js';
import {
  isFloat,
  numelOf,
  sameShape,
  typedArray,
  type DType,
  type Shape,
  type TypedArray,
} from '../gpu/dtype.js';
import type { GpuArray } from '../gpu/gpuArray.js';
import { nest, type NestedNumbers } from './nested.js';
import { describeTensor, formatTensor, type PrintOptions } from './print.js';

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

  /** Replaces the gradient, by a copy of a tensor of the same shape; `null` clears it. */
  set grad(value: Tensor | null) {
    if (value && !sameShape(value.shape, this.shape)) {
      throw new ShapeError('grad', `a gradient ${formatShape(this.shape)}`, value.shape);
    }
    if (!value) this.gradArray = null;
    else if (value !== this.gradient) this.gradArray = value.array.copy();
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
    if (this.step) this.step.add(detached, true);
    else this.batch?.derive(detached);
    return detached;
  }

  /**
   * Sets whether backward computes a gradient for this leaf.
   * @throws DTypeError for integers, AutogradError for the result of an op.
   */
  requiresGrad_(flag = true): this {
    if (flag && !isFloat(this.dtype)) {
      throw new DTypeError(
        'requiresGrad_',
        'f32 or f16 for a tensor that requires grad',
        this.dtype,
      );
    }
    if (this.op && !flag) {
      throw new AutogradError(
        `requiresGrad_: expected a leaf, got the result of ${this.op.name}. Use detach().`,
      );
    }
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

  /** a + b, elementwise with broadcasting, as are the methods that follow. */
  add(other: Tensor | number): Tensor {
    return binary('add', this, other);
  }

  /** a - b */
  sub(other: Tensor | number): Tensor {
    return binary('sub', this, other);
  }

  /** a b */
  mul(other: Tensor | number): Tensor {
    return binary('mul', this, other);
  }

  /** a / b; of integers the fraction too, as f32. */
  div(other: Tensor | number): Tensor {
    return binary('div', this, other);
  }

  /** a^b */
  pow(exponent: Tensor | number): Tensor {
    return binary('pow', this, exponent);
  }

  /** a - b floor(a / b): what is left of a, with the sign of b. */
  remainder(other: Tensor | number): Tensor {
    return binary('remainder', this, other);
  }

  /** a - b trunc(a / b): what is left of a, with the sign of a. */
  fmod(other: Tensor | number): Tensor {
    return binary('fmod', this, other);
  }

  /** number - a */
  rsub(number: number): Tensor {
    return apply(new Binary('sub', number, true), this);
  }

  /** number / a; of integers the fraction too, as f32. */
  rdiv(number: number): Tensor {
    return apply(new Binary('div', number, true), this);
  }

  /** number^a */
  rpow(number: number): Tensor {
    return apply(new Binary('pow', number, true), this);
  }

  /** The larger of two elements; NaN if one of them is. */
  maximum(other: Tensor | number): Tensor {
    return binary('maximum', this, other);
  }

  /** The smaller of two elements; NaN if one of them is. */
  minimum(other: Tensor | number): Tensor {
    return binary('minimum', this, other);
  }

  /** Each element limited to [low, high]; one of them may be left out. */
  clamp(low?: number, high?: number): Tensor {
    return apply(new Clamp(low, high), this);
  }

  /** 1 where a = b, else 0, as i32; so are the comparisons that follow. */
  eq(other: Tensor | number): Tensor {
    return compare('eq', this, other);
  }

  /** a != b */
  ne(other: Tensor | number): Tensor {
    return compare('ne', this, other);
  }

  /** a < b */
  lt(other: Tensor | number): Tensor {
    return compare('lt', this, other);
  }

  /** a <= b */
  le(other: Tensor | number): Tensor {
    return compare('le', this, other);
  }

  /** a > b */
  gt(other: Tensor | number): Tensor {
    return compare('gt', this, other);
  }

  /** a >= b */
  ge(other: Tensor | number): Tensor {
    return compare('ge', this, other);
  }

  /** This where `condition` is not 0, else `other`; all three broadcast. */
  where(condition: Tensor, other: Tensor | number): Tensor {
    return typeof other === 'number'
      ? apply(new Where(undefined, other), condition, this)
      : apply(new Where(), condition, this, other);
  }

  /** The elements as another dtype: f32 to integers truncates towards zero. */
  to(dtype: DType): Tensor {
    return apply(new Cast(dtype), this);
  }

  /** Sum over one dimension, several or all; of integers an integer. */
  sum(dim?: number | readonly number[], keepdim = false): Tensor {
    return apply(new Sum({ dim, keepdim }), this);
  }

  /** Mean over one dimension, several or all. @throws DTypeError for integers. */
  mean(dim?: number | readonly number[], keepdim = false): Tensor {
    return apply(new Mean({ dim, keepdim }), this);
  }

  /** Largest element over one dimension, several or all; ties share the gradient (PyTorch's amax). */
  max(dim?: number | readonly number[], keepdim = false): Tensor {
    return apply(new Extremum('max', { dim, keepdim }), this);
  }

  /** Smallest element over one dimension, several or all; ties share the gradient (PyTorch's amin). */
  min(dim?: number | readonly number[], keepdim = false): Tensor {
    return apply(new Extremum('min', { dim, keepdim }), this);
  }

  /** Variance over one dimension, several or all, by default that of a sample: divided by n - 1. */
  variance(
    dim?: number | readonly number[],
    options: { correction?: number; keepdim?: boolean } = {},
  ): Tensor {
    return apply(new Variance({ dim, ...options }), this);
  }

  /** Index of the largest element, as i32, along a dimension or in the flattened tensor. */
  argmax(dim?: number, keepdim = false): Tensor {
    return apply(new Argmax('argmax', { dim, keepdim }), this);
  }

  /** Index of the smallest element, as i32, along a dimension or in the flattened tensor. */
  argmin(dim?: number, keepdim = false): Tensor {
    return apply(new Argmax('argmin', { dim, keepdim }), this);
  }

  /** A copy that gradients flow through. */
  clone(): Tensor {
    return apply(new Clone(), this);
  }

  /** Dimensions of size 1 repeated to `shape`, in which -1 keeps a size; a copy, unlike PyTorch's. */
  expand(shape: Shape): Tensor {
    return apply(new Expand(shape), this);
  }

  /** Without dimension `dim` if its size is 1; without argument, without every such dimension. */
  squeeze(dim?: number): Tensor {
    const gone = dim === undefined ? null : resolveDim('squeeze', dim, this.ndim);
    return this.reshape(
      this.shape.filter((size, d) => size !== 1 || (gone !== null && d !== gone)),
    );
  }

  /** With a new dimension of size 1 before dimension `dim`; -1 adds it at the end. */
  unsqueeze(dim: number): Tensor {
    const at = resolveDim('unsqueeze', dim, this.ndim + 1);
    return this.reshape([...this.shape.slice(0, at), 1, ...this.shape.slice(at)]);
  }

  /** Dimensions `startDim` to `endDim` as one. */
  flatten(startDim = 0, endDim = -1): Tensor {
    const start = resolveDim('flatten', startDim, Math.max(this.ndim, 1));
    const end = resolveDim('flatten', endDim, Math.max(this.ndim, 1));
    if (start > end) {
      throw new ArgumentError('flatten', 'startDim up to endDim', `${startDim} and ${endDim}`);
    }
    const joined = numelOf(this.shape.slice(start, end + 1));
    return this.reshape([...this.shape.slice(0, start), joined, ...this.shape.slice(end + 1)]);
  }

  /** Elements start, start + step, ... before end of dimension `dim`, as a copy. */
  slice(dim: number, start?: number, end?: number, step?: number): Tensor {
    return apply(new Slice(dim, { start, end, step }), this);
  }

  /** Index `index` of dimension `dim`, which goes; as a copy. */
  select(dim: number, index: number): Tensor {
    return apply(new Select(dim, index), this);
  }

  /**
   * Replaces the elements, in place: by those of a tensor that broadcasts to this shape, or by as
   * many numbers as there are elements.
   * @throws AutogradError unless it is a leaf, and within noGrad() if it requires grad.
   */
  copy_(source: Tensor | NestedNumbers[] | TypedArray): this {
    this.checkInPlace('copy_');
    const { array, shape, dtype } = this;
    if (!(source instanceof Tensor)) {
      const flat = ArrayBuffer.isView(source) ? source : (source.flat(Infinity as 1) as number[]);
      if (flat.length !== this.numel) {
        throw new ShapeError('copy_', `${this.numel} numbers`, `${flat.length}`);
      }
      const data = typedArray(dtype, flat.length);
      data.set(flat);
      array.write(data);
      return this;
    }
    if (isGradEnabled() && source.requiresGrad) {
      throw new AutogradError(
        'copy_: expected a source without gradient, got one that requires grad. ' +
          'Pass source.detach(), or call it within noGrad().',
      );
    }
    if (!sameShape(broadcastShape('copy_', shape, source.shape), shape)) {
      throw new ShapeError(
        'copy_',
        `a source that broadcasts to ${formatShape(shape)}`,
        source.shape,
      );
    }
    const plan = planCopy(shape, { from: broadcast(source.shape, shape) });
    const cast = castTo(source.array, dtype);
    if (cast.storage !== array.storage) stridedCopy(plan, cast, array);
    cast.release();
    return this;
  }

  /** Sets every element to `value`, in place. @throws as `copy_` does. */
  fill_(value: number): this {
    this.checkInPlace('fill_');
    fill(this.array, value);
    return this;
  }

  private checkInPlace(op: string): void {
    if (this.op) {
      throw new AutogradError(
        `${op}: expected a leaf, got the result of ${this.op.name}, which gradients flow through. ` +
          'Change a detach().clone() of it.',
      );
    }
    if (this.requiresGrad && isGradEnabled()) {
      throw new AutogradError(
        `${op}: expected a tensor that does not require grad, got one that does. ` +
          'Change it within noGrad().',
      );
    }
  }

  /** The elements as PyTorch prints them, read from the GPU: `tensor([[1.0000, 2.5000]])`. */
  async format(options?: PrintOptions): Promise<string> {
    return formatTensor(this, options);
  }

  /** What is known without waiting for the GPU: `Tensor(shape=(2, 3), dtype=f32)`. */
  override toString(): string {
    return describeTensor(this);
  }

  /** What `console.log` shows in Node. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }

  /**
   * Matrix product: (..., M, K) and (..., K, N) give (..., M, N), and leading dimensions broadcast.
   * A vector is a row on the left and a column on the right.
   * @throws ShapeError if K differs.
   */
  matmul(other: Tensor): Tensor {
    return apply(new MatMul(), this, other);
  }

  /** e^x / sum e^x along `dim`, negative from the end. */
  softmax(dim: number): Tensor {
    return apply(new Softmax(dim), this);
  }

  /** The logarithm of `softmax(dim)`, exact where that would round to 0. */
  logSoftmax(dim: number): Tensor {
    return apply(new Softmax(dim, 'logSoftmax'), this);
  }

  /** A copy with dimensions `a` and `b`, negative from the end, in each other's place. */
  transpose(a: number, b: number): Tensor {
    return apply(new Transpose(a, b), this);
  }

  /** A copy with the dimensions in another order: (2, 3, 5) by [2, 0, 1] gives (5, 2, 3). */
  permute(dims: readonly number[]): Tensor {
    return apply(new Permute(dims), this);
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

function binary(name: BinaryName, a: Tensor, b: Tensor | number): Tensor {
  return typeof b === 'number' ? apply(new Binary(name, b), a) : apply(new Binary(name), a, b);
}

function compare(name: CompareName, a: Tensor, b: Tensor | number): Tensor {
  return typeof b === 'number' ? apply(new Compare(name, b), a) : apply(new Compare(name), a, b);
}
