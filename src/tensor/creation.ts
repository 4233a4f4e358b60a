import { castTo } from '../autograd/kernels/cast.js';
import { fill } from '../autograd/kernels/fill.js';
import { fillIntegers, fillNormal, fillUniform } from '../autograd/kernels/random.js';
import { ArgumentError, DTypeError, ShapeError } from '../errors.js';
import {
  DTYPES,
  dtypeOf,
  isFloat,
  numelOf,
  typedArray,
  type DType,
  type Shape,
  type TypedArray,
} from '../gpu/dtype.js';
import { currentDevice } from '../gpu/device.js';
import { GpuArray } from '../gpu/gpuArray.js';
import type { Generator } from '../random/generator.js';
import { shapeOfNested, type NestedNumbers } from './nested.js';
import { Tensor } from './tensor.js';

export interface CreationOptions {
  /** Default 'f32', or that of a typed array. */
  dtype?: DType;
  /** Whether backward computes a gradient for it. Default false; floats alone can have one. */
  requiresGrad?: boolean;
}

export interface RandomOptions {
  /** 'f32' (default) or 'f16'. */
  dtype?: DType;
  /** Whether backward computes a gradient for it. Default false. */
  requiresGrad?: boolean;
  /** Where the numbers come from. Default: the generator that `manualSeed` seeds. */
  generator?: Generator;
}

export interface TensorOptions extends CreationOptions {
  /** Default: that of the nested arrays, or (length,) for a typed array. */
  shape?: Shape;
}

/**
 * A tensor with a copy of `values`: a number, nested arrays, or a typed array with a shape.
 *
 * @example
 * sg.tensor([[1, 2], [3, 4]]);                                // (2, 2) of f32
 * sg.tensor(new Int32Array([3, 1]), { dtype: 'i32' });        // (2,) of i32
 * @throws ShapeError if arrays are ragged or their number of elements is not that of `shape`.
 */
export function tensor(values: NestedNumbers | TypedArray, options: TensorOptions = {}): Tensor {
  const isTyped = ArrayBuffer.isView(values);
  const dtype = options.dtype ?? (isTyped ? dtypeOf(values) : 'f32');
  const natural = isTyped ? [values.length] : shapeOfNested(values, 'tensor');
  const shape = checkShape('tensor', options.shape ?? natural);
  if (numelOf(shape) !== numelOf(natural)) {
    throw new ShapeError(
      'tensor',
      `${numelOf(shape)} values for the given shape`,
      `${numelOf(natural)} values`,
    );
  }
  const same = isTyped && dtypeOf(values) === dtype;
  const flat = isTyped ? values : [values].flat(Infinity as 1);
  const data = same ? values : typedArray(checkDType('tensor', dtype), numelOf(shape));
  if (!same) data.set(flat as ArrayLike<number>);
  return leaf('tensor', GpuArray.from(data, shape, currentDevice(), dtype), options);
}

/** A tensor of `shape` with every element `value`. */
export function full(shape: Shape, value: number, options: CreationOptions = {}): Tensor {
  const dtype = checkDType('full', options.dtype ?? 'f32');
  return leaf('full', fill(GpuArray.empty(checkShape('full', shape), dtype), value), options);
}

/** A tensor of `shape` with every element 0. */
export function zeros(shape: Shape, options: CreationOptions = {}): Tensor {
  return full(shape, 0, options);
}

/** A tensor of `shape` with every element 1. */
export function ones(shape: Shape, options: CreationOptions = {}): Tensor {
  return full(shape, 1, options);
}

/** A tensor of the shape and, unless given, the dtype of `like`, with every element 0. */
export function zerosLike(like: Tensor, options: CreationOptions = {}): Tensor {
  return full(like.shape, 0, { dtype: like.dtype, ...options });
}

/** A tensor of the shape and, unless given, the dtype of `like`, with every element 1. */
export function onesLike(like: Tensor, options: CreationOptions = {}): Tensor {
  return full(like.shape, 1, { dtype: like.dtype, ...options });
}

