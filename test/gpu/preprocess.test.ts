import { describe, expect, test } from 'vitest';
import { ShaderError } from '../../src/errors.js';
import { preprocess } from '../../src/gpu/preprocess.js';

const NESTED = `head
#if OUTER
outer
#if A
a
#elif B
b
#else
neither
#endif
after
#else
no outer
#endif
tail`;

/** The lines that are left, with their numbers from 1. */
function linesOf(text: string): string[] {
  return text.split('\n').flatMap((line, i) => (line.trim() ? [`${i + 1} ${line.trim()}`] : []));
}

describe('conditions', () => {
  test.each([
    [{ OUTER: true, A: true, B: false }, ['3 outer', '5 a', '11 after']],
    [{ OUTER: true, A: true, B: true }, ['3 outer', '5 a', '11 after']],
    [{ OUTER: true, A: false, B: true }, ['3 outer', '7 b', '11 after']],
    [{ OUTER: true, A: false, B: false }, ['3 outer', '9 neither', '11 after']],
    [{ OUTER: false, A: true, B: true }, ['13 no outer']],
  ])('nest, and lines keep their numbers: %j', (flags, between) => {
    const out = preprocess(NESTED, flags, 'shaders/x.wgsl');
    expect(linesOf(out)).toEqual(['1 head', ...between, '15 tail']);
    expect(out.split('\n')).toHaveLength(15);
  });

  test('take the first branch that is true, of many', () => {
    const source = '#if A\na\n#elif B\nb\n#elif C\nc\n#endif';
    const choose = (A: boolean, B: boolean, C: boolean) =>
      linesOf(preprocess(source, { A, B, C }, 'f'));
    expect(choose(false, true, true)).toEqual(['4 b']);
    expect(choose(false, false, true)).toEqual(['6 c']);
    expect(choose(false, false, false)).toEqual([]);
  });

  test('may be indented, and Windows line ends are fine', () => {
    const out = preprocess('  #if A  \r\n\tlet x = 1;\r\n\t#endif\r\nend', { A: true }, 'f');
    expect(linesOf(out)).toEqual(['2 let x = 1;', '4 end']);
  });
});

describe('comments', () => {
  test('hide directives, also when they nest, and keep lines and columns', () => {
    const source = '// #if A\n/* #endif\n/* #else */\n#elif */ let x = 1; // #endif\nlet y = 2;';
    const out = preprocess(source, {}, 'f');
    expect(linesOf(out)).toEqual(['4 let x = 1;', '5 let y = 2;']);
    expect(out.split('\n')[3]!.indexOf('let')).toBe(source.split('\n')[3]!.indexOf('let'));
  });

  test('separate words', () => {
    expect(preprocess('let/**/x = 1;', {}, 'f').split(/\s+/)).toEqual(['let', 'x', '=', '1;']);
  });

  test('may follow a directive', () => {
    const source = '#if A // the common case\na\n#else /* rare */\nb\n#endif// A';
    expect(linesOf(preprocess(source, { A: false }, 'f'))).toEqual(['4 b']);
  });
});

describe('errors name the file, and the line where one is at fault', () => {
  test.each([
    [
      'an unknown name',
      'x\n#if NOPE',
      'f.wgsl:2: unknown name "NOPE", expected one of A, B\n  #if NOPE',
    ],
    ['a name that every object has', '#if constructor\n#endif', 'f.wgsl:1: unknown name'],
    ['no name', '#if\n#endif', 'f.wgsl:1: unknown name ""'],
    ['an expression', '#if A && B\n#endif', 'f.wgsl:1: unknown name "A && B"'],
    [
      'a directive it does not have',
      'a\nb\n#ifdef A',
      'f.wgsl:3: expected #if, #elif, #else or #endif',
    ],
    [
      'a directive within a line',
      'let x = 1; #if A',
      'f.wgsl:1: expected #if, #elif, #else or #endif',
    ],
    [
      'a name after #else',
      '#if A\n#else A\n#endif',
      'f.wgsl:2: expected nothing after #else, got "A"',
    ],
    ['no #endif', 'a\n#if A\nb', 'f.wgsl: Mismatched #if/#endif count'],
    ['#endif without #if', 'a\n#endif', 'f.wgsl: #endif not pre'],
    ['#else without #if', '#else', 'f.wgsl: #else not pre'],
    ['#elif after #else', '#if A\n#else\n#elif B\n#endif', 'f.wgsl: #elif not pre'],
    ['a second #else', '#if A\n#else\n#else\n#endif', 'f.wgsl: #else not pre'],
  ])('%s', (_, source, message) => {
    const run = () => preprocess(source, { A: true, B: true }, 'f.wgsl');
    expect(run).toThrow(ShaderError);
    expect(run).toThrow(message);
  });
});
