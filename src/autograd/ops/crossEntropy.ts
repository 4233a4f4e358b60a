import source from '../../../shaders/crossEntropy.wgsl';
import rowsSource from '../../../shaders/rows.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { ArgumentError, DTypeError, formatShape, ShapeError } from '../../errors.js';
import { sameShape } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader, type FlagsOf, type ParamsOf } from '../../gpu/shader.js';
import { rowLaunch } from '../kernels/rows.js';
import { Op, type Gradients } from '../op.js';

const shader = defineShader({
  name: 'crossEntropy',
  source,
  params: { n: 'u32', c: 'u32', smoothing: 'f32', ignoreIndex: 'i32', nan: 'f32' },
  flags: ['INDICES', 'WEIGHTED', 'MEAN', 'EACH', 'WIDE'],
  includes: { rows: rowsSource, threads },
});

const REDUCTIONS = ['mean', 'sum', 'none'] as const;

export type Reduction = (typeof REDUCTIONS)[number];

export interface CrossEntropyOptions {
  /**
   * 'mean' (default) divides the sum of the rows' losses by the number of rows that are not
   * ignored, or by the sum of their classes' weights; 'sum' does not; 'none' gives each row's.
   */
  reduction?: Reduction;
  /** How much of each target is spread evenly over the classes, from 0 (default) to 1. */
  labelSmoothing?: number;
  /** Rows of this class index have loss and gradient 0, and do not count. Default -100. */
  ignoreIndex?: number;
}

/**
 * Softmax and cross-entropy of `logits` (N, C), as PyTorch's `cross_entropy`, fused: the
 * probabilities are never in memory.
 *
 *   loss[n]  = -sum_c q[n, c] ln p[n, c],   p = softmax(logits)
 *   dx[n, c] = (p[n, c] sum_k q[n, k] - q[n, c]) scale[n]
 *   scale    = dy / (what the mean divides by)
 *
 * q is the target: class indices (N) of i32 or u32, which stand for 1 at that class, or
 * probabilities (N, C) of f32; smoothed, and multiplied by `weight` (C,), the third input, if
 * there is one. Probabilities get a gradient too, indices and weights do not.
 *
 * The GPU cannot throw: a row with an index outside 0 to C - 1 has loss and gradient NaN. If all
 * rows are ignored the mean is NaN, as in PyTorch.
 */
export class CrossEntropy extends Op {
  readonly name = 'crossEntropy';
  private readonly reduction: Reduction;
  private params!: ParamsOf<typeof shader>;
  private flags!: FlagsOf<typeof shader>;
  private logits!: GpuArray; // this and the rest are saved for backward
  private target!: GpuArray;
  private weight: GpuArray | undefined;
  private rows!: GpuArray;
  private divisor: GpuArray | undefined; // none where there is no reduction

  constructor(readonly options: CrossEntropyOptions = {}) {
    super();
    this.reduction = options.reduction ?? 'mean';
  }

  forward(logits: GpuArray, target: GpuArray, weight?: GpuArray): GpuArray {
    this.check(logits, target, weight);
    const { device } = logits;
    const [n, c] = logits.shape as [number, number];
    const { labelSmoothing: smoothing = 0, ignoreIndex = -100 } = this.options;
    this.params = { n, c, smoothing, ignoreIndex, nan: NaN };
    this.flags = {
      INDICES: target.dtype !== 'f32',
      WEIGHTED: weight !== undefined,
      MEAN: this.reduction === 'mean',
      EACH: this.reduction === 'none',
    };
    this.logits = this.save(logits);
    this.target = this.save(target);
    this.weight = weight && this.save(weight);
    this.rows = this.own(GpuArray.empty([n, 4], 'f32', device));

    const losses = GpuArray.empty([n], 'f32', device);
    const { wide, ...size } = rowLaunch(device, n, c);
    launch(shader, 'forward', {
      inputs: [logits, target, weight ?? logits],
      outputs: [losses, this.rows],
      params: this.params,
      flags: { ...this.flags, WIDE: wide },
      ...size,
    });
    if (this.reduction === 'none') return losses;

    const loss = GpuArray.empty([], 'f32', device);
    this.divisor = this.own(GpuArray.empty([], 'f32', device));
    const { wide: oneGroup, ...totalSize } = rowLaunch(device, 1, n, true);
    launch(shader, 'total', {
      inputs: [losses, this.rows],
      outputs: [loss, this.divisor],
      params: this.params,
      flags: { ...this.flags, WIDE: oneGroup },
      ...totalSize,
    });
    losses.release();
    return loss;
  }

  backward(dy: GpuArray): Gradients {
    return [
      this.needs[0] ? this.gradient('backward', dy) : null,
      this.needs[1] ? this.gradient('backwardTarget', dy) : null,
      null,
    ];
  }

  private gradient(entry: 'backward' | 'backwardTarget', dy: GpuArray): GpuArray {
    const { logits, target, weight = logits, rows, divisor = rows } = this;
    const dx = GpuArray.empty(logits.shape, 'f32', logits.device);
    launch(shader, entry, {
      inputs: [logits, target, weight, dy, rows, divisor],
      outputs: [dx],
      params: this.params,
      flags: this.flags,
      threads: dx.numel,
    });
    return dx;
  }

  private check(logits: GpuArray, target: GpuArray, weight?: GpuArray): void {
    const { name } = this;
    const { labelSmoothing = 0, ignoreIndex = -100 } = this.options;
    if (!REDUCTIONS.includes(this.reduction))
      throw new ArgumentError(name, `reduction 'mean', 'sum' or 'none'`, this.reduction);
    if (!(labelSmoothing >= 0 && labelSmoothing <= 1))
      throw new ArgumentError(name, 'labelSmoothing from 0 to 1', labelSmoothing);
    if (!Number.isInteger(ignoreIndex))
      throw new ArgumentError(name, 'ignoreIndex a whole number', ignoreIndex);

    if (logits.dtype !== 'f32') throw new DTypeError(name, 'logits of f32', logits.dtype);
    if (logits.shape.length !== 2 || logits.numel === 0) {
      throw new ShapeError(
        name,
        'logits (N, C) of at least one row and class',
        logits.shape,
        'Bring other dimensions into N with reshape([-1, C]).',
      );
    }
    const [n, c] = logits.shape as [number, number];
    const expected = target.dtype === 'f32' ? [n, c] : [n];
    if (!sameShape(target.shape, expected)) {
      if (target.dtype === 'f32' && sameShape(target.shape, [n])) {
        throw new DTypeError(name, 'class indices of i32 or u32', 'f32', "Convert with to('i32').");
      }
      const what = target.dtype === 'f32' ? 'probabilities' : 'class indices';
      throw new ShapeError(
        name,
        `target ${formatShape(expected)} of ${what} for logits ${formatShape(logits.shape)}`,
        target.shape,
      );
    }
    if (!weight) return;
    if (weight.dtype !== 'f32') throw new DTypeError(name, 'weight of f32', weight.dtype);
    if (!sameShape(weight.shape, [c]))
      throw new ShapeError(name, `weight ${formatShape([c])}`, weight.shape);
  }
}
