import { afterEach } from 'vitest';

const open: { dispose(): void }[] = [];

afterEach(() => {
  for (const one of open.splice(0)) one.dispose();
});

/** Disposes `one` after the test that it is made in. */
export function keep<T extends { dispose(): void }>(one: T): T {
  open.push(one);
  return one;
}
