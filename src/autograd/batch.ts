import type { Variable } from './variable.js';

/**
 * Tensors that are freed together: those that a DataLoader hands out at a time, and what is
 * computed from them without gradients, such as a flattened image or the predictions of a test.
 */
export class Batch {
  private readonly members = new Set<Variable>();
  private freed = false;

  add(variable: Variable): void {
    if (this.freed) return; // computed from a tensor that was retained
    variable.batch = this;
    this.members.add(variable);
  }

  free(): void {
    this.freed = true;
    for (const variable of this.members) {
      if (variable.retained) continue;
      variable.free(
        'the DataLoader frees a batch, and what was computed from it, when it hands out the next one',
      );
    }
    this.members.clear();
  }
}
