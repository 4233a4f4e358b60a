import * as sg from 'shadegrad';
import { test } from 'vitest';

/** A test in a scope of its own, which frees what outlives its last backward, such as the loss. */
export function tidyTest(name: string, fn: () => void | Promise<void>): void {
  test(name, () => sg.tidy(fn));
}
