import bits from '../../../shaders/bits.wgsl';
import source from '../../../shaders/pad.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { ArgumentError, ShapeError } from '../../errors.js';
import { numelOf, type Shape } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader, type ParamsOf } from '../../gpu/shader.js';
import { elementThreads } from '../kernels/element.js';
import { fill } from '../kernels/fill.js';
import { inParts } from '../kernels/parts.js';
import { planCopy, stridedCopy } from '../kernels/stridedCopy.js';
import { contiguous, type Layout } from '../kernels/strides.js';
import { Op } from '../op.js';

const shader = defineShader({
  name: 'pad',
  source,
  params: {
    count: 'u32',
    inD: 'i32',
    inH: 'i32',
    inW: 'i32',
    outD: 'i32',
    outH: 'i32',
    outW: 'i32',
    frontD: 'i32',
    frontH: 'i32',
    frontW: 'i32',
  },
  flags: ['REFLECT', 'REPLICATE'],
  includes: { bits, threads },
});

export type PadMode = 'constant' | 'reflect' | 'replicate' | 'circular';

/** Elements before and after those of one dimension; negative ones are cut off. */
interface Sides {
  front: number;
  back: number;
}

abstract class Padding extends Op {
  readonly name = 'pad';
  protected inShape!: Shape;
  protected outShape!: Shape;
  protected sides!: readonly Sides[]; // of each dimension

  /** @param padding  [front, back] of the last dimension, then of the one before it, and so on. */
  constructor(readonly padding: readonly number[]) {
    super();
  }

  protected measure({ shape }: GpuArray): void {
    const { padding } = this;
    if (padding.length % 2 !== 0 || padding.some((size) => !Number.isInteger(size))) {
      const expected = 'padding as pairs of whole numbers, of the last dimension first';
      throw new ArgumentError(this.name, expected, `[${padding.join(', ')}]`);
    }
    if (padding.length > 2 * shape.length) {
      const expected = `x of ${padding.length / 2} or more dimensions for as many pairs of padding`;
      throw new ShapeError(this.name, expected, shape);
    }
    this.inShape = shape;
    this.sides = shape.map((_, d) => {
      const pair = 2 * (shape.length - 1 - d);
      return { front: padding[pair] ?? 0, back: padding[pair + 1] ?? 0 };
    });
    this.outShape = shape.map((size, d) => size + this.sides[d]!.front + this.sides[d]!.back);
  }

  /** @throws ShapeError that names the dimension, if there is one to which `isWrong` applies. */
  protected refuse(isWrong: (size: number, sides: Sides) => boolean, expected: string): void {
    const d = this.inShape.findIndex((size, dim) => isWrong(size, this.sides[dim]!));
    if (d < 0) return;
    const { front, back } = this.sides[d]!;
    throw new ShapeError(
      this.name,
      expected,
      `${front} and ${back} for dim ${d} of size ${this.inShape[d]}`,
    );
  }
}

/**
 * One value around x, of any dtype and number of dimensions; negative padding cuts elements off.
 * dx is the part of dy that x went to, and 0 where x was cut off.
 */
class PadConstant extends Padding {
  constructor(
    padding: readonly number[],
    readonly value: number,
  ) {
    super(padding);
  }

  forward(x: GpuArray): GpuArray {
    this.measure(x);
    this.refuse(
      (size, { front, back }) => size + Math.min(front, 0) + Math.min(back, 0) < 0,
      'padding that cuts off no more than there is',
    );
    const y = fill(GpuArray.empty(this.outShape, x.dtype, x.device), this.value);
    const { shape, inX, inY } = this.kept();
    stridedCopy(planCopy(shape, { from: inX, to: inY }), x, y);
    return y;
  }

  backward(dy: GpuArray): GpuArray {
    const dx = GpuArray.empty(this.inShape, dy.dtype, dy.device);
    if (this.padding.some((size) => size < 0)) fill(dx, 0);
    const { shape, inX, inY } = this.kept();
    stridedCopy(planCopy(shape, { from: inY, to: inX }), dy, dx);
    return dx;
  }

