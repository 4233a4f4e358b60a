/** The code in Markdown pages has the types that it claims: esbuild, which runs it, only drops them. */
import { expect, test } from 'vitest';
import { typeErrors } from '../support/pageTypes.js';
import { testAll } from '../support/extent.js';
import { PAGES, TUTORIALS } from '../support/pages.js';

test('of the tutorials and the README, as strict as the sources', () => {
  expect(TUTORIALS.length).toBeGreaterThan(7);
  const pages = ['README.md', ...TUTORIALS].map((file) => [file, PAGES[file]!] as const);
  expect(typeErrors(Object.fromEntries(pages))).toEqual([]);
});

testAll('a page with other types is noticed, by its line', () => {
  const wrong = [
    '# A page',
    '```ts',
    "import * as sg from 'shadegrad';",
    'const x: number = sg.zeros([2]);',
    '```',
    '```ts node',
    'const unused = sg.nn.linear;',
    '```',
  ];
  const right = ['```ts', "import * as sg from 'shadegrad';", 'console.log(sg.zeros([2]));', '```'];
  expect(typeErrors({ 'wrong.md': wrong.join('\n'), 'right.md': right.join('\n') })).toEqual([
    "wrong.md:4: Type 'Tensor' is not assignable to type 'number'.",
    "wrong.md:4: 'x' is declared but its value is never read.",
    "wrong.md:7: 'unused' is declared but its value is never read.",
    expect.stringMatching(/^wrong\.md:7: Property 'linear' does not exist on type /),
  ]);
});
