import { isDryRun } from '../gpu/device.js';
import type { Op } from './op.js';
import type { Variable } from './variable.js';

/**
 * The ops of one training step, and its tensors that outlive backward for a while: the loss, the
 * inputs of the loss op (the logits), what was computed from any of the step's tensors and takes no
 * part in the loss, and what was computed without gradients, such as the logits' argmax. They are
 * freed together, when the next step begins.
 */
export class Step {
  private readonly members = new Set<Variable>();
  /** Members that live one step longer, since the next one may take them in: hidden states. */
  private readonly detached = new Set<Variable>();
  /** Recorded and not known to be consumed, in the order of recording. */
  private readonly ops = new Set<Op>();
  private mergedInto: Step | null = null;
  private finished = false;

  /** Steps whose backward has run and whose members are still alive. */
  private static readonly ended = new Set<Step>();

  /**
   * The step that `inputs` belong to: the ongoing one, merged where there are several; else one
   * that is finished; null where they are of none.
   */
  static of(inputs: readonly Variable[]): Step | null {
    let ongoing: Step | null = null;
    let finished: Step | null = null;
    for (const { step } of inputs) {
      if (!step) continue;
      const { root } = step;
      if (root.finished) finished = root;
      else ongoing = ongoing ? ongoing.merge(root) : root;
    }
    return ongoing ?? finished;
  }

  /** Frees what the finished steps left: called when an op of the step `next` is recorded. */
  static freeEnded(next: Step): void {
    if (isDryRun()) return; // what it records is no step of a training
    for (const step of Step.ended) {
      for (const variable of step.members) {
        if (variable.step?.root !== step || variable.retained) continue;
        if (step.detached.has(variable)) next.add(variable);
        else if (!variable.batch?.takeBack(variable))
          variable.free('the step it belongs to ended: a new training step has begun');
      }
      step.members.clear();
      step.detached.clear();
    }
    Step.ended.clear();
  }

  /** @param detached  Lives one step longer. */
  add(variable: Variable, detached = false): void {
    const { root } = this;
    variable.step = root;
    root.members.add(variable);
    if (detached) root.detached.add(variable);
    if (root.finished) Step.ended.add(root);
  }

  /** Takes an op that was just recorded. */
  record(op: Op): void {
    const { root } = this;
    op.trainingStep = root;
    op.output!.step = root;
    root.ops.add(op);
  }

  /** Marks the end: backward has run through some of the ops. */
  end(): void {
    const { root } = this;
    for (const op of root.ops) {
      // No backward can come through an op whose input has none any more.
      const isDead = !op.consumed && op.inputs.some((x) => x.op?.consumed);
      if (isDead) root.add(op.consume());
      if (op.consumed) root.ops.delete(op);
    }
    root.finished = true;
    Step.ended.add(root);
  }

  get isFinished(): boolean {
    return this.root.finished;
  }

  private get root(): Step {
    return this.mergedInto?.root ?? this;
  }

  /** Takes in another step that is under way. */
  private merge(other: Step): this {
    if (other === this) return this;
    for (const variable of other.members) this.members.add(variable);
    for (const variable of other.detached) this.detached.add(variable);
    for (const op of other.ops) this.ops.add(op);
    for (const set of [other.members, other.detached, other.ops]) set.clear();
    other.mergedInto = this;
    return this;
  }
}
