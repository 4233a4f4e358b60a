import classes from '../../../shaders/classes.wgsl';
import source from '../../../shaders/crossEntropy.wgsl';
import lossScale from '../../../shaders/lossScale.wgsl';
import nonFinite from '../../../shaders/nonFinite.wgsl';
import rowsSource from '../../../shaders/rows.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { ArgumentError } from '../../errors.js';
import { isFloat } from '../../gpu/dtype.js';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader, type FlagsOf, type ParamsOf } from '../../gpu/shader.js';
import { checkIgnoreIndex, classGeometry } from '../kernels/classes.js';
import { checkReduction, lossTotal, type Reduction } from '../kernels/lossTotal.js';
import { fitBindings, inParts } from '../kernels/parts.js';
import { rowLaunch } from '../kernels/rows.js';
import { Op, type Gradients } from '../op.js';

const shader = defineShader({
  name: 'crossEntropy',
  source,
  params: { rows: 'u32', c: 'u32', inner: 'u32', ignoreIndex: 'i32', smoothing: 'f32' },
  flags: ['INDICES', 'WEIGHTED', 'EACH', 'COUNTED', 'WIDE'],
  includes: { classes, lossScale, nonFinite, rows: rowsSource, threads },
});

export type { Reduction };

/** Rows, and all their logits, that one workgroup takes. */
const MOST_ROWS = 1024;
const MOST_LOGITS = 2 ** 15;

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
 * Softmax and cross-entropy of `logits` (C), (N, C) or (N, C, d1, ...), as PyTorch's
 * `cross_entropy`, fused: the probabilities are never in memory. All sums are of f32.
 *
 *   loss[n]  = -sum_c q[n, c] ln p[n, c],   p = softmax(logits)
 *   dx[n, c] = (p[n, c] sum_k q[n, k] - q[n, c]) scale[n]
 *   scale    = dy / (what the mean divides by)
 *
 * q is the target: class indices of i32 or u32, of the shape of the logits without the C, which
 * stand for 1 at that class, or probabilities of the shape and dtype of the logits; smoothed, and
 * multiplied by `weight` (C,), the third input, if there is one. Probabilities get a gradient too,
 * indices and weights do not.
 *
 * The GPU cannot throw: a row with an index outside 0 to C - 1 has loss and gradient NaN. If all
 * rows are ignored the mean is NaN, as in PyTorch.
 */
export class CrossEntropy extends Op {
  readonly name = 'crossEntropy';
  private params!: ParamsOf<typeof shader>;
  private flags!: FlagsOf<typeof shader>;
  private logits!: GpuArray; // this and the rest are saved for backward
  private target!: GpuArray;
  private weight: GpuArray | undefined;
  private rows!: GpuArray;
  private divisor: GpuArray | undefined; // none where there is no reduction

  constructor(readonly options: CrossEntropyOptions = {}) {
    super();
  }

  forward(logits: GpuArray, target: GpuArray, weight?: GpuArray): GpuArray {
    const { name } = this;
    const { reduction = 'mean', labelSmoothing = 0, ignoreIndex = -100 } = this.options;
    checkReduction(name, reduction);
    if (!(labelSmoothing >= 0 && labelSmoothing <= 1))
      throw new ArgumentError(name, 'labelSmoothing from 0 to 1', labelSmoothing);
    checkIgnoreIndex(name, ignoreIndex);
    const inputs = { named: 'logits', scores: logits, target, weight };
    const { rowShape, ...geometry } = classGeometry(name, inputs, {
      shares: true,
      weightNeeded: this.needs[2] ?? false,
    });
    const { device, dtype } = logits;
    const { rows, c } = geometry;
    const each = reduction === 'none';
    this.params = { ...geometry, ignoreIndex, smoothing: labelSmoothing };
    this.flags = {
      INDICES: !isFloat(target.dtype),
      WEIGHTED: weight !== undefined,
      EACH: each,
    };
    this.logits = this.save(logits);
    this.target = this.save(target);
    this.weight = weight && this.save(weight);
    this.rows = this.own(GpuArray.empty([rows, 4], 'f32', device));

    if (!each && this.isSmall()) return this.total(reduction === 'mean');

    const losses = GpuArray.empty(rowShape, each ? dtype : 'f32', device);
    const outer = rows / (geometry.inner || 1);
    inParts({ outer }, [target, logits], [losses, this.rows], ({ outer, inputs, outputs }) => {
      const [target, logits] = inputs as [GpuArray, GpuArray];
      const rows = outer * geometry.inner;
      const { wide, ...size } = rowLaunch(device, rows, c);
      launch(shader, 'forward', {
        inputs: [target, weight ?? logits, logits],
        outputs,
        params: { ...this.params, rows },
        flags: { ...this.flags, WIDE: wide },
        ...size,
      });
    });
    if (each) return losses;

    const counts = { array: this.rows, stride: 4, offset: 3 };
    const { loss, divisor } = lossTotal(losses, reduction === 'mean' ? counts : 1, dtype);
    this.divisor = this.own(divisor);
    losses.release();
    return loss;
  }

  /** True for what one workgroup does as fast as several do and another one that adds up. */
  private isSmall(): boolean {
    const { logits, target, rows, params } = this;
    const fits = fitBindings([logits, target, rows]);
    return fits && params.rows > 0 && params.rows <= MOST_ROWS && logits.numel <= MOST_LOGITS;
  }

  /** Forward and its sum, in one dispatch. */
  private total(isMean: boolean): GpuArray {
    const { logits, target, weight, rows, params } = this;
    const { device } = logits;
    const loss = GpuArray.empty([], logits.dtype, device);
    const divisor = this.own(GpuArray.empty([], 'f32', device));
    const { wide, ...size } = rowLaunch(device, 1, params.rows, true);
    launch(shader, 'total', {
      inputs: [target, weight ?? logits, logits],
      outputs: [loss, rows, divisor],
      params,
      flags: { ...this.flags, COUNTED: isMean, WIDE: wide },
      ...size,
    });
    this.divisor = divisor;
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
    const { logits, target, weight, rows, divisor, params } = this;
    const dx = GpuArray.empty(logits.shape, logits.dtype, logits.device);
    const cut = [target, logits, rows, ...(divisor ? [] : [dy])]; // dy is one number, or one a row
    inParts(
      { outer: params.rows / (params.inner || 1) },
      cut,
      [dx],
      ({ outer, inputs, outputs }) => {
        const [target, logits, rows, dyOfRows] = inputs as [
          GpuArray,
          GpuArray,
          GpuArray,
          GpuArray?,
        ];
        const slope = dyOfRows ?? dy;
        launch(shader, entry, {
          inputs: [target, weight ?? logits, logits, slope, rows, divisor ?? rows],
          outputs,
          params: { ...params, rows: outer * params.inner },
          flags: this.flags,
          threads: outputs[0]!.numel,
        });
      },
    );
    return dx;
  }
}
