import { describe, expect, test } from 'vitest';
import {
  decodeSafetensors,
  encodeSafetensors,
  type RawTensor,
  type StoredDType,
} from '../../src/data/safetensors.js';
import { ArgumentError, DataFormatError, DTypeError, ShapeError } from '../../src/errors.js';

const utf8 = new TextEncoder();
const f32 = (shape: number[], ...values: number[]): RawTensor => ({
  dtype: 'f32',
  shape,
  data: new Float32Array(values),
});

/** A file from its parts, whatever they say. */
function file(header: string | Uint8Array, data: ArrayLike<number> = [], length?: bigint) {
  const json = typeof header === 'string' ? utf8.encode(header) : header;
  const bytes = new Uint8Array(8 + json.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(Array.from(data), 8 + json.length);
  return bytes;
}

const headerOf = (bytes: Uint8Array) => {
  if (bytes.length < 8) return '';
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true) & 0xffffn);
  return new TextDecoder().decode(bytes.subarray(8, 8 + length));
};

describe('encodeSafetensors', () => {
  test('writes the bytes of the format', () => {
    const bytes = encodeSafetensors({ w: f32([2], 1, -2) });
    const json = '{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';
    expect(headerOf(bytes)).toBe(json.padEnd(56));
    expect(Array.from(bytes.subarray(0, 8))).toEqual([56, 0, 0, 0, 0, 0, 0, 0]);
    expect(Array.from(bytes.subarray(64))).toEqual([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
  });

  test('pads an empty file as the reference does', () => {
    expect(encodeSafetensors({})).toEqual(file('{}      '));
  });

  test('orders by size of the type, then by name in code points, whatever the insertion order', () => {
    const u8 = (): RawTensor => ({ dtype: 'u8', shape: [1], data: new Uint8Array(1) });
    const i64: RawTensor = { dtype: 'i32', shape: [], data: new Int32Array(1), storedAs: 'I64' };
    const tensors = {
      '\u{1f600}': u8(),
      '\ufb01': u8(),
      b: u8(),
      10: u8(),
      9: u8(),
      w: f32([1], 1),
      n: i64,
    };
    const bytes = encodeSafetensors(tensors, { z: '1', a: '2' });
    const keys = Array.from(headerOf(bytes).matchAll(/"([^"]*)":\{/g), (match) => match[1]);
    expect(keys).toEqual(['__metadata__', 'n', 'w', '10', '9', 'b', '\ufb01', '\u{1f600}']);
    expect(headerOf(bytes)).toContain('"__metadata__":{"a":"2","z":"1"}');
    const reversed = Object.fromEntries(Object.entries(tensors).reverse());
    expect(encodeSafetensors(reversed, { a: '2', z: '1' })).toEqual(bytes);
  });

  type Args = Parameters<typeof encodeSafetensors>;
  const bad: [string, Args, new (...args: never[]) => Error, string][] = [
    [
      'data shorter than the shape',
      [{ w: f32([2, 2], 1) }],
      ShapeError,
      "encodeSafetensors: expected 4 elements in tensor 'w' of shape (2, 2), got 1",
    ],
    [
      'a negative size',
      [{ w: f32([-1, -1], 1) }],
      ShapeError,
      "sizes of tensor 'w' to be integers from 0, got (-1, -1)",
    ],
    ['a fractional size', [{ w: f32([0.5, 2], 1) }], ShapeError, 'integers from 0, got (0.5, 2)'],
    [
      'the wrong array',
      [{ w: { dtype: 'i32', shape: [1], data: new Float32Array(1) } }],
      DTypeError,
      "data of tensor 'w' (i32) in a Int32Array, got Float32Array",
    ],
    [
      'an unknown dtype',
      [{ w: { ...f32([0]), dtype: 'f8' as 'f32' } }],
      DTypeError,
      "tensor 'w' of dtype f64, f32, i32, u32, i16, u16, i8, u8, bool, got f8",
    ],
    [
      'a type it cannot be stored as',
      [{ w: { ...f32([0]), storedAs: 'I64' } }],
      DTypeError,
      "tensor 'w' (f32) stored as F32, F16, BF16, F64, got I64. Convert the tensor first",
    ],
    [
      'the reserved name',
      [{ __metadata__: f32([0]) }],
      ArgumentError,
      'names other than the reserved __metadata__',
    ],
    [
      'a name that is no Unicode',
      [{ '\ud800': f32([0]) }],
      ArgumentError,
      'well-formed Unicode, got "\\ud800"',
    ],
    [
      'metadata that is no text',
      [{}, { epoch: 3 as unknown as string }],
      ArgumentError,
      "metadata 'epoch' to be a string, got number. Turn it into text",
    ],
    [
      'metadata that is no Unicode',
      [{}, { a: '\udc00' }],
      ArgumentError,
      'metadata of well-formed Unicode',
    ],
    [
      'a value beyond F16',
      [{ w: { ...f32([2], 0, 65520), storedAs: 'F16' } }],
      ArgumentError,
      "values of tensor 'w' within the range of F16, got 65520 at index 1. Store it as F32.",
    ],
    [
      'a value beyond BF16',
      [{ w: { ...f32([1], -3.4e38), storedAs: 'BF16' } }],
      ArgumentError,
      'range of BF16',
    ],
  ];
  test.each(bad)('refuses %s', (_, args, type, message) => {
    expect(() => encodeSafetensors(...args)).toThrow(type);
    expect(() => encodeSafetensors(...args)).toThrow(message);
  });
});

describe('decodeSafetensors', () => {
  const entry = (dtype: string, shape: unknown, offsets: unknown) =>
    `{"dtype":"${dtype}","shape":${JSON.stringify(shape)},"data_offsets":${JSON.stringify(offsets)}}`;
  const zeros = (n: number) => new Uint8Array(n);
  const two = `{"a":${entry('U8', [4], [0, 4])},"b":`;

  // The offset is a number, or as '+4' counted from the end of the header.
  const bad: [string, Uint8Array, number | string, string][] = [
    ['an empty file', zeros(0), 0, 'expected an 8-byte header length, got a file of 0 bytes'],
    [
      'a header longer than the file',
      file('{}', [], 3n),
      0,
      "expected a header within the file's 10 bytes, got a header length of 3. The file is cut short",
    ],
    [
      'a header over 100 MB',
      file('{}', [], 100_000_001n),
      0,
      'expected a header of at most 100000000 bytes, got a length of 100000001',
    ],
    [
      'a header length beyond any file',
      file('{}', [], 2n ** 64n - 1n),
      0,
      'got a length of 18446744073709551615',
    ],
    [
      'bytes that are no UTF-8',
      file(new Uint8Array([0x7b, 0xff, 0x7d])),
      8,
      'expected a header in UTF-8',
    ],
    ['a header that is no JSON', file('{"a":'), 8, 'expected a header in JSON, got'],
    ['a byte order mark', file('\ufeff{}'), 8, 'expected a header in JSON, got'],
    ['an empty header', file(''), 8, 'expected a header in JSON, got'],
    ['an array', file('[1]'), 8, 'expected the header to be a JSON object, got [1]'],
    ['null', file('null'), 8, 'expected the header to be a JSON object, got null'],
    [
      'a tensor twice',
      file(`${two}${entry('U8', [0], [4, 4])},"\\u0061":${entry('U8', [4], [0, 4])}}`, zeros(4)),
      8 + `${two}${entry('U8', [0], [4, 4])},`.length,
      "expected each key of the header once, got 'a' twice",
    ],
    [
      'a key twice, with a space before the colon',
      file(`{"__metadata__":{"a\\"":"1", "b":"a" ,"a\\"" :"2"}}`),
      45,
      `got 'a"' twice`,
    ],
    [
      'a field twice',
      file('{"a":{"dtype":"U8","dtype":"I8","shape":[0],"data_offsets":[0,0]}}'),
      27,
      "got 'dtype' twice",
    ],
    [
      'metadata that is no object',
      file('{"__metadata__":[1]}'),
      8,
      'expected __metadata__ to be an object of strings, got [1]',
    ],
    [
      'metadata that is no text',
      file('{"__metadata__":{"a":1}}'),
      8,
      "expected __metadata__ 'a' to be a string, got 1",
    ],
    [
      'a tensor that is no object',
      file('{"a":3}'),
      8,
      "tensor 'a': expected an object with dtype, shape and data_offsets, got 3",
    ],
    [
      'an unknown dtype',
      file(`{"a":${entry('F8_E4M3', [0], [0, 0])}}`),
      8,
      'tensor \'a\': expected a dtype of U64, I64, F64, F32, U32, I32, BF16, F16, U16, I16, I8, U8, BOOL, got "F8_E4M3"',
    ],
    ['no dtype', file('{"a":{"shape":[],"data_offsets":[0,0]}}'), 8, 'got nothing'],
    [
      'a dtype of Object.prototype',
      file(`{"a":${entry('toString', [0], [0, 0])}}`),
      8,
      'got "toString"',
    ],
    [
      'a negative size',
      file(`{"a":${entry('U8', [-1], [0, 0])}}`),
      8,
      "tensor 'a': expected a shape of integers from 0, got [-1]",
    ],
    ['a fractional size', file(`{"a":${entry('U8', [1.5], [0, 0])}}`), 8, 'got [1.5]'],
    ['a shape that is no list', file(`{"a":${entry('U8', 4, [0, 4])}}`, zeros(4)), 8, 'got 4'],
    [
      'one offset',
      file(`{"a":${entry('U8', [0], [0])}}`),
      8,
      'expected data_offsets [start, end], got [0]',
    ],
    ['negative offsets', file(`{"a":${entry('U8', [4], [-4, 0])}}`, zeros(4)), 8, 'got [-4,0]'],
    [
      'offsets beyond the file',
      file(`{"a":${entry('U8', [5], [0, 5])}}`, zeros(4)),
      '+0',
      "tensor 'a': expected data_offsets in order and within the 4 bytes of data, got [0, 5]",
    ],
    [
      'offsets out of order',
      file(`{"a":${entry('U8', [4], [4, 0])}}`, zeros(4)),
      '+4',
      'got [4, 0]',
    ],
    [
      'a size other than dtype and shape',
      file(`{"a":${entry('F32', [2], [0, 4])}}`, zeros(4)),
      '+0',
      "tensor 'a': expected 8 bytes for (2,) of F32, got 4",
    ],
    [
      'sizes that overflow',
      file(`{"a":${entry('F32', [2 ** 32, 2 ** 32], [0, 4])}}`, zeros(4)),
      '+0',
      'got 4',
    ],
    [
      'an overlap',
      file(`${two}${entry('U8', [4], [2, 6])}}`, zeros(6)),
      '+2',
      "tensor 'b': expected its data to begin at offset 4, got an overlap with 'a'",
    ],
    [
      'the same bytes for two tensors',
      file(`${two}${entry('U8', [4], [0, 4])}}`, zeros(4)),
      '+0',
      "got an overlap with 'a'",
    ],
    [
      'a hole',
      file(`${two}${entry('U8', [1], [5, 6])}}`, zeros(6)),
      '+4',
      "tensor 'b': expected its data to begin at offset 4, got a hole of 1 bytes",
    ],
    [
      'a hole at the start',
      file(`{"a":${entry('U8', [1], [1, 2])}}`, zeros(2)),
      '+0',
      'got a hole of 1 bytes',
    ],
    [
      'bytes after the last tensor',
      file(`{"a":${entry('U8', [1], [0, 1])}}`, zeros(3)),
      '+1',
      'expected the tensors to cover all 3 bytes of data, got 2 bytes that belong to none',
    ],
    ['data without tensors', file('{}', zeros(3)), '+0', 'got 3 bytes that belong to none'],
    [
      'an I64 beyond i32',
      file(
        `{"n":${entry('I64', [2], [0, 16])}}`,
        [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0],
      ),
      '+8',
      "tensor 'n': expected I64 values within the range of i32, got 2147483648 at index 1",
    ],
    [
      'a U64 beyond u32',
      file(`{"n":${entry('U64', [], [0, 8])}}`, [0, 0, 0, 0, 1, 0, 0, 0]),
      '+0',
      'expected U64 values within the range of u32, got 4294967296 at index 0',
    ],
    [
      'an F64 beyond f32',
      file(`{"n":${entry('F64', [], [0, 8])}}`, new Uint8Array(new Float64Array([1e39]).buffer)),
      '+0',
      'expected F64 values within the range of f32, got 1e+39 at index 0',
    ],
    [
      'a BOOL that is neither',
      file(`{"n":${entry('BOOL', [2], [0, 2])}}`, [1, 2]),
      '+1',
      'expected BOOL values 0 or 1, got 2 at index 1',
    ],
  ];
  test.each(bad)('refuses %s', (_, bytes, offset, message) => {
    const run = () => decodeSafetensors(bytes, 'model.safetensors');
    expect(run).toThrow(DataFormatError);
    expect(run).toThrow(message);
    const dataStart = 8 + headerOf(bytes).length;
    const at = typeof offset === 'string' ? dataStart + Number(offset) : offset;
    expect(run).toThrow(`model.safetensors at byte ${at}: `);
  });

  test('a header nested too deeply is refused, not a crash', () => {
    const deep = `{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
    expect(() => decodeSafetensors(file(deep))).toThrow(DataFormatError);
  });

  test('metadata of some megabytes, with quotes and backslashes', () => {
    const metadata = { a: 'x"\\ '.repeat(500_000), b: ' : {"a":[' };
    expect(decodeSafetensors(encodeSafetensors({}, metadata)).metadata).toEqual(metadata);
  });

  test('every truncation of a file is refused', () => {
    const bytes = encodeSafetensors({ w: f32([2], 1, 2), b: f32([1], 3) }, { format: 'pt' });
    for (let n = 0; n < bytes.length; n++) {
      expect(() => decodeSafetensors(bytes.subarray(0, n))).toThrow(DataFormatError);
    }
  });

  test('tensors in any order and metadata null are fine', () => {
    const bytes = file(
      `{"b":${entry('U8', [1], [4, 5])},"a":${entry('U8', [4], [0, 4])},"__metadata__":null}  `,
      [1, 2, 3, 4, 5],
    );
    const { tensors, metadata } = decodeSafetensors(bytes);
    expect(Object.keys(tensors)).toEqual(['a', 'b']);
    expect(Array.from(tensors.b!.data)).toEqual([5]);
    expect(metadata).toEqual({});
  });

  test('a tensor called __proto__ is only a tensor', () => {
    const bytes = file(`{"__proto__":${entry('U8', [1], [0, 1])}}`, [3]);
    const { tensors } = decodeSafetensors(bytes);
    expect(Object.getPrototypeOf(tensors)).toBe(Object.prototype);
    expect(Object.keys(tensors)).toEqual(['__proto__']);
    expect(encodeSafetensors(tensors)).toHaveLength(8 + 64 + 1);
  });

  test('reads at any alignment', () => {
    const bytes = encodeSafetensors({ w: f32([3], 1, 2, 3) });
    for (let shift = 0; shift < 8; shift++) {
      const larger = new Uint8Array(bytes.length + 8);
      larger.set(bytes, shift);
      const { tensors } = decodeSafetensors(larger.subarray(shift, shift + bytes.length));
      expect(tensors.w!.data).toEqual(new Float32Array([1, 2, 3]));
    }
  });
});

describe('half precision', () => {
  const every = new Uint16Array(65536).map((_, i) => i);
  const isNaN16 = (bits: number, stored: StoredDType) =>
    (bits & 0x7fff) > (stored === 'F16' ? 0x7c00 : 0x7f80);
  const halves = (stored: StoredDType) => {
    const header = `{"h":{"dtype":"${stored}","shape":[65536],"data_offsets":[0,131072]}}`;
    return decodeSafetensors(file(header, new Uint8Array(every.buffer))).tensors.h!;
  };

  test('F16 values against the formula of IEEE 754', () => {
    const { data } = halves('F16');
    for (let i = 0; i < 0x7c00; i++) {
      const exponent = i >> 10;
      const mantissa = i & 0x3ff;
      const value = exponent ? 2 ** (exponent - 15) * (1 + mantissa / 1024) : 2 ** -24 * mantissa;
      if (data[i] !== value || !Object.is(data[i + 0x8000], -value)) {
        throw new Error(`F16 ${i}: expected ${value}, got ${data[i]}, ${data[i + 0x8000]}`);
      }
    }
    expect([data[0x7c00], data[0xfc00], data[0x7e00]]).toEqual([Infinity, -Infinity, NaN]);
  });

  test.each(['F16', 'BF16'] as const)('%s: all 65,536 values come back, NaN as NaN', (stored) => {
    const bytes = encodeSafetensors({ h: halves(stored) });
    const back = new Uint16Array(bytes.slice(-131072).buffer);
    const wrong = every.findIndex((bits, i) =>
      isNaN16(bits, stored) ? !isNaN16(back[i]!, stored) : back[i] !== bits,
    );
    expect(wrong).toBe(-1);
  });

  test.each(['F16', 'BF16'] as const)('%s: rounds to the nearest, ties to even', (stored) => {
    const { data } = halves(stored);
    const values: number[] = [];
    const expected: number[] = [];
    // Between neighbours: a tie goes to the even one, a bit more or less to the nearer one.
    for (let i = 0; i < (stored === 'F16' ? 0x7bff : 0x7f7f); i += 7) {
      const [low, high] = [data[i]!, data[i + 1]!];
      const middle = low / 2 + high / 2;
      const bit = (high - low) / 64;
      values.push(middle, middle - bit, middle + bit);
      expected.push(i % 2 ? high : low, low, high);
    }
    // Among subnormal f32 values the half steps of BF16 are not all representable: leave them.
    const kept = values
      .map((_, i) => i)
      .filter(
        (i) =>
          (Math.fround(values[i]!) === values[i] && Math.abs(values[i]!) > 1e-37) ||
          stored === 'F16',
      );
    const tensor = f32([kept.length], ...kept.map((i) => values[i]!));
    const { tensors } = decodeSafetensors(
      encodeSafetensors({ h: { ...tensor, storedAs: stored } }),
    );
    expect(tensors.h!.data).toEqual(new Float32Array(kept.map((i) => expected[i]!)));
  });
});

describe('round trips of random tensors', () => {
  /** A small generator (mulberry32), so that a failure can be repeated from its seed. */
  const random = (seed: number) => () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const MAKERS: Record<StoredDType, (n: number, word: () => number) => Omit<RawTensor, 'shape'>> = {
    U64: (n, word) => ({ dtype: 'u32', data: new Uint32Array(n).map(word) }),
    I64: (n, word) => ({ dtype: 'i32', data: new Int32Array(n).map(word) }),
    F64: (n, word) => ({ dtype: 'f32', data: new Float32Array(n).map(word) }),
    F32: (n, word) => ({
      dtype: 'f32',
      data: new Float32Array(new Uint32Array(n).map(word).buffer),
    }),
    U32: (n, word) => ({ dtype: 'u32', data: new Uint32Array(n).map(word) }),
    I32: (n, word) => ({ dtype: 'i32', data: new Int32Array(n).map(word) }),
    BF16: (n, word) => ({
      dtype: 'f32',
      data: new Float32Array(n).map(() => (word() & 255) - 128),
    }),
    F16: (n, word) => ({ dtype: 'f32', data: new Float32Array(n).map(() => (word() & 2047) / 64) }),
    U16: (n, word) => ({ dtype: 'u16', data: new Uint16Array(n).map(word) }),
    I16: (n, word) => ({ dtype: 'i16', data: new Int16Array(n).map(word) }),
    I8: (n, word) => ({ dtype: 'i8', data: new Int8Array(n).map(word) }),
    U8: (n, word) => ({ dtype: 'u8', data: new Uint8Array(n).map(word) }),
    BOOL: (n, word) => ({ dtype: 'bool', data: new Uint8Array(n).map(() => word() & 1) }),
  };
  const NAMES = ['weight', 'é', '😀', '"', '\\', '\n', '0', '\u0001', ' ', '.', 'ﬁ', '{', ']:'];

  test.each(Array.from({ length: 40 }, (_, seed) => seed))('seed %i', (seed) => {
    const next = random(seed);
    const below = (n: number) => Math.floor(next() * n);
    const word = () => Math.floor(next() * 2 ** 32);
    const text = () => Array.from({ length: below(5) }, () => NAMES[below(NAMES.length)]).join('');
    const tensors: Record<string, RawTensor> = {};
    for (let i = below(12); i > 0; i--) {
      const stored = (Object.keys(MAKERS) as StoredDType[])[below(13)]!;
      const shape = Array.from({ length: below(5) }, () => below(5));
      const n = shape.reduce((product, size) => product * size, 1);
      tensors[text()] = { ...MAKERS[stored](n, word), shape, storedAs: stored };
    }
    const metadata = Object.fromEntries(Array.from({ length: below(4) }, () => [text(), text()]));

    const bytes = encodeSafetensors(tensors, metadata);
    const decoded = decodeSafetensors(bytes);
    expect(decoded).toEqual({ tensors, metadata });
    expect(encodeSafetensors(decoded.tensors, decoded.metadata)).toEqual(bytes);
    expect(bytes[0]! % 8).toBe(0);
  });
});
