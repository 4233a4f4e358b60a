import { fill } from '../autograd/kernels/fill.js';
import { ArgumentError, DTypeError, ShapeError } from '../errors.js';
import {
  DTYPES,
  dtypeOf,
  numelOf,
  typedArray,
  type DType,
  type Shape,
  type TypedArray,
} from '../gpu/dtype.js';
import { GpuArray } from '../gpu/gpuArray.js';
import { shapeOfNested, type NestedNumbers } from './nested.js';
import { Tensor } from './tensor.js';

export interface CreationOptions {
  /** Default 'f32', or that of a typed array. */
  dtype?: DType;
  /** Whether backward computes a gradient for it. Default false; f32 alone can have one. */
  requiresGrad?: boolean;
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
  return leaf('tensor', GpuArray.from(data, shape), options);
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

function leaf(op: string, array: GpuArray, { requiresGrad = false }: CreationOptions): Tensor {
  if (requiresGrad && array.dtype !== 'f32') {
    throw new DTypeError(op, 'f32 for a tensor that requires grad', array.dtype);
  }
  return new Tensor(array, requiresGrad);
}

function checkShape(op: string, shape: Shape): Shape {
  if (!Array.isArray(shape) || shape.some((size) => !Number.isInteger(size) || size < 0)) {
    throw new ShapeError(
      op,
      'a shape of whole numbers from 0 up',
      Array.isArray(shape) ? shape : String(shape),
    );
  }
  return shape;
}

function checkDType(op: string, dtype: DType): DType {
  if (!DTYPES.includes(dtype))
    throw new ArgumentError(op, `a dtype of ${DTYPES.join(', ')}`, dtype);
  return dtype;
}
