/**
 * The pages of docs/tutorials: their blocks of code run, in Node and in Chromium, and print what they
 * say that they print. `npm test` runs in Node those that have blocks for Node alone.
 */
import { describe, expect, test } from 'vitest';
import { ALL } from '../support/extent.js';
import { PAGES, TUTORIALS } from '../support/pages.js';
import { printout } from '../support/printout.js';
import { runPage, type PageProgram } from '../support/runPage.js';

const programs = import.meta.glob<PageProgram>('../../docs/tutorials/*.md', { query: '?program' });
const wrongPages = import.meta.glob<PageProgram>('./*.md', { query: '?program' });

const isNode = typeof process !== 'undefined';

/** The pages that run in this runtime. */
const here = TUTORIALS.filter((page) => ALL || !isNode || PAGES[page]!.includes('```ts node\n'));

const byLine = (lines: Iterable<number>): number[] => [...lines].sort((a, b) => a - b);

test('there are pages', () => {
  expect(here).toContain('docs/tutorials/training.md');
});

describe.each(here)('%s', (page) => {
  test('runs, and prints what it says', async () => {
    const expected = await runPage(programs[`../../${page}`]!);
    expect(printout.wrong).toEqual([]);
    expect(expected.length).toBeGreaterThan(0);
    expect(byLine(printout.checked)).toEqual(byLine(expected));
    const odd = printout.lines.filter((line) => /\bNaN\b|Infinity|undefined|\[object/.test(line));
    expect(odd).toEqual([]);
  });
});

test('a page that prints something else is noticed', async () => {
  const expected = await runPage(wrongPages['./wrongPage.md']!);
  expect(printout.wrong).toEqual([
    'line 8: expected "the same bits: true", got "the same bits: false"',
    'line 9: expected "3", got "2"',
    'line 13: expected "a long line ... page 4", got "' +
      'a long line that is broken, as Prettier does, over several lines of the page 3"',
    'line 14: expected "2", got "3"',
    'line 15: expected "size 2\nsize 4", got "size 2\nsize 3"',
    ...(isNode ? ['line 29: expected "Node 3", got "Node 2"'] : []),
  ]);
  const neverRan = expected.filter((line) => !printout.checked.has(line));
  expect(neverRan).toEqual([25]);
});
