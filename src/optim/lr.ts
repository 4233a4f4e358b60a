import { ArgumentError } from '../errors.js';
import type { Optimizer } from './optimizer.js';

/**
 * Learning-rate schedules: call `step()` once an epoch, or once a batch, after `optimizer.step()`.
 * Each changes `lr` of every parameter group from what it is, so that two of them can be combined.
 * Source: https://docs.pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate
 */

/** An optimizer whose groups have a learning rate. */
export type LROptimizer = Pick<Optimizer<{ lr: number }>, 'paramGroups'>;

/** What a schedule needs to go on later. */
export interface LRSchedulerState {
  /** Steps taken. */
  lastEpoch: number;
  /** The learning rate of each group before the first step of its first schedule. */
  baseLrs: number[];
  /** The learning rate of each group now. */
  lrs: number[];
}

/** The learning rates before the first of a group's schedules, which later ones start from too. */
const initialLrs = new WeakMap<object, number>();

function initialLr(group: { lr: number }): number {
  const lr = initialLrs.get(group) ?? group.lr;
  initialLrs.set(group, lr);
  return lr;
}

/** The base of the schedules that depend on nothing but the number of steps. */
export abstract class LRScheduler {
  /** Steps taken so far. */
  lastEpoch = 0;
  protected baseLrs: number[];

  constructor(protected readonly optimizer: LROptimizer) {
    this.baseLrs = optimizer.paramGroups.map(initialLr);
  }

  /** The learning rate after `t` steps, from the one after `t - 1`. */
  protected abstract next(lr: number, t: number, base: number, group: number): number;

  /** Goes on by one step. */
  step(): void {
    this.lastEpoch++;
    this.update();
  }

  /** The learning rate of each parameter group. */
  getLastLr(): number[] {
    return this.optimizer.paramGroups.map(({ lr }) => lr);
  }

  stateDict(): LRSchedulerState {
    return { lastEpoch: this.lastEpoch, baseLrs: [...this.baseLrs], lrs: this.getLastLr() };
  }

  /** @throws ArgumentError for another number of parameter groups. */
  loadStateDict({ lastEpoch, baseLrs, lrs }: LRSchedulerState): void {
    const { paramGroups } = this.optimizer;
    if (lrs.length !== paramGroups.length) {
      throw new ArgumentError(
        `${this.constructor.name}.loadStateDict`,
        `${paramGroups.length} parameter groups`,
        lrs.length,
      );
    }
    this.lastEpoch = lastEpoch;
    this.baseLrs = [...baseLrs];
    paramGroups.forEach((group, i) => (group.lr = lrs[i]!));
  }

  /** Sets the learning rates for `lastEpoch`. */
  protected update(): void {
    this.optimizer.paramGroups.forEach((group, i) => {
      // A group that was added since starts from its own learning rate.
      const base = (this.baseLrs[i] ??= initialLr(group));
      group.lr = this.next(group.lr, this.lastEpoch, base, i);
    });
  }

  protected expect(valid: boolean, expected: string, got: unknown): void {
    if (!valid) throw new ArgumentError(this.constructor.name, expected, got);
  }
}

/**
 * Multiplies the learning rate by `gamma` every `stepSize` steps.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.StepLR.html
 */
export class StepLR extends LRScheduler {
  private readonly stepSize: number;
  private readonly gamma: number;

  /** @param options  `stepSize`, steps; `gamma`, default 0.1. */
  constructor(optimizer: LROptimizer, options: { stepSize: number; gamma?: number }) {
    super(optimizer);
    this.stepSize = options.stepSize;
    this.gamma = options.gamma ?? 0.1;
    this.expect(
      Number.isInteger(this.stepSize) && this.stepSize > 0,
      'stepSize of 1 or more',
      this.stepSize,
    );
  }

  protected next(lr: number, t: number): number {
    return t % this.stepSize === 0 ? lr * this.gamma : lr;
  }
}

