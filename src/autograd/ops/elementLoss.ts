import activation from '../../../shaders/activation.wgsl';
import source from '../../../shaders/elementLoss.wgsl';
import lossScale from '../../../shaders/lossScale.wgsl';
import stridesSource from '../../../shaders/strides.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { ArgumentError, formatShape, ShapeError } from '../../errors.js';
import { sameShape } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { elementThreads, launch } from '../../gpu/launch.js';
import { defineShader, type FlagsOf, type ParamsOf } from '../../gpu/shader.js';
import { checkFloat, checkSameFloat } from '../kernels/checks.js';
import { refuseGradient } from '../kernels/classes.js';
import { checkReduction, lossTotal, MOST_PARTS, type Reduction } from '../kernels/lossTotal.js';
import { fitBindings, inParts, joined } from '../kernels/parts.js';
import { expandTo } from '../kernels/stridedCopy.js';
import { broadcast, broadcastShape, planStrides, STRIDE_PARAMS } from '../kernels/strides.js';
import { Op, type Gradients } from '../op.js';

const shader = defineShader({
  name: 'elementLoss',
  source,
  params: { count: 'u32', parts: 'u32', knee: 'f32', factor: 'f32', ...STRIDE_PARAMS },
  flags: ['SQUARED', 'ABSOLUTE', 'LOGISTIC', 'WEIGHTED', 'POSITIVE', 'EACH', 'TARGET'],
  includes: { activation, lossScale, strides: stridesSource, threads },
});

const FLAGS = {
  mseLoss: 'SQUARED',
  l1Loss: 'ABSOLUTE',
  smoothL1Loss: 'ABSOLUTE',
  huberLoss: 'ABSOLUTE',
  binaryCrossEntropyWithLogits: 'LOGISTIC',
} as const;

export type ElementLossName = keyof typeof FLAGS;

const WEIGHTS = ['weight', 'posWeight'] as const;

export interface ElementLossOptions {
  /** 'mean' (default) over all elements, 'sum' of them, or 'none', which gives each. */
  reduction?: Reduction;
  /** Of smoothL1Loss: beta, from 0 up; of huberLoss: delta, above 0. Default 1. */
  knee?: number;
  /** Of binaryCrossEntropyWithLogits: which weights follow the target among the inputs. */
  weights?: readonly (typeof WEIGHTS)[number][];
}

const SEVERAL = 8; // elements that a thread adds up at least, but for few in all

/** How many threads add up `count` losses. */
function partsFor(count: number): number {
  return Math.min(MOST_PARTS, Math.ceil(count / SEVERAL));
}

/**
 * How far x is from a target of the same shape and dtype, element by element; d = x - t.
 *
 *   mseLoss        loss = d^2                               dx = 2 d
 *   l1Loss         loss = |d|                               dx = sign d
 *   smoothL1Loss   loss = d^2 / (2 beta) where |d| < beta, else |d| - beta / 2
 *                                                           dx = d / beta, or sign d
 *   huberLoss      delta times smoothL1Loss with beta = delta
 *   binaryCrossEntropyWithLogits
 *                  loss = w ((1 - t) ln(1 + e^x) + p t ln(1 + e^-x))
 *                  dx   = w ((1 - t) s(x) - p t s(-x)),     s = sigmoid
 *                  dt   = w (p ln(1 + e^-x) - ln(1 + e^x))
 *
 * dt = -dx but for the last. w, `weight`, and p, `posWeight`, are 1 or broadcast to the shape of x,
 * and have no gradient. All this is times dy, for the mean divided by the number of elements.
 */
export class ElementLoss extends Op {
  private params!: ParamsOf<typeof shader>;
  private constants!: Readonly<Record<string, number>>;
  private flags!: FlagsOf<typeof shader>;
  private operands!: GpuArray[]; // x, target, weight, posWeight: saved for backward
  private divisor: GpuArray | undefined; // none where there is no reduction

  constructor(
    readonly name: ElementLossName,
    readonly options: ElementLossOptions = {},
  ) {
    super();
  }

