import type { Step } from './step.js';
import type { Variable } from './variable.js';

/**
 * The tensors that a DataLoader hands out at a time, and what was computed from them without
 * gradients, such as a flattened image. The former go when the next batch comes; the latter go with
 * the last training step that takes the batch in, or, where none does, belong to whoever made them.
 */
export class Batch {
  private readonly derived = new Set<Variable>();
  /** Those of them that a step had, and has no more. */
  private readonly returned = new Set<Variable>();
  private freed = false;

  constructor(private readonly tensors: readonly Variable[]) {
    for (const tensor of tensors) tensor.batch = this;
  }

  /** Takes a tensor that was computed from one of the batch. */
  derive(variable: Variable): void {
    variable.batch = this;
    this.derived.add(variable);
  }

  /** An op of `step` was recorded that takes in a tensor of the batch. */
  enter(step: Step): void {
    for (const variable of this.derived) if (!variable.isFreed) step.add(variable);
    this.derived.clear();
  }

  /**
   * Takes back a tensor from a step that ended, for others of the same batch.
   * @returns false if the batch has gone.
   */
  takeBack(variable: Variable): boolean {
    if (this.freed) return false;
    variable.step = null;
    this.derived.add(variable);
    this.returned.add(variable);
    return true;
  }

  /** Frees what was handed out, and what a step had. */
  free(): void {
    this.freed = true;
    const returned = [...this.returned].filter((variable) => this.derived.has(variable));
    for (const tensor of [...this.tensors, ...returned]) {
      if (tensor.retained) continue;
      tensor.free('the DataLoader frees a batch when it hands out the next one');
    }
  }
}
