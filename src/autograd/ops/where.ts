import element from '../../../shaders/element.wgsl';
import threads from '../../../shaders/threads.wgsl';
import source from '../../../shaders/where.wgsl';
import type { DType, Shape } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader } from '../../gpu/shader.js';
import { castTo, promote } from '../kernels/cast.js';
import { ELEMENT_FLAGS, elementFlags } from '../kernels/element.js';
import { fill } from '../kernels/fill.js';
import { expandTo } from '../kernels/stridedCopy.js';
import { broadcastShape } from '../kernels/strides.js';
import { sumTo } from '../kernels/sumTo.js';
import { Op } from '../op.js';

const shader = defineShader({
  name: 'where',
  source,
  params: { count: 'u32', conditionStep: 'u32', aStep: 'u32', bStep: 'u32' },
  flags: [...ELEMENT_FLAGS, 'CONDITION_F16', 'VALUE_F16'],
  includes: { element, threads },
});

/**
 * Elements of a where the condition is not 0, else of b; all three broadcast.
 *
 *   y = condition ? a : b    da = dy where condition, else 0    db = dy where not, else 0
 */
export class Where extends Op {
  readonly name = 'where';
  private condition!: GpuArray;
  private aShape!: Shape;
  private bShape!: Shape;
  private dtypes!: readonly DType[]; // of the branches that are inputs

  /** @param a  Where it is a number, and then not among the inputs; so is b. */
  constructor(
    private readonly a?: number,
    private readonly b?: number,
  ) {
    super();
  }

  forward(condition: GpuArray, ...branches: GpuArray[]): GpuArray {
    const a = this.a ?? branches[0]!;
    const b = this.b ?? branches.at(-1)!;
    this.aShape = shapeOf(a);
    this.bShape = shapeOf(b);
    const branchShape = broadcastShape(this.name, this.aShape, this.bShape);
    const shape = broadcastShape(this.name, condition.shape, branchShape);
    const dtype = commonType(a, b);
    const [x, z] = [a, b].map((branch) =>
      typeof branch === 'number'
        ? fill(GpuArray.empty([], dtype, condition.device), branch)
        : castTo(branch, dtype),
    ) as [GpuArray, GpuArray];
    const y = choose(shape, condition, x, z);
    x.release();
    z.release();
    this.dtypes = branches.map((branch) => branch.dtype);
    if (this.recording) this.condition = this.save(condition);
    return y;
  }

  backward(dy: GpuArray): (GpuArray | null)[] {
    const zero = fill(GpuArray.empty([], dy.dtype, dy.device), 0);
    const parts = [
      { number: this.a, shape: this.aShape, branches: [dy, zero] as const },
      { number: this.b, shape: this.bShape, branches: [zero, dy] as const },
    ];
    const gradients = parts
      .filter(({ number }) => number === undefined)
      .map(({ shape, branches }, i) => {
        if (!this.needs[1 + i]) return null;
        const sum = sumTo(choose(dy.shape, this.condition, ...branches), shape);
        const gradient = castTo(sum, this.dtypes[i]!);
        sum.release();
        return gradient;
      });
    zero.release();
    return [null, ...gradients];
  }
}

function shapeOf(branch: GpuArray | number): Shape {
  return typeof branch === 'number' ? [] : branch.shape;
}

/** As in PyTorch; of two numbers f32. */
function commonType(a: GpuArray | number, b: GpuArray | number): DType {
  if (typeof a !== 'number') return promote(a.dtype, typeof b === 'number' ? b : b.dtype);
  return typeof b === 'number' ? 'f32' : promote(b.dtype, a);
}

function choose(shape: Shape, condition: GpuArray, a: GpuArray, b: GpuArray): GpuArray {
  const y = GpuArray.empty(shape, a.dtype, a.device);
  const inputs = [condition, a, b].map((x) => (x.numel === 1 ? x.share() : expandTo(x, shape)));
  const [conditionStep, aStep, bStep] = inputs.map((x) => (x.numel === 1 ? 0 : 1)) as [
    number,
    number,
    number,
  ];
  launch(shader, 'choose', {
    inputs,
    outputs: [y],
    params: { count: y.numel, conditionStep, aStep, bStep },
    flags: {
      ...elementFlags(condition.dtype),
      CONDITION_F16: condition.dtype === 'f16',
      VALUE_F16: y.dtype === 'f16',
    },
    elements: y.numel,
  });
  for (const input of inputs) input.release();
  return y;
}