  forward(x: GpuArray, target: GpuArray, ...given: GpuArray[]): GpuArray {
    const { reduction = 'mean', weights = [], knee = 1 } = this.options;
    const [weight, posWeight] = WEIGHTS.map((name) => given[weights.indexOf(name)]);
    this.check(x, target, reduction, given);
    const { numel: count, shape, dtype, device } = x;
    const each = reduction === 'none';
    const operands = [x, target, weight ?? x, posWeight ?? x];
    // In parts the weights are cut as x is.
    const fits = fitBindings(operands);
    this.operands = operands.map((array) =>
      fits ? this.save(array) : this.own(expandTo(array, shape)),
    );
    const { params, constants } = planStrides(
      this.name,
      shape,
      broadcast(fits ? (weight?.shape ?? []) : shape, shape),
      broadcast(fits ? (posWeight?.shape ?? []) : shape, shape),
    );
    this.params = {
      ...params,
      count,
      parts: partsFor(count),
      knee: this.name === 'l1Loss' ? 0 : knee,
      factor: this.name === 'huberLoss' ? knee : 1,
    };
    this.constants = constants;
    this.flags = {
      [FLAGS[this.name]]: true,
      WEIGHTED: weight !== undefined,
      POSITIVE: posWeight !== undefined,
      EACH: each,
    };

    const all = each ? [GpuArray.empty(shape, dtype, device)] : [];
    const sums: GpuArray[] = []; // of each part of large arrays
    inParts({ outer: count }, this.operands, all, ({ outer: count, inputs, outputs }) => {
      const parts = partsFor(count);
      const losses = outputs[0] ?? GpuArray.empty([parts], 'f32', device);
      launch(shader, 'forward', {
        inputs,
        outputs: [losses],
        params: { ...this.params, count, parts },
        flags: this.flags,
        constants,
        threads: each ? elementThreads(count) : parts,
      });
      if (!each) sums.push(losses);
    });
    if (each) return all[0]!;
    const losses = joined(sums);
    const { loss, divisor } = lossTotal(losses, reduction === 'mean' ? count : 1, dtype);
    this.divisor = this.own(divisor);
    losses.release();
    return loss;
  }

  backward(dy: GpuArray): Gradients {
    return [this.gradient(0, dy), this.gradient(1, dy), null, null];
  }

  /** Of x (0) or of the target (1), if it is wanted. */
  private gradient(input: 0 | 1, dy: GpuArray): GpuArray | null {
    if (!this.needs[input]) return null;
    const { shape, dtype, device, numel } = this.operands[0]!;
    const dx = GpuArray.empty(shape, dtype, device);
    const { divisor } = this;
    const cut = [...this.operands, ...(divisor ? [] : [dy])]; // dy is one number, or one an element
    inParts({ outer: numel }, cut, [dx], ({ outer: count, inputs, outputs }) => {
      const slopes = divisor ? [dy, divisor] : [inputs.at(-1)!];
      launch(shader, 'backward', {
        inputs: [...inputs, ...slopes],
        outputs,
        params: { ...this.params, count },
        flags: { ...this.flags, TARGET: input === 1 },
        constants: this.constants,
        threads: elementThreads(count),
      });
    });
    return dx;
  }

  private check(x: GpuArray, target: GpuArray, reduction: Reduction, given: GpuArray[]): void {
    const { name } = this;
    const { weights = [], knee = 1 } = this.options;
    checkReduction(name, reduction);
    if (name === 'smoothL1Loss' && !(knee >= 0))
      throw new ArgumentError(name, 'beta from 0 up', knee);
    if (name === 'huberLoss' && !(knee > 0)) throw new ArgumentError(name, 'delta above 0', knee);
    checkFloat(name, 'input', x);
    checkSameFloat(name, 'target', target, x);
    if (!sameShape(x.shape, target.shape)) {
      throw new ShapeError(
        name,
        `target ${formatShape(x.shape)}, the shape of the input`,
        target.shape,
        'Give both one shape with reshape() or expand(): losses do not broadcast.',
      );
    }
    weights.forEach((which, i) => {
      const array = given[i]!;
      checkSameFloat(name, which, array, x);
      if (!sameShape(broadcastShape(name, x.shape, array.shape), x.shape)) {
        throw new ShapeError(
          name,
          `${which} that broadcasts to the input ${formatShape(x.shape)}`,
          array.shape,
        );
      }
      if (this.needs[2 + i]) refuseGradient(name, which);
    });
  }
}
