import type { Step } from './step.js';
import type { Variable } from './variable.js';

/**
 * The tensors that a DataLoader hands out at a time, and what was computed from them without
 * gradients, such as a flattened image. The former go when the next batch comes; the latter belong
 * to the training step that takes the batch in, or, where none does, to whoever made them.
 */
export class Batch {
  private readonly derived = new Set<Variable>();

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

  /** Frees what was handed out. */
  free(): void {
    for (const tensor of this.tensors) {
      if (tensor.retained) continue;
      tensor.free('the DataLoader frees a batch when it hands out the next one');
    }
  }
}
