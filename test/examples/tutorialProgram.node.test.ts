/** How a page becomes a program; that its output is checked then, wrongPage.md shows. */
import { describe, expect, test } from 'vitest';
import { codeOf, programOf } from '../support/tutorialProgram.js';

const page = (...code: string[]): string => ['# Page', '```ts', ...code, '```', ''].join('\n');

test('blocks stay on their lines, and nothing else does', () => {
  const text = [
    'A',
    '```ts',
    'f();',
    '```',
    'B',
    '```js',
    'g();',
    '```',
    '```ts node',
    'h();',
    '```',
  ];
  const inNode = 'if (globalThis.process?.versions?.node) {';
  expect(codeOf(text.join('\n')).split('\n')).toEqual([
    ...['', '', 'f();', '', '', '', '', ''],
    ...[inNode, 'h();', '}'],
  ]);
  expect(codeOf(text.join('\n'), ['js']).trim()).toBe('g();');
});

test('the calls that check are on the lines of what they check', () => {
  const lines = programOf(
    page('const x = f();', '// Prints:', '// a', 'if (x) console.log(x); // b'),
  );
  expect(lines.split('\n').slice(2, 6)).toEqual([
    'const $since3 = $printout.lines.length; const x = f(); $printout.check(3, $since3, "a");',
    '// Prints:',
    '// a',
    'if (x) { const $since6 = $printout.lines.length; console.log(x); $printout.check(6, $since6, "b"); } // b',
  ]);
  expect(lines).toMatch(/export const expected = \[\.\.\.\[3,6\], .*$/);
});

describe('a comment of output that would be checked by nothing is refused', () => {
  test.each([
    ['beside a function that prints', ['run(() => console.log(1)); // 1']],
    ['beside two statements', ['console.log(1); console.log(2); // 1 2']],
    ['after an empty line', ['f();', '', '// Prints:', '// 1']],
    ['below nothing', ['// Prints:', '// 1', 'f();']],
    ['without lines', ['f();', '// Prints:', 'g();']],
    ['that anything fits', ['console.log(1); // ...']],
  ])('%s', (_, code) => {
    expect(() => programOf(page(...code))).toThrow(
      'a comment of output that belongs to no statement',
    );
  });
});
