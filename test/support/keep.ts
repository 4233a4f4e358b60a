const open: { dispose(): void }[] = [];

/** Disposes `one` after the test that it is made in. */
export function keep<T extends { dispose(): void }>(one: T): T {
  open.push(one);
  return one;
}

/** Called after each test. */
export function disposeKept(): void {
  for (const one of open.splice(0)) one.dispose();
}
