import { test } from 'vitest';

/**
 * How much is tested. `npm test` leaves out cases that take no other way through the code than those
 * that it has; `npm run test:all` has every case.
 */

/** True in `npm run test:all`. */
export const ALL = import.meta.env.MODE === 'all';

/** `all` in `npm run test:all`, else `few`. */
export function unlessAll<T>(few: T, all: T): T {
  return ALL ? all : few;
}

/** All cases in `npm run test:all`, else those with these names. @throws Error for a name of none. */
export function casesOf<C extends { name: string }>(cases: readonly C[], ...names: string[]): C[] {
  const few = names.map((name) => {
    const found = cases.find((one) => one.name === name);
    if (!found) throw new Error(`no case is named ${name}`);
    return found;
  });
  return ALL ? [...cases] : few;
}

/** A test of `npm run test:all` alone: elsewhere it does not exist, rather than being skipped. */
export function testAll(name: string, fn: () => Promise<void> | void, timeout?: number): void {
  if (ALL) test(name, fn, timeout);
}
