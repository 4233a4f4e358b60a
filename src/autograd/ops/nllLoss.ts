import classes from '../../../shaders/classes.wgsl';
import lossScale from '../../../shaders/lossScale.wgsl';
import nonFinite from '../../../shaders/nonFinite.wgsl';
import source from '../../../shaders/nllLoss.wgsl';
import threads from '../../../shaders/threads.wgsl';
import { GpuArray } from '../../gpu/gpuArray.js';
import { launch } from '../../gpu/launch.js';
import { defineShader, type FlagsOf, type ParamsOf } from '../../gpu/shader.js';
import { checkIgnoreIndex, classGeometry } from '../kernels/classes.js';
import { checkReduction, lossTotal, type Reduction } from '../kernels/lossTotal.js';
import { inParts } from '../kernels/parts.js';
import { Op, type Gradients } from '../op.js';

const shader = defineShader({
  name: 'nllLoss',
  source,
  params: { rows: 'u32', c: 'u32', inner: 'u32', ignoreIndex: 'i32' },
  flags: ['INDICES', 'WEIGHTED', 'EACH'],
  includes: { classes, lossScale, nonFinite, threads },
});

export interface NLLLossOptions {
  /**
   * 'mean' (default) divides the sum of the rows' losses by the sum of the weights of their classes,
   * without ignored rows; 'sum' does not; 'none' gives each row's.
   */
  reduction?: Reduction;
  /** Rows of this class index have loss and gradient 0, and do not count. Default -100. */
  ignoreIndex?: number;
}

/**
 * Negative log likelihood: minus the logarithm of the probability of each row's class, of `logP`
 * (C), (N, C) or (N, C, d1, ...), class indices without the C, and `weight` (C,) if there is one.
 *
 *   loss[n]  = -w[t[n]] logP[n, t[n]]
 *   dx[n, c] = -w[c] scale[n] where c = t[n], else 0
 *   scale    = dy / (what the mean divides by)
 *
 * A row with an index outside 0 to C - 1 has loss and gradient NaN, since the GPU cannot throw.
 */
export class NLLLoss extends Op {
  readonly name = 'nllLoss';
  private params!: ParamsOf<typeof shader>;
  private flags!: FlagsOf<typeof shader>;
  private logP!: GpuArray; // this and the rest are saved for backward
  private target!: GpuArray;
  private weight: GpuArray | undefined;
  private divisor: GpuArray | undefined; // none where there is no reduction

  constructor(readonly options: NLLLossOptions = {}) {
    super();
  }

  forward(logP: GpuArray, target: GpuArray, weight?: GpuArray): GpuArray {
    const { name } = this;
    const { reduction = 'mean', ignoreIndex = -100 } = this.options;
    checkReduction(name, reduction);
    checkIgnoreIndex(name, ignoreIndex);
    const inputs = { named: 'logProbs', scores: logP, target, weight };
    const { rowShape, ...geometry } = classGeometry(name, inputs, {
      shares: false,
      weightNeeded: this.needs[2] ?? false,
    });
    const { rows } = geometry;
    const each = reduction === 'none';
    this.params = { ...geometry, ignoreIndex };
    this.flags = { INDICES: true, WEIGHTED: weight !== undefined, EACH: each };
    this.logP = this.save(logP);
    this.target = this.save(target);
    this.weight = weight && this.save(weight);

    const losses = GpuArray.empty(rowShape, each ? logP.dtype : 'f32', logP.device);
    const counts = GpuArray.empty([rows], 'f32', logP.device);
    const outer = rows / (geometry.inner || 1);
    inParts({ outer }, [target, logP], [losses, counts], ({ outer, inputs, outputs }) => {
      const [target, logP] = inputs as [GpuArray, GpuArray];
      const rows = outer * geometry.inner;
      launch(shader, 'forward', {
        inputs: [target, weight ?? logP, logP],
        outputs,
        params: { ...this.params, rows },
        flags: this.flags,
        threads: rows,
      });
    });
    if (each) {
      counts.release();
      return losses;
    }
    const by = reduction === 'mean' ? { array: counts } : 1;
    const { loss, divisor } = lossTotal(losses, by, logP.dtype);
    this.divisor = this.own(divisor);
    losses.release();
    counts.release();
    return loss;
  }

  backward(dy: GpuArray): Gradients {
    const { logP, target, weight, divisor, params } = this;
    const dx = GpuArray.empty(logP.shape, logP.dtype, logP.device);
    const cut = [target, ...(divisor ? [] : [dy])]; // dy is one number, or one a row
    inParts(
      { outer: params.rows / (params.inner || 1) },
      cut,
      [dx],
      ({ outer, inputs, outputs }) => {
        const [target, slope = dy] = inputs as [GpuArray, GpuArray?];
        launch(shader, 'backward', {
          inputs: [target, weight ?? slope, slope, divisor ?? slope],
          outputs,
          params: { ...params, rows: outer * params.inner },
          flags: this.flags,
          threads: outputs[0]!.numel,
        });
      },
    );
    return [dx, null, null];
  }
}
