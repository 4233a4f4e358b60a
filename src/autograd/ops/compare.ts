import source from '../../../shaders/compare.wgsl';
import element from '../../../shaders/element.wgsl';
import operands from '../../../shaders/operands.wgsl';
import strides from '../../../shaders/strides.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import { promote } from '../kernels/cast.js';
import { ELEMENT_FLAGS, elementFlags } from '../kernels/element.js';
import { OPERAND_PARAMS, operandFor, operandShape, planOperands } from '../kernels/operands.js';
import { broadcastShape } from '../kernels/strides.js';
import { Op, type Gradients } from '../op.js';

const FLAGS = { eq: 'EQ', ne: 'NE', lt: 'LT', le: 'LE', gt: 'GT', ge: 'GE' } as const;

export type CompareName = keyof typeof FLAGS;

const shader = defineShader({
  name: 'compare',
  source,
  params: OPERAND_PARAMS,
  flags: [...Object.values(FLAGS), ...ELEMENT_FLAGS, 'NUMBER'],
  includes: { element, operands, strides, threads },
});

/**
 * Whether a relation holds between elements of arrays that broadcast, or of an array and a number:
 * 1 or 0 of i32, without gradient. NaN is unequal to everything, itself included, and neither
 * less nor greater.
 */
export class Compare extends Op {
  override readonly differentiable = false;

  /** @param number  b, where it is not an array. */
  constructor(
    readonly name: CompareName,
    private readonly number?: number,
  ) {
    super();
  }

  forward(a: GpuArray, b?: GpuArray): GpuArray {
    const shape = b ? broadcastShape(this.name, a.shape, b.shape) : a.shape;
    const dtype = promote(a.dtype, b?.dtype ?? this.number!);
    const operands = b ? [a, b] : [a];
    const [aShape, bShape = []] = operands.map((x) => operandShape(x, dtype, shape));
    const plan = planOperands(this.name, shape, [aShape!, bShape], this.number ?? 0, dtype);
    const inputs = operands.map((x) => operandFor(x, dtype, shape));
    const y = GpuArray.empty(shape, 'i32', a.device);
    launch(shader, 'compare', {
      inputs,
      outputs: [y],
      ...plan,
      flags: {
        ...elementFlags(dtype),
        [FLAGS[this.name]]: true,
        NUMBER: this.number !== undefined,
      },
      elements: y.numel,
    });
    for (const input of inputs) input.release();
    return y;
  }

  backward(): Gradients {
    return null;
  }
}
