import { autocast } from '../autograd/autocast.js';
import type { DataLoader } from '../data/dataLoader.js';
import { isDryRun } from '../gpu/device.js';
import type { Module, Regularizer } from '../nn/index.js';
import { clipGradNorm_, clipGradValue_ } from '../nn/utils.js';
import type { GradScaler } from '../optim/gradScaler.js';
import { Optimizer } from '../optim/optimizer.js';
import { capture } from '../tensor/capture.js';
import { tensor } from '../tensor/creation.js';
import type { Tensor } from '../tensor/tensor.js';
import { withPenalty } from './evaluate.js';
import { GradientSums } from './gradientSums.js';
import type { Counters } from './metric.js';
import type { Stepper } from './stepper.js';
import type { Tally } from './tally.js';

/** How the parameters learn from batches. */
export interface UpdateRule {
  model: Module;
  loss: Module;
  optimizer: Stepper;
  regularizers: readonly Regularizer[];
  clipGradNorm: number | undefined;
  clipGradValue: number | undefined;
  /** Batches of an update. */
  accumulate: number;
  /** Where the forward pass is in mixed precision. */
  scaler: GradScaler | null;
}

/** All that a step gives gradients to: of the model, the loss and the optimizer, each once. */
function parametersOf({ model, loss, optimizer }: UpdateRule): Tensor[] {
  const groups = optimizer instanceof Optimizer ? (optimizer as Optimizer<object>).paramGroups : [];
  return [
    ...new Set([
      ...model.parameters(),
      ...loss.parameters(),
      ...groups.flatMap(({ params }) => params),
    ]),
  ];
}

/** The updates of one epoch. */
export class Updates {
  /** So far. */
  count = 0;
  private readonly parameters: readonly Tensor[];
  private readonly sums: GradientSums | null;
  /** Whether the optimizer has taken a step, at the first of which it may move the parameters. */
  private isSettled = false;
  private readonly factors = new Map<number, Tensor>();
  private readonly wholeStep = capture((x: Tensor, target: Tensor) => this.step(x, target));
  private readonly part = capture((x: Tensor, target: Tensor, factor: Tensor) =>
    this.addGradients(x, target, factor),
  );
  private readonly update = capture(() => this.updateFromSums());

  /** @param captures  Whether full batches are captured. */
  constructor(
    private readonly rule: UpdateRule,
    private readonly loader: DataLoader,
    private readonly tally: Tally,
    private readonly counters: Counters,
    private readonly captures: boolean,
  ) {
    const inParts = rule.accumulate > 1 || rule.scaler !== null;
    this.parameters = parametersOf(rule);
    this.sums = inParts ? new GradientSums(this.parameters) : null;
  }

  /**
   * Learns from a batch, or notes what is to be learnt from it with the next ones.
   *
   * @param batch  From 1, within the epoch.
   */
  take(x: Tensor, target: Tensor, batch: number): void | Promise<void> {
    const captures = this.captures && x.shape[0] === this.loader.batchSize;
    if (!this.sums) {
      this.count++;
      if (captures) this.wholeStep(x, target);
      else this.step(x, target);
      return;
    }
    const { share, isLast } = this.groupOf(batch, x.shape[0]!);
    const factor = this.factorOf(share * (this.rule.scaler?.getScale() ?? 1));
    if (captures && this.isSettled) this.part(x, target, factor);
    else this.addGradients(x, target, factor);
    if (!isLast) return;
    this.count++;
    if (this.rule.scaler) return this.scaledUpdate(this.rule.scaler);
    if (this.captures) this.update();
    else this.updateFromSums();
    this.isSettled = true;
  }

  /** All that `take` may enqueue, for a dry run. */
  rehearse(x: Tensor, target: Tensor): void {
    if (this.sums) {
      this.addGradients(x, target, this.factorOf(1));
      this.updateFromSums();
    } else this.step(x, target);
  }

  dispose(): void {
    for (const captured of [this.wholeStep, this.part, this.update]) captured.dispose();
    for (const factor of this.factors.values()) factor.dispose();
    this.sums?.dispose();
  }

  private step(x: Tensor, target: Tensor): void {
    const loss = this.forward(x, target);
    this.clearGradients();
    loss.backward();
    this.clipAndStep();
  }

  /** Adds the gradients of `factor` times the loss of a batch to the sums. */
  private addGradients(x: Tensor, target: Tensor, factor: Tensor): void {
    const loss = this.forward(x, target);
    this.clearGradients();
    (loss.dtype === 'f32' ? loss : loss.to('f32')).mul(factor).backward();
    this.sums!.add();
  }

  /** Of those too that the optimizer does not have: they would add up, and count as clipping measures. */
  private clearGradients(): void {
    this.rule.optimizer.zeroGrad();
    for (const parameter of this.parameters) parameter.grad = null;
  }

  private updateFromSums(): void {
    this.sums!.take();
    this.clipAndStep();
  }

  /** The same, unless a gradient was beyond the range of f16. */
  private async scaledUpdate(scaler: GradScaler): Promise<void> {
    const optimizer = this.rule.optimizer as Optimizer<object>;
    this.sums!.take();
    scaler.unscale_(optimizer);
    this.clip();
    if (await scaler.step(optimizer)) this.isSettled = true;
    scaler.update();
  }

  /** The loss of a batch, with penalties; it and the predictions are counted. */
  private forward(x: Tensor, target: Tensor): Tensor {
    const { model, loss, regularizers, scaler } = this.rule;
    const run = (): [Tensor, Tensor] => {
      const logits = model.forward(x);
      return [logits, loss.forward(logits, target)];
    };
    const [logits, plain] = scaler ? autocast(run) : run();
    const value = withPenalty(plain, regularizers, model);
    this.tally.add(value, logits, target); // backward may free the logits
    this.counters.add(logits, target);
    return value;
  }

  private clipAndStep(): void {
    this.clip();
    const { optimizer } = this.rule;
    // A dry run must not reach into an optimizer that does not know of them.
    if (!isDryRun() || optimizer instanceof Optimizer) optimizer.step();
  }

  private clip(): void {
    const { clipGradNorm, clipGradValue } = this.rule;
    if (clipGradValue !== undefined) clipGradValue_(this.parameters, clipGradValue);
    if (clipGradNorm !== undefined) clipGradNorm_(this.parameters, clipGradNorm);
  }

  /** What part a batch has of the examples of its group, and whether it is the group's last. */
  private groupOf(batch: number, rows: number): { share: number; isLast: boolean } {
    const { length, batchSize, dataset } = this.loader;
    const { accumulate } = this.rule;
    const first = batch - 1 - ((batch - 1) % accumulate);
    const last = Math.min(first + accumulate, length);
    const examples = Math.min(last * batchSize, dataset.length) - first * batchSize;
    return { share: rows / examples, isLast: batch === last };
  }

  /** A number as a tensor, which a captured step takes as an argument. */
  private factorOf(value: number): Tensor {
    const known = this.factors.get(value);
    if (known) return known;
    const made = tensor(value).retain();
    this.factors.set(value, made);
    return made;
  }
}
