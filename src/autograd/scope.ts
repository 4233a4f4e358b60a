import { graphOf } from './op.js';
import type { Variable } from './variable.js';

/** The tensors made since it was opened; leaving it frees those that are not returned. */
class Scope {
  private readonly variables = new Set<Variable>();

  constructor(readonly name: string) {}

  add(variable: Variable): void {
    this.variables.add(variable);
  }

  leave(kept: ReadonlySet<unknown>, parent: Scope | null): void {
    const left: Variable[] = [];
    for (const variable of this.variables) {
      if (variable.isFreed) continue;
      if (variable.retained || kept.has(variable)) left.push(variable);
      else variable.free(`${this.name}() frees every tensor made in it that it does not return`);
    }
    // What ops saved goes too, unless a backward can still come from what is left.
    const alive = graphOf(left.flatMap(({ op }) => op ?? []));
    for (const { op } of this.variables) if (op && !op.consumed && !alive.has(op)) op.consume();
    for (const variable of left) parent?.add(variable);
  }
}

const scopes: Scope[] = [];
/** Calls of noGrad that have not ended; async ones may end in any order. */
let withoutGrad = 0;

export function currentScope(): Scope | null {
  return scopes.at(-1) ?? null;
}

export function isGradEnabled(): boolean {
  return withoutGrad === 0;
}

/**
 * Runs `fn` and frees every tensor made meanwhile that it does not return, alone or within arrays,
 * maps and plain objects. `fn` may be async; the scope then lasts until its promise settles, and
 * tensors that other code makes in between are taken for its own.
 */
export function tidy<T>(fn: () => T): T {
  return scoped('tidy', fn, () => {});
}

/** Runs `fn` without recording gradients, as a `tidy` scope. */
export function noGrad<T>(fn: () => T): T {
  withoutGrad++;
  return scoped('noGrad', fn, () => withoutGrad--);
}

/** Runs `fn` while tensors made in it belong to no scope. */
export function unscoped<T>(fn: () => T): T {
  const open = scopes.splice(0);
  try {
    return fn();
  } finally {
    scopes.unshift(...open);
  }
}

function scoped<T>(name: string, fn: () => T, restore: () => void): T {
  const scope = new Scope(name);
  scopes.push(scope);
  const leave = (result: unknown): void => {
    const index = scopes.indexOf(scope);
    scopes.splice(index, 1);
    restore();
    scope.leave(reachable(result), scopes[index - 1] ?? null);
  };
  let result: T;
  try {
    result = fn();
  } catch (error) {
    leave(undefined);
    throw error;
  }
  if (!(result instanceof Promise)) {
    leave(result);
    return result;
  }
  return result.then(
    (value: unknown) => {
      leave(value);
      return value;
    },
    (error: unknown) => {
      leave(undefined);
      throw error;
    },
  ) as T;
}

/** Every object that a caller of what gives `value` can reach through arrays, maps and plain objects. */
export function reachable(value: unknown, found = new Set<unknown>()): Set<unknown> {
  if (typeof value !== 'object' || value === null || found.has(value)) return found;
  found.add(value);
  if (value instanceof Map || value instanceof Set || Array.isArray(value)) {
    for (const item of value) reachable(item, found);
  } else if ([Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null)) {
    for (const item of Object.values(value)) reachable(item, found);
  }
  return found;
}
