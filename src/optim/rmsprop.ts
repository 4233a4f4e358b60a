import source from '../../shaders/rmsprop.wgsl';
import threads from '../../shaders/threads.wgsl';
import update from '../../shaders/update.wgsl';
import { launch } from '../gpu/launch.js';
import { defineShader } from '../gpu/shader.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Run } from './bucket.js';
import { divide } from './divide.js';
import { Optimizer, type FilledGroup, type ParamGroup } from './optimizer.js';

export interface RMSpropOptions {
  /** Learning rate. Default 1e-2. */
  lr: number;
  /** Decay of the running mean of the squared gradient. Default 0.99. */
  alpha: number;
  /** Added to the denominator. Default 1e-8. */
  eps: number;
  /** Weight of the L2 penalty. Default 0. */
  weightDecay: number;
  /** Share of the last step that is added to the next. Default 0. */
  momentum: number;
  /** Divides by the deviation of the gradient instead of its root mean square. Default false. */
  centered: boolean;
  /** Ascends instead of descending. Default false. */
  maximize: boolean;
}

const DEFAULTS: RMSpropOptions = {
  lr: 1e-2,
  alpha: 0.99,
  eps: 1e-8,
  weightDecay: 0,
  momentum: 0,
  centered: false,
  maximize: false,
};

const shader = defineShader({
  name: 'rmsprop',
  source,
  params: {
    count: 'u32',
    lr: 'f32',
    alpha: 'f32',
    rest: 'f32',
    eps: 'f32',
    momentum: 'f32',
    weightDecay: 'f32',
    sign: 'f32',
  },
  flags: ['QUADS', 'CENTERED', 'MOMENTUM'],
  includes: { threads, update },
});

/**
 * RMSprop (Hinton, 2012), centered: Graves (2013).
 *
 *   g = ±grad + weightDecay p
 *   s = alpha s + (1 - alpha) g^2
 *   m = alpha m + (1 - alpha) g            centered only: then sqrt(s - m^2) stands for sqrt(s)
 *   v = momentum v + g / (sqrt(s) + eps)
 *   p = p - lr v
 *
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.RMSprop.html
 *
 * @example
 * const optimizer = new RMSprop(model.parameters(), { lr: 1e-3 });
 */
export class RMSprop extends Optimizer<RMSpropOptions> {
  constructor(
    params: Iterable<Tensor> | Iterable<ParamGroup<RMSpropOptions>>,
    options: Partial<RMSpropOptions> = {},
  ) {
    super(params, { ...DEFAULTS, ...options });
  }

  protected checkOptions({ lr, alpha, eps, weightDecay, momentum }: RMSpropOptions): void {
    this.expect(lr >= 0, 'lr of 0 or more', lr);
    this.expect(alpha >= 0, 'alpha of 0 or more', alpha);
    this.expect(eps >= 0, 'eps of 0 or more', eps);
    this.expect(weightDecay >= 0, 'weightDecay of 0 or more', weightDecay);
    this.expect(momentum >= 0, 'momentum of 0 or more', momentum);
  }

  protected stateKeys({ centered, momentum }: FilledGroup<RMSpropOptions>): readonly string[] {
    return [
      'square_avg',
      ...(centered ? ['grad_avg'] : []),
      ...(momentum > 0 ? ['momentum_buffer'] : []),
    ];
  }

  protected update(
    { grad, param, state }: Run,
    _step: () => number,
    group: FilledGroup<RMSpropOptions>,
  ): void {
    const { inQuads, ...division } = divide(param);
    launch(shader, 'step', {
      inputs: [grad],
      outputs: [param, ...this.stateKeys(group).map((key) => state[key]!)],
      params: {
        count: param.numel,
        lr: () => group.lr,
        alpha: () => group.alpha,
        rest: () => 1 - group.alpha,
        eps: () => group.eps,
        momentum: () => group.momentum,
        weightDecay: () => group.weightDecay,
        sign: () => (group.maximize ? -1 : 1),
      },
      flags: { QUADS: inQuads, CENTERED: group.centered, MOMENTUM: group.momentum > 0 },
      ...division,
    });
  }
}
