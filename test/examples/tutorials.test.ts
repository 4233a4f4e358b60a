/** The pages of docs/tutorials: their blocks of code run, in Node and in Chromium. */
import * as sg from 'shadegrad';
import { describe, expect, test, vi } from 'vitest';

const pages = import.meta.glob('../../docs/tutorials/*.md', { query: '?program' });

const nameOf = (path: string): string => path.split('/').at(-1)!;

test('there are pages', () => {
  expect(Object.keys(pages).map(nameOf)).toContain('training.md');
});

describe.each(Object.entries(pages).map(([path, run]) => [nameOf(path), run] as const))(
  '%s',
  (_, run) => {
    test('runs, and prints what is finite', async () => {
      const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
      try {
        await run();
        const lines = log.mock.calls.map((values) => values.join(' '));
        expect(lines.length).toBeGreaterThan(0);
        expect(lines.filter((line) => /\bNaN\b|undefined/.test(line))).toEqual([]);
      } finally {
        log.mockRestore();
      }
      // Pages free nothing: a new device has nothing of them.
      sg.close();
      await sg.init({ onNote: () => undefined });
    });
  },
);
