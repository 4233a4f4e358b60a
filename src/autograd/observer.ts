import type { Op } from './op.js';
import type { Variable } from './variable.js';

/** Sees how tensors come from tensors. */
export interface OpObserver {
  /** An op has run: what it was given, and what it gave. */
  op(op: Op, inputs: readonly Variable[], output: Variable): void;
  /** `handle` is another one for what `of` holds. */
  alias(handle: Variable, of: Variable): void;
}

let observer: OpObserver | null = null;

/** Runs `fn` while `watch` is told of each op that is applied to tensors. */
export function observeOps<T>(watch: OpObserver, fn: () => T): T {
  const outer = observer;
  observer = watch;
  try {
    return fn();
  } finally {
    observer = outer;
  }
}

/** Called by the tape. */
export function noteOp(op: Op, inputs: readonly Variable[], output: Variable): void {
  observer?.op(op, inputs, output);
}

/** Called by what makes a second handle without an op. */
export function noteAlias(handle: Variable, of: Variable): void {
  observer?.alias(handle, of);
}