  /** What is in both x and y. */
  private kept(): { shape: Shape; inX: Layout; inY: Layout } {
    const { inShape, outShape, sides } = this;
    const from = (shape: Shape, sign: number): Layout => {
      const { strides } = contiguous(shape);
      const starts = sides.map(({ front }) => Math.max(sign * front, 0));
      return { strides, offset: starts.reduce((sum, start, d) => sum + start * strides[d]!, 0) };
    };
    return {
      shape: inShape.map(
        (size, d) => size + Math.min(sides[d]!.front, 0) + Math.min(sides[d]!.back, 0),
      ),
      inX: from(inShape, -1),
      inY: from(outShape, 1),
    };
  }
}

/** How much larger than a dimension its padding may be. */
const MOST_BEYOND = { reflect: -1, replicate: Infinity, circular: 0 };

/**
 * Elements of x itself around x, of any dtype, along its last three dimensions at most. With
 * i = o - front, and n the size of the dimension, index o of y is of x
 *
 *   reflect    n - 1 - |n - 1 - |i||      a mirror at the first and last element; padding < n
 *   replicate  min(max(i, 0), n - 1)      the first and last element
 *   circular   i mod n                    x once more; padding <= n
 *
 * dx is the sum of dy over the places that an element went to, in a fixed order.
 */
class PadWithin extends Padding {
  private params!: Omit<ParamsOf<typeof shader>, 'count'>;

  constructor(
    padding: readonly number[],
    readonly mode: Exclude<PadMode, 'constant'>,
  ) {
    super(padding);
  }

  forward(x: GpuArray): GpuArray {
    this.measure(x);
    const { mode, padding, inShape, outShape, sides } = this;
    if (padding.length > 6)
      throw new ArgumentError(
        this.name,
        `3 pairs of padding at most with mode '${mode}'`,
        padding.length / 2,
      );
    this.refuse(
      (size, { front, back }) => Math.max(front, back) > Math.max(size + MOST_BEYOND[mode], 0),
      `padding ${mode === 'reflect' ? 'smaller than' : 'no larger than'} the dimension with mode '${mode}'`,
    );
    const padded = inShape.slice(inShape.length - padding.length / 2);
    if (padded.includes(0))
      throw new ShapeError(this.name, `x with elements to pad with, for mode '${mode}'`, inShape);
    this.refuse(
      (size, { front, back }) => size > 0 && size + front + back < 1,
      'padding that leaves at least one element',
    );
    const last = <V>(list: readonly V[], n: number, otherwise: V): V => list.at(-n) ?? otherwise;
    const none = { front: 0, back: 0 };
    this.params = {
      inD: last(inShape, 3, 1),
      inH: last(inShape, 2, 1),
      inW: last(inShape, 1, 1),
      outD: last(outShape, 3, 1),
      outH: last(outShape, 2, 1),
      outW: last(outShape, 1, 1),
      frontD: last(sides, 3, none).front,
      frontH: last(sides, 2, none).front,
      frontW: last(sides, 1, none).front,
    };
    const y = GpuArray.empty(outShape, x.dtype, x.device);
    this.launch('forward', x, y);
    return y;
  }

  backward(dy: GpuArray): GpuArray {
    const dx = GpuArray.empty(this.inShape, dy.dtype, dy.device);
    this.launch('backward', dy, dx);
    return dx;
  }

  private launch(entry: 'forward' | 'backward', from: GpuArray, to: GpuArray): void {
    const outer = numelOf(this.inShape.slice(0, -3)); // boxes of the last three dimensions
    inParts({ outer }, [from], [to], ({ inputs, outputs }) => {
      const count = outputs[0]!.numel;
      launch(shader, entry, {
        inputs,
        outputs,
        params: { count, ...this.params },
        flags: { REFLECT: this.mode === 'reflect', REPLICATE: this.mode === 'replicate' },
        threads: elementThreads(count),
      });
    });
  }
}

/** @throws ArgumentError for a mode that is not there, or for a value with one that takes none. */
export function padOp(padding: readonly number[], mode: PadMode, value?: number): Op {
  if (mode === 'constant') return new PadConstant(padding, value ?? 0);
  if (!(mode in MOST_BEYOND))
    throw new ArgumentError('pad', "mode 'constant', 'reflect', 'replicate' or 'circular'", mode);
  if (value !== undefined) throw new ArgumentError('pad', `no value with mode '${mode}'`, value);
  return new PadWithin(padding, mode);
}