/**
 * Multiplies the learning rate by `gamma` at each of the `milestones`.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.MultiStepLR.html
 */
export class MultiStepLR extends LRScheduler {
  private readonly milestones: readonly number[];
  private readonly gamma: number;

  /** @param options  `milestones`, in steps, one of which may come twice; `gamma`, default 0.1. */
  constructor(optimizer: LROptimizer, options: { milestones: readonly number[]; gamma?: number }) {
    super(optimizer);
    this.milestones = options.milestones;
    this.gamma = options.gamma ?? 0.1;
  }

  protected next(lr: number, t: number): number {
    return lr * this.gamma ** this.milestones.filter((milestone) => milestone === t).length;
  }
}

/**
 * Multiplies the learning rate by `gamma` at every step.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ExponentialLR.html
 */
export class ExponentialLR extends LRScheduler {
  constructor(
    optimizer: LROptimizer,
    private readonly options: { gamma: number },
  ) {
    super(optimizer);
  }

  protected next(lr: number): number {
    return lr * this.options.gamma;
  }
}

/**
 * Half a cosine from the learning rate down to `etaMin` within `tMax` steps, and up again in the
 * next (Loshchilov and Hutter, 2017, without restarts).
 *
 *   lr(t) = etaMin + (base - etaMin) (1 + cos(pi t / tMax)) / 2
 *
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CosineAnnealingLR.html
 */
export class CosineAnnealingLR extends LRScheduler {
  private readonly tMax: number;
  private readonly etaMin: number;

  /** @param options  `tMax`, steps; `etaMin`, default 0. */
  constructor(optimizer: LROptimizer, options: { tMax: number; etaMin?: number }) {
    super(optimizer);
    this.tMax = options.tMax;
    this.etaMin = options.etaMin ?? 0;
    this.expect(this.tMax > 0, 'tMax above 0', this.tMax);
  }

  protected next(lr: number, t: number, base: number): number {
    const { tMax, etaMin } = this;
    const height = (step: number): number => (1 + Math.cos((Math.PI * step) / tMax)) / 2;
    const before = height(t - 1);
    // From the lowest point, where all proportions are lost, up to the height of the first descent.
    if (before < 1e-12) return etaMin + (base - etaMin) * height(t);
    return etaMin + (lr - etaMin) * (height(t) / before);
  }
}

/**
 * The base learning rate times a function of the number of steps, one for all groups or one each.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LambdaLR.html
 */
export class LambdaLR extends LRScheduler {
  constructor(
    optimizer: LROptimizer,
    private readonly lambda: ((t: number) => number) | readonly ((t: number) => number)[],
  ) {
    super(optimizer);
    const count = optimizer.paramGroups.length;
    this.expect(
      typeof lambda === 'function' || lambda.length === count,
      `one function, or one for each of ${count} groups`,
      typeof lambda === 'function' ? 1 : lambda.length,
    );
    this.update();
  }

  protected next(_lr: number, t: number, base: number, group: number): number {
    return base * (typeof this.lambda === 'function' ? this.lambda : this.lambda[group]!)(t);
  }
}

/**
 * Rises in a straight line from `startFactor` times the learning rate to all of it, within
 * `totalIters` steps.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LinearLR.html
 */
export class WarmupLR extends LRScheduler {
  private readonly startFactor: number;
  private readonly totalIters: number;

  /** @param options  `startFactor`, above 0, default 1/3; `totalIters`, steps, default 5. */
  constructor(optimizer: LROptimizer, options: { startFactor?: number; totalIters?: number } = {}) {
    super(optimizer);
    this.startFactor = options.startFactor ?? 1 / 3;
    this.totalIters = options.totalIters ?? 5;
    this.expect(
      this.startFactor > 0 && this.startFactor <= 1,
      'startFactor above 0 and at most 1',
      this.startFactor,
    );
    this.expect(this.totalIters > 0, 'totalIters above 0', this.totalIters);
    this.update();
  }

