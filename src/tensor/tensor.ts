import { castTo } from '../autograd/kernels/cast.js';
import { resolveDim, resolveDimOrScalar } from '../autograd/kernels/dims.js';
import { fill } from '../autograd/kernels/fill.js';
import { planCopy, stridedCopy } from '../autograd/kernels/stridedCopy.js';
import { broadcast, broadcastShape } from '../autograd/kernels/strides.js';
import { AnyAll } from '../autograd/ops/anyAll.js';
import { Argmax } from '../autograd/ops/argmax.js';
import { Binary, type BinaryName } from '../autograd/ops/binary.js';
import { Cast } from '../autograd/ops/cast.js';
import { Clamp } from '../autograd/ops/clamp.js';
import { Clone } from '../autograd/ops/clone.js';
import { Compare, type CompareName } from '../autograd/ops/compare.js';
import { Cumsum } from '../autograd/ops/cumsum.js';
import { Expand } from '../autograd/ops/expand.js';
import { Flip } from '../autograd/ops/flip.js';
import { Gather, IndexSelect } from '../autograd/ops/gather.js';
import { Extremum } from '../autograd/ops/extremum.js';
import { MaxWithIndices } from '../autograd/ops/maxWithIndices.js';
import { Norm } from '../autograd/ops/norm.js';
import { Mean, Prod, Sum } from '../autograd/ops/reduce.js';
import { Repeat } from '../autograd/ops/repeat.js';
import { Roll } from '../autograd/ops/roll.js';
import { Narrow, Select, Slice } from '../autograd/ops/slice.js';
import { Argsort, TopK } from '../autograd/ops/topk.js';
import { Variance } from '../autograd/ops/variance.js';
import { Where } from '../autograd/ops/where.js';
import { MatMul } from '../autograd/ops/matmul.js';
import { Reshape } from '../autograd/ops/reshape.js';
import { Softmax } from '../autograd/ops/softmax.js';
import { Permute, Transpose } from '../autograd/ops/transpose.js';
import { Unary } from '../autograd/ops/unary.js';
import type { Op } from '../autograd/op.js';
import { noteAlias } from '../autograd/observer.js';
import { isGradEnabled, noGrad, unscoped } from '../autograd/scope.js';
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
import { checkProduct } from './products.js';
import { describeTensor, formatTensor, type PrintOptions } from './print.js';

export interface TensorBackwardOptions {
  /** dL/dy, of the shape of the tensor. Default 1, and then it must have one element. */
  gradient?: Tensor;
  /** Keeps the graph, so that backward can run through it again. Default false. */
  retainGraph?: boolean;
}

/** Sees a gradient during backward; the tensor that it returns, if any, takes its place. */
export type GradientHook = ((grad: Tensor) => Tensor | null | undefined) | ((grad: Tensor) => void);

export interface GeluOptions {
  /** 'tanh' is the approximation that GPT-2 has. Default 'none'. */
  approximate?: 'none' | 'tanh';
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

  /** The gradient that backward has added up here, of the same shape; null before, and for hidden tensors but for retainGrad(). */
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

  /**
   * Calls `hook` with the gradient of this tensor, a leaf or a hidden one, whenever backward has
   * added it up: for a leaf over all its uses in that graph, before it is added to `grad`. What the
   * hook returns replaces the gradient, for hooks registered later and for all that follows.
   *
   * The hook runs as in noGrad(), which frees the gradient and what is computed of it afterwards:
   * `retain()` keeps it. It must not change the gradient in place, nor be async.
   * Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.register_hook.html
   *
   * @throws AutogradError for a tensor that does not require grad; backward throws ShapeError,
   *   DTypeError or ArgumentError for what a hook may not return.
   *
   * @example
   * const handle = hidden.registerHook((grad) => grad.clamp(-1, 1));
   * loss.backward();
   * handle.remove();
   */
  registerHook(hook: GradientHook): { remove: () => void } {
    return this.addHook((array) => {
      let replacement: GpuArray | null = null;
      noGrad(() => {
        const returned: unknown = hook(new Tensor(array.share()));
        if (returned instanceof Tensor) replacement = returned.array.share();
        else if (returned !== undefined && returned !== null) {
          const got = returned instanceof Promise ? 'a promise' : typeof returned;
          throw new ArgumentError('registerHook', 'a hook that returns a Tensor or nothing', got);
        }
      });
      return replacement;
    });
  }

  /**
   * Has backward keep the gradient of this hidden tensor in `grad`, after all hooks; for a leaf it
   * changes nothing. Tensor and gradient live until the next training step begins, or, after
   * `retain()`, until `dispose()`.
   * Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.retain_grad.html
   *
   * @throws AutogradError for a tensor that does not require grad.
   */
  retainGrad(): this {
    this.keepGradient();
    return this;
  }

