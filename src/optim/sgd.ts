import source from '../../shaders/sgd.wgsl';
import threads from '../../shaders/threads.wgsl';
import update from '../../shaders/update.wgsl';
import { launch } from '../gpu/launch.js';
import { defineShader } from '../gpu/shader.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Run } from './bucket.js';
import { divide } from './divide.js';
import { Optimizer, type FilledGroup, type ParamGroup } from './optimizer.js';

export interface SGDOptions {
  /** Learning rate. Default 1e-3. */
  lr: number;
  /** Share of the last step that is added to the next. Default 0. */
  momentum: number;
  /** Share of the gradient that is kept out of the momentum. Default 0. */
  dampening: number;
  /** Weight of the L2 penalty. Default 0. */
  weightDecay: number;
  /** Nesterov momentum, which needs a momentum and no dampening. Default false. */
  nesterov: boolean;
  /** Ascends instead of descending. Default false. */
  maximize: boolean;
}

const DEFAULTS: SGDOptions = {
  lr: 1e-3,
  momentum: 0,
  dampening: 0,
  weightDecay: 0,
  nesterov: false,
  maximize: false,
};

const shader = defineShader({
  name: 'sgd',
  source,
  params: {
    count: 'u32',
    lr: 'f32',
    momentum: 'f32',
    keep: 'f32',
    weightDecay: 'f32',
    sign: 'f32',
  },
  flags: ['QUADS', 'MOMENTUM', 'NESTEROV'],
  includes: { threads, update },
});

/**
 * Stochastic gradient descent.
 *
 *   g = ±grad + weightDecay p
 *   v = momentum v + (1 - dampening) g     at the first step: v = g
 *   p = p - lr v                           Nesterov: p - lr (g + momentum v)
 *
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html
 *
 * @example
 * const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
 */
export class SGD extends Optimizer<SGDOptions> {
  constructor(
    params: Iterable<Tensor> | Iterable<ParamGroup<SGDOptions>>,
    options: Partial<SGDOptions> = {},
  ) {
    super(params, { ...DEFAULTS, ...options });
  }

  protected checkOptions({ lr, momentum, dampening, weightDecay, nesterov }: SGDOptions): void {
    this.expect(lr >= 0, 'lr of 0 or more', lr);
    this.expect(momentum >= 0, 'momentum of 0 or more', momentum);
    this.expect(weightDecay >= 0, 'weightDecay of 0 or more', weightDecay);
    this.expect(
      !nesterov || (momentum > 0 && dampening === 0),
      'a momentum and no dampening for nesterov',
      `momentum ${momentum}, dampening ${dampening}`,
    );
  }

  protected stateKeys({ momentum }: FilledGroup<SGDOptions>): readonly string[] {
    return momentum === 0 ? [] : ['momentum_buffer'];
  }

  protected update(
    { grad, param, state }: Run,
    step: () => number,
    group: FilledGroup<SGDOptions>,
  ): void {
    const keys = this.stateKeys(group);
    const { inQuads, ...division } = divide(param);
    launch(shader, 'step', {
      inputs: [grad],
      outputs: [param, ...keys.map((key) => state[key]!)],
      params: {
        count: param.numel,
        lr: () => group.lr,
        momentum: () => group.momentum,
        // v = g at first: PyTorch dampens from the second step on.
        keep: () => (step() === 1 ? 1 : 1 - group.dampening),
        weightDecay: () => group.weightDecay,
        sign: () => (group.maximize ? -1 : 1),
      },
      flags: { QUADS: inQuads, MOMENTUM: keys.length > 0, NESTEROV: group.nesterov },
      ...division,
    });
  }
}
