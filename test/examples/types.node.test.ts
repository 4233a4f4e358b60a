/** The code in Markdown pages has the types that it claims: esbuild, which runs it, only drops them. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../support/builtPackage.js';
import { typeErrors } from '../support/pageTypes.js';
import { testAll } from '../support/extent.js';

const TUTORIALS = 'docs/tutorials';

test('of the tutorials and the README, as strict as the sources', () => {
  const tutorials = fs
    .readdirSync(path.join(ROOT, TUTORIALS))
    .map((file) => `${TUTORIALS}/${file}`);
  expect(tutorials.length).toBeGreaterThan(7);
  const files = ['README.md', ...tutorials];
  const pages = files.map((file) => [file, fs.readFileSync(path.join(ROOT, file), 'utf8')]);
  expect(typeErrors(Object.fromEntries(pages) as Record<string, string>)).toEqual([]);
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