/**
 * The numbers start, start + step, ... before `end`; with one argument, 0, 1, ... before that.
 *
 * @example
 * sg.arange(4);          // 0, 1, 2, 3
 * sg.arange(1, 2, 0.25); // 1, 1.25, 1.5, 1.75
 */
export function arange(
  start: number,
  end?: number,
  step = 1,
  options: CreationOptions = {},
): Tensor {
  if (end === undefined) return arange(0, start, step, options);
  const length = Math.ceil((end - start) / step);
  if (!Number.isFinite(length) || length < 0) {
    const got = `${start}, ${end}, ${step}`;
    throw new ArgumentError('arange', 'a step that leads from start to end', got);
  }
  const dtype = checkDType('arange', options.dtype ?? 'f32');
  const data = typedArray(dtype, length);
  for (let i = 0; i < length; i++) data[i] = start + i * step;
  return leaf('arange', GpuArray.from(data, [length], currentDevice(), dtype), options);
}

/** A matrix of n rows and m columns (default n) with 1 on the diagonal and 0 elsewhere. */
export function eye(n: number, m = n, options: CreationOptions = {}): Tensor {
  const shape = checkShape('eye', [n, m]);
  const dtype = checkDType('eye', options.dtype ?? 'f32');
  const data = typedArray(dtype, n * m);
  for (let i = 0; i < Math.min(n, m); i++) data[i * m + i] = 1;
  return leaf('eye', GpuArray.from(data, shape, currentDevice(), dtype), options);
}

/** A tensor of numbers uniform in [0, 1). */
export function rand(shape: Shape, options: RandomOptions = {}): Tensor {
  const array = GpuArray.empty(checkShape('rand', shape), floatType('rand', options.dtype));
  return leaf('rand', fillUniform(array, 0, 1, options.generator), options);
}

/** A tensor of normal numbers of mean 0 and standard deviation 1. */
export function randn(shape: Shape, options: RandomOptions = {}): Tensor {
  const array = GpuArray.empty(checkShape('randn', shape), floatType('randn', options.dtype));
  return leaf('randn', fillNormal(array, 0, 1, options.generator), options);
}

/** A tensor of integers from `low` to `high - 1`, all equally likely. Default dtype 'i32'. */
export function randint(
  low: number,
  high: number,
  shape: Shape,
  options: Omit<RandomOptions, 'requiresGrad'> = {},
): Tensor {
  const dtype = checkDType('randint', options.dtype ?? 'i32');
  const whole = Number.isInteger(low) && Number.isInteger(high);
  if (!whole || high <= low || high - low >= 2 ** 32) {
    throw new ArgumentError('randint', 'whole numbers low < high', `${low} and ${high}`);
  }
  const drawn = GpuArray.empty(checkShape('randint', shape), dtype === 'u32' ? 'u32' : 'i32');
  fillIntegers(drawn, low, high, options.generator);
  const array = castTo(drawn, dtype);
  drawn.release();
  return leaf('randint', array, {});
}

function leaf(op: string, array: GpuArray, { requiresGrad = false }: CreationOptions): Tensor {
  if (requiresGrad && !isFloat(array.dtype)) {
    throw new DTypeError(op, 'f32 or f16 for a tensor that requires grad', array.dtype);
  }
  return new Tensor(array, requiresGrad);
}

function checkShape(op: string, shape: Shape): Shape {
  const isList: boolean = Array.isArray(shape); // annotated, or it would narrow Shape to any[]
  if (!isList || !shape.every((size) => Number.isInteger(size) && size >= 0)) {
    throw new ShapeError(op, 'a shape of whole numbers from 0 up', isList ? shape : String(shape));
  }
  return shape;
}

function floatType(op: string, dtype: DType = 'f32'): DType {
  if (!isFloat(checkDType(op, dtype)))
    throw new DTypeError(op, 'a dtype of f32 or f16', dtype, 'Use randint().');
  return dtype;
}

function checkDType(op: string, dtype: DType): DType {
  if (!DTYPES.includes(dtype))
    throw new ArgumentError(op, `a dtype of ${DTYPES.join(', ')}`, dtype);
  return dtype;
}
