import * as sg from 'shadegrad';
import { vi } from 'vitest';
import { printout } from './printout.js';

/** The module that test/setup/tutorialPlugin.ts makes of a page. */
export interface PageProgram {
  /** The lines of the page that say what is printed, of those that run here. */
  expected: number[];
}

/**
 * Runs a page of docs/tutorials; `printout` has what it printed. Gives the lines whose output was to be
 * checked.
 */
export async function runPage(page: () => Promise<PageProgram>): Promise<number[]> {
  printout.clear();
  const log = vi.spyOn(console, 'log').mockImplementation((...values) => printout.print(...values));
  try {
    return (await page()).expected;
  } finally {
    log.mockRestore();
    // Pages free nothing: a new device has nothing of them.
    sg.close();
    await sg.init({ onNote: () => undefined });
  }
}