  protected next(lr: number, t: number): number {
    const { startFactor, totalIters } = this;
    const factor = (step: number): number =>
      startFactor + (1 - startFactor) * Math.min(step / totalIters, 1);
    return t === 0 ? lr * startFactor : (lr * factor(t)) / factor(t - 1);
  }
}

export interface ReduceLROnPlateauOptions {
  /** Whether the metric should fall or rise. Default 'min'. */
  mode?: 'min' | 'max';
  /** The learning rate is multiplied by it. Default 0.1. */
  factor?: number;
  /** Steps without an improvement that are let pass. Default 10. */
  patience?: number;
  /** What counts as an improvement. Default 1e-4. */
  threshold?: number;
  /** Whether `threshold` is a share of the best value or a difference. Default 'rel'. */
  thresholdMode?: 'rel' | 'abs';
  /** Steps after a reduction in which none are counted. Default 0. */
  cooldown?: number;
  /** The learning rate falls no further. Default 0. */
  minLr?: number;
  /** Smaller changes of the learning rate are not made. Default 1e-8. */
  eps?: number;
}

/** What ReduceLROnPlateau needs to go on later. */
export interface ReduceLROnPlateauState {
  best: number;
  badSteps: number;
  cooldownLeft: number;
  lrs: number[];
}

/**
 * Multiplies the learning rate by `factor` once a metric has stopped to improve.
 * Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html
 *
 * @example
 * scheduler.step(validationLoss);
 */
export class ReduceLROnPlateau {
  private readonly options: Required<ReduceLROnPlateauOptions>;
  private best: number;
  private badSteps = 0;
  private cooldownLeft = 0;

  constructor(
    private readonly optimizer: LROptimizer,
    options: ReduceLROnPlateauOptions = {},
  ) {
    this.options = {
      mode: 'min',
      factor: 0.1,
      patience: 10,
      threshold: 1e-4,
      thresholdMode: 'rel',
      cooldown: 0,
      minLr: 0,
      eps: 1e-8,
      ...options,
    };
    if (!(this.options.factor < 1)) {
      throw new ArgumentError('ReduceLROnPlateau', 'factor under 1', this.options.factor);
    }
    this.best = this.options.mode === 'min' ? Infinity : -Infinity;
  }

  /** @param metric  Of the last epoch, such as the validation loss. */
  step(metric: number): void {
    const { patience, cooldown } = this.options;
    if (this.improves(metric)) {
      this.best = metric;
      this.badSteps = 0;
    } else this.badSteps++;
    if (this.cooldownLeft > 0) {
      this.cooldownLeft--;
      this.badSteps = 0;
    }
    if (this.badSteps > patience) {
      this.reduce();
      this.cooldownLeft = cooldown;
      this.badSteps = 0;
    }
  }

  /** The learning rate of each parameter group. */
  getLastLr(): number[] {
    return this.optimizer.paramGroups.map(({ lr }) => lr);
  }

  stateDict(): ReduceLROnPlateauState {
    const { best, badSteps, cooldownLeft } = this;
    return { best, badSteps, cooldownLeft, lrs: this.getLastLr() };
  }

  loadStateDict({ best, badSteps, cooldownLeft, lrs }: ReduceLROnPlateauState): void {
    Object.assign(this, { best, badSteps, cooldownLeft });
    this.optimizer.paramGroups.forEach((group, i) => (group.lr = lrs[i] ?? group.lr));
  }

  private improves(metric: number): boolean {
    const { mode, threshold, thresholdMode } = this.options;
    const sign = mode === 'min' ? -1 : 1;
    if (thresholdMode === 'abs') return sign * metric > sign * this.best + threshold;
    return sign * metric > sign * this.best * (1 + sign * threshold);
  }

  private reduce(): void {
    const { factor, minLr, eps } = this.options;
    for (const group of this.optimizer.paramGroups) {
      const lr = Math.max(group.lr * factor, minLr);
      if (group.lr - lr > eps) group.lr = lr;
    }
  }
}
