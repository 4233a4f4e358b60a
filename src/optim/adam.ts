import source from '../../shaders/adam.wgsl';
import threads from '../../shaders/threads.wgsl';
import update from '../../shaders/update.wgsl';
import { launch } from '../gpu/launch.js';
import { defineShader } from '../gpu/shader.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Run } from './bucket.js';
import { divide } from './divide.js';
import { Optimizer, type FilledGroup, type ParamGroup } from './optimizer.js';

export interface AdamOptions {
  /** Learning rate. Default 1e-3. */
  lr: number;
  /** Decay of the running means of the gradient and of its square. Default [0.9, 0.999]. */
  betas: readonly [number, number];
  /** Added to the denominator. Default 1e-8. */
  eps: number;
  /** Weight of the L2 penalty. Default 0; 1e-2 in AdamW. */
  weightDecay: number;
  /** Divides by the largest mean square so far (Reddi et al., 2018). Default false. */
  amsgrad: boolean;
  /** Ascends instead of descending. Default false. */
  maximize: boolean;
}

const DEFAULTS: AdamOptions = {
  lr: 1e-3,
  betas: [0.9, 0.999],
  eps: 1e-8,
  weightDecay: 0,
  amsgrad: false,
  maximize: false,
};

const shader = defineShader({
  name: 'adam',
  source,
  params: {
    count: 'u32',
    stepSize: 'f32',
    beta1: 'f32',
    beta2: 'f32',
    rest1: 'f32',
    rest2: 'f32',
    rootCorrection: 'f32',
    eps: 'f32',
    decay: 'f32',
    sign: 'f32',
  },
  flags: ['QUADS', 'AMSGRAD', 'DECOUPLED'],
  includes: { threads, update },
});

/**
 * Adam (Kingma and Ba, 2015).
 *
 *   g = ±grad + weightDecay p
 *   m = beta1 m + (1 - beta1) g
 *   v = beta2 v + (1 - beta2) g^2          AMSGrad: then v' = max(v', v), used below for v
 *   p = p - lr / (1 - beta1^t) m / (sqrt(v / (1 - beta2^t)) + eps)
 *
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.Adam.html
 *
 * @example
 * const optimizer = new Adam(model.parameters(), { lr: 1e-3 });
 */
export class Adam extends Optimizer<AdamOptions> {
  /** True if the weight decay shrinks the parameter instead of joining the gradient. */
  protected readonly decoupled: boolean = false;

  constructor(
    params: Iterable<Tensor> | Iterable<ParamGroup<AdamOptions>>,
    options: Partial<AdamOptions> = {},
  ) {
    super(params, { ...DEFAULTS, ...options });
  }

  protected checkOptions({ lr, betas, eps, weightDecay }: AdamOptions): void {
    this.expect(lr >= 0, 'lr of 0 or more', lr);
    this.expect(
      betas.every((beta) => beta >= 0 && beta < 1),
      'betas of 0 or more and under 1',
      betas,
    );
    this.expect(eps >= 0, 'eps of 0 or more', eps);
    this.expect(weightDecay >= 0, 'weightDecay of 0 or more', weightDecay);
  }

  protected stateKeys({ amsgrad }: FilledGroup<AdamOptions>): readonly string[] {
    return ['exp_avg', 'exp_avg_sq', ...(amsgrad ? ['max_exp_avg_sq'] : [])];
  }

  protected update(
    { grad, param, state }: Run,
    step: () => number,
    group: FilledGroup<AdamOptions>,
  ): void {
    const { inQuads, ...division } = divide(param);
    launch(shader, 'step', {
      inputs: [grad],
      outputs: [param, ...this.stateKeys(group).map((key) => state[key]!)],
      params: {
        count: param.numel,
        stepSize: () => group.lr / (1 - group.betas[0] ** step()),
        beta1: () => group.betas[0],
        beta2: () => group.betas[1],
        rest1: () => 1 - group.betas[0],
        rest2: () => 1 - group.betas[1],
        rootCorrection: () => 1 / Math.sqrt(1 - group.betas[1] ** step()),
        eps: () => group.eps,
        decay: () => (this.decoupled ? group.lr * group.weightDecay : group.weightDecay),
        sign: () => (group.maximize ? -1 : 1),
      },
      flags: { QUADS: inQuads, AMSGRAD: group.amsgrad, DECOUPLED: this.decoupled },
      ...division,
    });
  }
}

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter, 2019): p = p (1 - lr weightDecay) before
 * each step of Adam, which sees no penalty. Default weightDecay 1e-2.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.AdamW.html
 */
export class AdamW extends Adam {
  protected override readonly decoupled = true;

  constructor(
    params: Iterable<Tensor> | Iterable<ParamGroup<AdamOptions>>,
    options: Partial<AdamOptions> = {},
  ) {
    super(params, { weightDecay: 1e-2, ...options });
  }
}
