import { describe, expect, test } from 'vitest';
import { ShaderError } from '../../src/errors.js';
import { defineShader } from '../../src/gpu/shader.js';

const BODY = `
@group(0) @binding(0) var<uniform> params: Params;
@compute @workgroup_size(1) fn run() {}`;

describe('struct Params is compared with the fields that the host fills', () => {
  const define = (struct: string) =>
    defineShader({
      name: 'checked',
      source: struct + BODY,
      params: { count: 'u32', low: 'i32', scale: 'f32' },
    });

  test('names and types in order, comments aside', () => {
    expect(
      define(`struct Params {
        count: u32, // elements: all of them
        /* from: u32, */ low: i32,
        scale: f32
      }`).paramNames,
    ).toEqual(['count', 'low', 'scale']);
  });

  test.each([
    ['another order', 'struct Params { low: i32, count: u32, scale: f32 }'],
    ['another type', 'struct Params { count: u32, low: u32, scale: f32 }'],
    ['another name', 'struct Params { count: u32, lower: i32, scale: f32 }'],
    ['a field more', 'struct Params { count: u32, low: i32, scale: f32, end: u32 }'],
    ['a field less', 'struct Params { count: u32, low: i32 }'],
    ['no struct', ''],
  ])('%s is refused', (_, struct) => {
    expect(() => define(struct)).toThrow(ShaderError);
    expect(() => define(struct)).toThrow(
      'shaders/checked.wgsl: expected struct Params { count: u32, low: i32, scale: f32 }, got {',
    );
  });

  test('a struct that no host field fills is refused', () => {
    expect(() =>
      defineShader({ name: 'unfilled', source: 'struct Params { count: u32 }', params: {} }),
    ).toThrow('expected struct Params {  }, got { count: u32 }');
  });

  test('more fields than a uniform slot holds are refused', () => {
    const params = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`p${i}`, 'u32']));
    const fields = Object.keys(params).map((name) => `${name}: u32`);
    expect(() =>
      defineShader({
        name: 'wide',
        source: `struct Params { ${fields.join(', ')} }`,
        params: params as Record<string, 'u32'>,
      }),
    ).toThrow('shaders/wide.wgsl: expected at most 64 fields in struct Params, got 65');
  });
});

describe('assemble', () => {
  const shader = defineShader({
    name: 'main',
    source: '#if FAST\nfast();\n#else\nslow();\n#endif',
    params: {},
    flags: ['FAST', 'BIAS'],
    includes: { first: 'fn first() {}\n', second: '#if BIAS\nfn biased() {}\n#endif' },
  });

  test('resolves the flags in the main file and in what it includes', () => {
    const words = (text: string) => text.split(/\s*\n\s*/).filter(Boolean);
    expect(words(shader.assemble({}))).toEqual(['alias scalar = f32;', 'slow();', 'fn first() {}']);
    expect(words(shader.assemble({ FAST: true, BIAS: true }))).toEqual([
      'alias scalar = f32;',
      'fast();',
      'fn first() {}',
      'fn biased() {}',
    ]);
  });

  test('puts the extensions and the type of arrays in front of the first line', () => {
    const first = (flags: Record<string, boolean>) => shader.assemble(flags).split('\n')[0]!.trim();
    expect(first({ F16: true })).toBe('enable f16; alias scalar = f16;');
    expect(first({ SUBGROUPS: true })).toBe('enable subgroups; alias scalar = f32;');
    const typed = defineShader({ name: 'typed', source: '', params: {}, flags: ['I32', 'U32'] });
    expect(typed.assemble({ I32: true }).trim()).toBe('alias scalar = i32;');
    expect(typed.assemble({ U32: true }).trim()).toBe('alias scalar = u32;');
  });

  test('locate finds the file and the line of every line of it', () => {
    const lines = shader.assemble({ FAST: true, BIAS: true }).split('\n');
    const found = lines.flatMap((text, i) => (i > 0 && text ? [shader.locate(i + 1)] : []));
    expect(found).toEqual([
      { file: 'shaders/main.wgsl', line: 2, text: 'fast();' },
      { file: 'shaders/first.wgsl', line: 1, text: 'fn first() {}' },
      { file: 'shaders/second.wgsl', line: 2, text: 'fn biased() {}' },
    ]);
  });

  test('an unknown name in an included file is an error of that file', () => {
    const wrong = defineShader({
      name: 'includer',
      source: '',
      params: {},
      includes: { part: '\n#if FAST\n#endif' },
    });
    expect(() => wrong.assemble({})).toThrow('shaders/part.wgsl:2: unknown name "FAST"');
  });
});
