import source from '../../../shaders/binary.wgsl';
import element from '../../../shaders/element.wgsl';
import operands from '../../../shaders/operands.wgsl';
import strides from '../../../shaders/strides.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { ArgumentError } from '../../errors.js';
import { isFloat, type DType, type Shape } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import { castTo, promote } from '../kernels/cast.js';
import { ELEMENT_FLAGS, elementFlags } from '../kernels/element.js';
import { OPERAND_PARAMS, operandFor, operandShape, planOperands } from '../kernels/operands.js';
import { broadcastShape } from '../kernels/strides.js';
import { sumTo } from '../kernels/sumTo.js';
import { Op } from '../op.js';

/** For each function: its flag in the shader, and which operands each derivative is written in. */
const FUNCTIONS = {
  add: { flag: 'ADD', forA: '', forB: '' },
  sub: { flag: 'SUB', forA: '', forB: '' },
  mul: { flag: 'MUL', forA: 'b', forB: 'a' },
  div: { flag: 'DIV', forA: 'b', forB: 'ab' },
  maximum: { flag: 'MAXIMUM', forA: 'ab', forB: 'ab' },
  minimum: { flag: 'MINIMUM', forA: 'ab', forB: 'ab' },
  pow: { flag: 'POW', forA: 'ab', forB: 'ab' },
  remainder: { flag: 'REMAINDER', forA: '', forB: 'ab' },
  fmod: { flag: 'FMOD', forA: '', forB: 'ab' },
} as const;

export type BinaryName = keyof typeof FUNCTIONS;

/** Those whose da is dy. */
const PASSES_ON: readonly BinaryName[] = ['add', 'sub', 'remainder', 'fmod'];

const shader = defineShader({
  name: 'binary',
  source,
  params: OPERAND_PARAMS,
  flags: [
    ...Object.values(FUNCTIONS).map(({ flag }) => flag),
    ...ELEMENT_FLAGS,
    'NUMBER',
    'NUMBER_FIRST',
    'BACKWARD',
    'WRT_B',
  ],
  includes: { element, operands, strides, threads },
});

/**
 * A function of two elements, of arrays that broadcast as in NumPy, or of an array and a number.
 *
 *   add        y = a + b                da = dy                db = dy
 *   sub        y = a - b                da = dy                db = -dy
 *   mul        y = a b                  da = dy b              db = dy a
 *   div        y = a / b                da = dy / b            db = -dy a / b^2
 *   maximum    y = max(a, b)            da = dy where a > b    db = dy where b > a
 *   minimum    y = min(a, b)            da = dy where a < b    db = dy where b < a
 *   pow        y = a^b                  da = dy b a^(b-1)      db = dy y ln a
 *   remainder  y = a - b floor(a / b)   da = dy                db = -dy floor(a / b)
 *   fmod       y = a - b trunc(a / b)   da = dy                db = -dy trunc(a / b)
 *
 * Gradients are summed over the dimensions in which their operand was repeated. Equal operands of
 * maximum and minimum get half of dy each, and NaN in either gives NaN. The result has the dtype
 * that `promote` gives, but div of integers is f32; a float by 0 is infinite, and its remainder NaN,
 * while that of an integer by 0 is 0. Computed in f32 where the result is of f16.
 */
export class Binary extends Op {
  private a: GpuArray | null = null; // the operands that backward needs, in f32
  private b: GpuArray | null = null;
  private aShape!: Shape;
  private bShape!: Shape;
  private dtypes!: readonly DType[]; // of the inputs

  /**
   * @param number       b, where it is not an array.
   * @param numberFirst  It is a, and the one input b.
   */
  constructor(
    readonly name: BinaryName,
    private readonly number?: number,
    private readonly numberFirst = false,
  ) {
    super();
  }

  forward(a: GpuArray, b?: GpuArray): GpuArray {
    const shape = b ? broadcastShape(this.name, a.shape, b.shape) : a.shape;
    const common = promote(a.dtype, b?.dtype ?? this.number!);
    const dtype = this.name === 'div' && !isFloat(common) ? 'f32' : common;
    if (this.name === 'pow' && !isFloat(dtype) && !this.numberFirst && this.number! < 0) {
      throw new ArgumentError(
        'pow',
        'an exponent from 0 up for integers',
        this.number,
        "Convert the base with to('f32').",
      );
    }
    this.aShape = a.shape;
    this.bShape = b?.shape ?? [];
    this.dtypes = [a.dtype, b?.dtype ?? a.dtype];
    const operands = b ? [a, b] : [a];
    const shapes = operands.map((x) => operandShape(x, dtype, shape));
    const plan = this.plan(shape, dtype, shapes);
    const inputs = operands.map((x) => operandFor(x, dtype, shape));
    const y = GpuArray.empty(shape, dtype, a.device);
    launch(shader, 'forward', {
      inputs,
      outputs: [y],
      ...plan,
      flags: { ...this.flags(), ...elementFlags(dtype) },
      elements: y.numel,
    });
    const { forA, forB } = FUNCTIONS[this.name];
    const forArray = this.numberFirst ? forB.replace('a', '').replace('b', 'a') : forA;
    const needed = (this.needs[0] ? forArray : '') + (this.needs[1] ? forB : '');
    if (needed.includes('a')) this.a = this.save(inputs[0]!);
    if (needed.includes('b') && b) this.b = this.save(inputs[1]!);
    for (const input of inputs) input.release();
    return y;
  }

  backward(dy: GpuArray): (GpuArray | null)[] {
    return [this.aShape, this.bShape].map((shape, i) => {
      if (!this.needs[i]) return null;
      const sum = sumTo(this.partial(dy, i === 1 || this.numberFirst), shape);
      const grad = castTo(sum, this.dtypes[i]!);
      sum.release();
      return grad;
    });
  }

  /** dy df/da, or dy df/db, of the shape of dy. */
  private partial(dy: GpuArray, wrtB: boolean): GpuArray {
    if (this.name === 'add' || (!wrtB && PASSES_ON.includes(this.name))) return dy.share();
    const grad = GpuArray.empty(dy.shape, dy.dtype, dy.device);
    // An operand that this derivative is not written in was not kept: dy stands in, unused.
    const kept = this.number === undefined ? [this.a ?? dy, this.b ?? dy] : [this.a ?? dy];
    launch(shader, 'backward', {
      inputs: [dy, ...kept],
      outputs: [grad],
      ...this.plan(
        dy.shape,
        dy.dtype,
        kept.map(({ shape }) => shape),
      ),
      flags: { ...this.flags(), BACKWARD: true, WRT_B: wrtB },
      elements: dy.numel,
    });
    return grad;
  }

  private plan(shape: Shape, dtype: DType, [a, b = []]: readonly Shape[]) {
    return planOperands(this.name, shape, [a!, b], this.number ?? 0, dtype);
  }

  private flags() {
    return {
      [FUNCTIONS[this.name].flag]: true,
      NUMBER: this.number !== undefined,
      NUMBER_FIRST: this.numberFirst,
    };
  }
}
