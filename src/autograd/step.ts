import type { Variable } from './variable.js';

/**
 * The tensors of one training step that outlive backward for a while: the loss, the inputs of the
 * loss op (the logits), and what was computed from any of the step's tensors without gradients,
 * such as the logits' argmax. They are freed together, when the next step begins.
 */
export class Step {
  private members = new Set<Variable>();
  private mergedInto: Step | null = null;
  private finished = false;

  /** Steps whose backward has run and whose members are still alive. */
  private static readonly ended = new Set<Step>();

  /** The step that `inputs` belong to, merged where they are of several; null where of none. */
  static of(inputs: readonly Variable[]): Step | null {
    let step: Step | null = null;
    for (const { step: other } of inputs) {
      if (!other) continue;
      step = step ? step.merge(other.root) : other.root;
    }
    return step;
  }

  /** Frees what the finished steps left: called when an op of a new step is recorded. */
  static freeEnded(): void {
    for (const step of Step.ended) {
      for (const variable of step.members) {
        if (variable.step?.root === step && !variable.retained) {
          variable.free('the step it belongs to ended: a new training step has begun');
        }
      }
      step.members.clear();
    }
    Step.ended.clear();
  }

  add(variable: Variable): void {
    variable.step = this;
    this.root.members.add(variable);
  }

  /** Marks the end: backward has run. */
  end(): void {
    this.root.finished = true;
    Step.ended.add(this.root);
  }

  get isFinished(): boolean {
    return this.root.finished;
  }

  private get root(): Step {
    let step: Step = this;
    while (step.mergedInto) step = step.mergedInto;
    return step;
  }

  private merge(other: Step): Step {
    if (other === this) return this;
    for (const variable of other.members) this.members.add(variable);
    other.members.clear();
    other.mergedInto = this;
    if (Step.ended.delete(other)) this.end();
    return this;
  }
}
