import { vi } from 'vitest';
import { printout } from './printout.js';
import { releasingAll } from './releasingAll.js';

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
    return await releasingAll(async () => (await page()).expected); // pages free nothing
  } finally {
    log.mockRestore();
  }
}