  /** The same memory, cut off from the graph. */
  detach(): Tensor {
    const detached = new Tensor(this.array.share());
    noteAlias(detached, this);
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

  /** 1, -1 or 0: the sign of x, 0 for NaN; no gradient, as of the next three. */
  sign(): Tensor {
    return apply(new Unary('sign'), this);
  }

  /** The next integer downwards. */
  floor(): Tensor {
    return apply(new Unary('floor'), this);
  }

  /** The next integer upwards. */
  ceil(): Tensor {
    return apply(new Unary('ceil'), this);
  }

  /** The nearest integer, the even one of two. */
  round(): Tensor {
    return apply(new Unary('round'), this);
  }

  /** 1 / x */
  reciprocal(): Tensor {
    return apply(new Unary('reciprocal'), this);
  }

  /** 1 / sqrt(x) */
  rsqrt(): Tensor {
    return apply(new Unary('rsqrt'), this);
  }

  /** Sine of radians, precise up to |x| = 2e4. */
  sin(): Tensor {
    return apply(new Unary('sin'), this);
  }

  /** Cosine of radians, precise up to |x| = 2e4. */
  cos(): Tensor {
    return apply(new Unary('cos'), this);
  }

  /** max(x, 0) */
  relu(): Tensor {
    return apply(new Unary('relu'), this);
  }

  /** min(max(x, 0), 6) */
  relu6(): Tensor {
    return apply(new Unary('relu6', 0, 6), this);
  }

  /** x limited to [low, high], with no gradient at the limits. */
  hardtanh(low = -1, high = 1): Tensor {
    if (!(low <= high)) throw new ArgumentError('hardtanh', 'low <= high', `${low} and ${high}`);
    return apply(new Unary('hardtanh', low, high), this);
  }

  /** x where x > 0, else negativeSlope x. */
  leakyRelu(negativeSlope = 0.01): Tensor {
    return apply(new Unary('leakyRelu', negativeSlope), this);
  }

  /** x where x > 0, else alpha (e^x - 1). */
  elu(alpha = 1): Tensor {
    return apply(new Unary('elu', alpha), this);
  }

  /** x P(x), where P is the normal distribution; by 'tanh', the usual approximation of that. */
  gelu({ approximate = 'none' }: GeluOptions = {}): Tensor {
    if (approximate !== 'none' && approximate !== 'tanh')
      throw new ArgumentError('gelu', `approximate 'none' or 'tanh'`, approximate);
    return apply(new Unary(approximate === 'tanh' ? 'geluTanh' : 'gelu'), this);
  }

  /** x / (1 + e^-x), also known as swish. */
  silu(): Tensor {
    return apply(new Unary('silu'), this);
  }

  /** ln(1 + e^(beta x)) / beta; x where beta x > threshold. */
  softplus(beta = 1, threshold = 20): Tensor {
    return apply(new Unary('softplus', beta, threshold), this);
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
    return apply(new Variance('variance', { dim, ...options }), this);
  }

  /** Standard deviation: the root of `variance`. */
  std(
    dim?: number | readonly number[],
    options: { correction?: number; keepdim?: boolean } = {},
  ): Tensor {
    return apply(new Variance('std', { dim, ...options }), this);
  }

  /** Length of the vectors along dimensions: p = 2 (default), 1 or Infinity. */
  norm(p = 2, dim?: number | readonly number[], keepdim = false): Tensor {
    return apply(new Norm({ p, dim, keepdim }), this);
  }

  /** Product over one dimension, several or all; of integers an integer. */
  prod(dim?: number | readonly number[], keepdim = false): Tensor {
    return apply(new Prod({ dim, keepdim }), this);
  }

  /** 1 where any element along dimensions is not 0, else 0, as i32. */
  any(dim?: number | readonly number[], keepdim = false): Tensor {
    return apply(new AnyAll('any', { dim, keepdim }), this);
  }

  /** 1 where no element along dimensions is 0, else 0, as i32. */
  all(dim?: number | readonly number[], keepdim = false): Tensor {
    return apply(new AnyAll('all', { dim, keepdim }), this);
  }

  /**
   * The largest element along a dimension and its index, of i32: what PyTorch's max(dim) returns.
   * The first of equals has all of the gradient.
   */
  maxWithIndices(dim: number, keepdim = false): [values: Tensor, indices: Tensor] {
    return withIndices(new MaxWithIndices('maxWithIndices', dim, keepdim), this);
  }

  /** The smallest element along a dimension and its index, as `maxWithIndices`. */
  minWithIndices(dim: number, keepdim = false): [values: Tensor, indices: Tensor] {
    return withIndices(new MaxWithIndices('minWithIndices', dim, keepdim), this);
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

  /** Without the dimensions `dim` whose size is 1; without argument, without every such dimension. */
  squeeze(dim?: number | readonly number[]): Tensor {
    const gone =
      dim === undefined
        ? this.shape.map((_, d) => d)
        : [dim].flat().map((d) => resolveDimOrScalar('squeeze', d, this.ndim));
    return this.reshape(this.shape.filter((size, d) => size !== 1 || !gone.includes(d)));
  }

  /** With a new dimension of size 1 before dimension `dim`; -1 adds it at the end. */
  unsqueeze(dim: number): Tensor {
    const at = resolveDim('unsqueeze', dim, this.ndim + 1);
    return this.reshape([...this.shape.slice(0, at), 1, ...this.shape.slice(at)]);
  }

  /** Dimensions `startDim` to `endDim` as one. */
  flatten(startDim = 0, endDim = -1): Tensor {
    const start = resolveDimOrScalar('flatten', startDim, this.ndim);
    const end = resolveDimOrScalar('flatten', endDim, this.ndim);
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

  /** `length` elements of dimension `dim` from `start` on, negative from the end; as a copy. */
  narrow(dim: number, start: number, length: number): Tensor {
    return apply(new Narrow(dim, start, length), this);
  }

  /**
   * Pieces of dimension `dim`: of the given sizes, which add up to it, or all of one size but for
   * the last, which may be smaller. Copies, unlike PyTorch's.
   * Source: https://docs.pytorch.org/docs/stable/generated/torch.split.html
   */
  split(sizes: number | readonly number[], dim = 0): Tensor[] {
    const at = resolveDim('split', dim, this.ndim);
    let start = 0;
    return splitSizes(sizes, this.shape[at]!).map((size) => {
      start += size;
      return this.narrow(at, start - size, size);
    });
  }

  /**
   * At most `chunks` pieces of dimension `dim`, of one size but for the last.
   * Source: https://docs.pytorch.org/docs/stable/generated/torch.chunk.html
   */
  chunk(chunks: number, dim = 0): Tensor[] {
    const at = resolveDim('chunk', dim, this.ndim);
    if (!Number.isInteger(chunks) || chunks < 1)
      throw new ArgumentError('chunk', 'chunks from 1 up', chunks);
    const size = Math.ceil(this.shape[at]! / chunks);
    return this.split(size === 0 ? Array<number>(chunks).fill(0) : size, at);
  }

  /**
   * Elements along `dim` by one index each: y[i, j] = x[i, index[i, j]] for dim 1 of two.
   *
   * `index` is of i32 or u32, has as many dimensions as this tensor, and but for `dim` is no larger;
   * the result has its shape. An index out of range, or a negative one, gives NaN, of integers 0,
   * and no gradient, where PyTorch throws.
   * Source: https://docs.pytorch.org/docs/stable/generated/torch.gather.html
   */
  gather(dim: number, index: Tensor): Tensor {
    return apply(new Gather(dim), this, index);
  }

  /**
   * The slices of dimension `dim` that a vector of i32 or u32 names; out of range as for `gather`.
   * Source: https://docs.pytorch.org/docs/stable/generated/torch.index_select.html
   */
  indexSelect(dim: number, index: Tensor): Tensor {
    return apply(new IndexSelect(dim), this, index);
  }

  /**
   * The `k` largest elements along `dim`, largest first, and their indices as i32; with
   * `largest: false` the smallest, smallest first. Gradients flow through the values. Equals come in
   * the order of their indices, NaN counts as the largest. The result is sorted whatever `sorted` is.
   * Source: https://docs.pytorch.org/docs/stable/generated/torch.topk.html
   */
  topk(
    k: number,
    dim = -1,
    { largest = true }: { largest?: boolean; sorted?: boolean } = {},
  ): [values: Tensor, indices: Tensor] {
    return withIndices(new TopK('topk', dim, { k, largest }), this);
  }

  /**
   * The elements along `dim` from the smallest to the largest, or the other way round, and their
   * indices as i32; as `topk` is, always stable.
   * Source: https://docs.pytorch.org/docs/stable/generated/torch.sort.html
   */
  sort(
    dim = -1,
    { descending = false }: { descending?: boolean } = {},
  ): [values: Tensor, indices: Tensor] {
    return withIndices(new TopK('sort', dim, { largest: descending }), this);
  }

  /** The indices of `sort` alone. */
  argsort(dim = -1, { descending = false }: { descending?: boolean } = {}): Tensor {
    return apply(new Argsort(dim, { largest: descending }), this);
  }

  /** Running sums along `dim`: y[i] = x[0] + ... + x[i]; of integers an integer. */
  cumsum(dim: number): Tensor {
    return apply(new Cumsum(dim), this);
  }

  /** A copy with the dimensions `dims` from last to first. */
  flip(dims: number | readonly number[]): Tensor {
    return apply(new Flip(dims), this);
  }

  /**
   * Elements moved on by `shifts` along `dims`, those that leave at one end coming in at the other;
   * without `dims` through the flattened tensor.
   * Source: https://docs.pytorch.org/docs/stable/generated/torch.roll.html
   */
  roll(shifts: number | readonly number[], dims?: number | readonly number[]): Tensor {
    return apply(new Roll(shifts, dims), this);
  }

  /**
   * `sizes[d]` copies side by side along each dimension d; sizes in front add dimensions.
   * Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.repeat.html
   */
  repeat(sizes: readonly number[]): Tensor {
    return apply(new Repeat('repeat', sizes), this);
  }

  /** As `repeat`, where fewer sizes than dimensions are those of the last ones. */
  tile(sizes: readonly number[]): Tensor {
    const missing = Math.max(this.ndim - sizes.length, 0);
    return apply(new Repeat('tile', [...Array<number>(missing).fill(1), ...sizes]), this);
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

  /** Sum of the products of two vectors (K,). @throws ShapeError for anything else. */
  dot(other: Tensor): Tensor {
    checkProduct('dot', this.shape, other.shape);
    return this.matmul(other);
  }

  /** Matrix (M, K) by vector (K,). @throws ShapeError for anything else. */
  mv(other: Tensor): Tensor {
    checkProduct('mv', this.shape, other.shape);
    return this.matmul(other);
  }

  /** Matrix (M, K) by matrix (K, N). @throws ShapeError for anything else. */
  mm(other: Tensor): Tensor {
    checkProduct('mm', this.shape, other.shape);
    return this.matmul(other);
  }

  /** Matrices (B, M, K) by matrices (B, K, N), each by its own. @throws ShapeError for anything else. */
  bmm(other: Tensor): Tensor {
    checkProduct('bmm', this.shape, other.shape);
    return this.matmul(other);
  }

  /** Products of the elements of vectors (N,) and (M,), as (N, M). @throws ShapeError for others. */
  outer(other: Tensor): Tensor {
    checkProduct('outer', this.shape, other.shape);
    using column = this.unsqueeze(1);
    return column.mul(other);
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

  /** A matrix with rows and columns in each other's place; a vector or scalar stays as it is. */
  t(): Tensor {
    if (this.ndim > 2)
      throw new ShapeError(
        't',
        'two dimensions at most',
        this.shape,
        'Use transpose() or permute().',
      );
    return this.permute(this.ndim === 2 ? [1, 0] : this.shape.map((_, d) => d));
  }

  /** `t()` */
  get T(): Tensor {
    return this.t();
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

/**
 * A second result of the op that gave `result`, such as indices: without a gradient, and freed with
 * the same step or batch. Takes over `array`.
 */
export function sideResult(result: Tensor, array: GpuArray): Tensor {
  const side = new Tensor(array);
  if (result.step) result.step.add(side);
  else result.batch?.derive(side);
  return side;
}

function withIndices(op: TopK | MaxWithIndices, x: Tensor): [values: Tensor, indices: Tensor] {
  const values = apply(op, x);
  return [values, sideResult(values, op.indices)];
}

/** The sizes of the pieces that `split` cuts a dimension of `size` into. */
function splitSizes(sizes: number | readonly number[], size: number): readonly number[] {
  const given = [sizes].flat();
  const valid = given.every((part) => Number.isInteger(part) && part >= 0);
  if (typeof sizes === 'number') {
    if (!valid || (sizes === 0 && size > 0))
      throw new ArgumentError('split', 'a size from 1 up', sizes);
    const pieces = Math.max(1, Math.ceil(size / Math.max(sizes, 1)));
    return Array.from({ length: pieces }, (_, i) => Math.min(sizes, size - i * sizes));
  }
  if (!valid || given.reduce((sum, part) => sum + part, 0) !== size)
    throw new ArgumentError('split', `sizes that add up to ${size}`, `[${given.join(', ')}]`);
  return given;
}

function binary(name: BinaryName, a: Tensor, b: Tensor | number): Tensor {
  return typeof b === 'number' ? apply(new Binary(name, b), a) : apply(new Binary(name), a, b);
}

function compare(name: CompareName, a: Tensor, b: Tensor | number): Tensor {
  return typeof b === 'number' ? apply(new Compare(name, b), a) : apply(new Compare(name), a, b);
}
