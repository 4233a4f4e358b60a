import { describe, expect, test } from 'vitest';
import {
  decodeIdx,
  decodeIdxImages,
  decodeIdxLabels,
  decodeIdxPair,
  encodeIdx,
  type IdxArray,
} from '../../src/data/idx.js';
import { ArgumentError, DataFormatError, ShapeError } from '../../src/errors.js';

const IMAGES = encodeIdx({
  dtype: 'uint8',
  shape: [2, 2, 3],
  data: Uint8Array.from({ length: 12 }, (_, i) => i * 20),
});
const LABELS = encodeIdx({ dtype: 'uint8', shape: [2], data: new Uint8Array([9, 0]) });

/** The error that `run` throws, for checks on its message and fields. */
function errorOf(run: () => unknown): DataFormatError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(DataFormatError);
    return error as DataFormatError;
  }
  throw new Error('nothing was thrown');
}

describe('decodeIdx', () => {
  test('reads a file written out by hand, big-endian', () => {
    const bytes = new Uint8Array([0, 0, 0x0b, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0x01, 0x02, 0xff, 0xfe]);
    expect(decodeIdx(bytes, 'f')).toEqual({
      dtype: 'int16',
      shape: [1, 2],
      data: new Int16Array([258, -2]),
    });
  });

  const arrays: IdxArray[] = [
    { dtype: 'uint8', shape: [3], data: new Uint8Array([0, 128, 255]) },
    { dtype: 'int8', shape: [3, 1], data: new Int8Array([-128, 0, 127]) },
    { dtype: 'int16', shape: [2], data: new Int16Array([-32768, 32767]) },
    { dtype: 'int32', shape: [1, 2, 1], data: new Int32Array([-(2 ** 31), 2 ** 31 - 1]) },
    { dtype: 'float32', shape: [4], data: new Float32Array([1e-45, -0, Infinity, NaN]) },
    { dtype: 'float64', shape: [2, 1, 1, 1, 1], data: new Float64Array([0.1, -1e308]) },
    { dtype: 'uint8', shape: [], data: new Uint8Array([7]) },
    { dtype: 'uint8', shape: [0, 28, 28], data: new Uint8Array() },
  ];
  test.each(arrays)('is the inverse of encodeIdx: $dtype, shape $shape', (array) => {
    expect(decodeIdx(encodeIdx(array), 'f')).toEqual(array);
  });

  test('reads from the middle of a larger buffer', () => {
    const larger = new Uint8Array(LABELS.length + 8);
    larger.set(LABELS, 3);
    const { data } = decodeIdx(larger.subarray(3, 3 + LABELS.length), 'f');
    expect(Array.from(data)).toEqual([9, 0]);
  });

  const bad: [string, Uint8Array, number, string | RegExp][] = [
    [
      'an empty file',
      new Uint8Array(),
      0,
      'f at byte 0: expected a 4-byte magic number, got a file of 0 bytes. Download the file again',
    ],
    [
      'no zero bytes first',
      new Uint8Array([1, 2, 8, 1]),
      0,
      'f at byte 0: expected an IDX magic number (two zero bytes first), got 0x01020801. The file is not in the IDX format.',
    ],
    ['gzip', new Uint8Array([0x1f, 0x8b, 8, 0]), 0, 'gzip-compressed: decompress it (gunzip)'],
    ['a web page', new TextEncoder().encode('<!DOCTYPE html>'), 0, 'The file is a web page'],
    [
      'an unknown type code',
      new Uint8Array([0, 0, 0x0a, 1, 0, 0, 0, 0]),
      2,
      'f at byte 2: expected an IDX type code, one of 0x08 (uint8), 0x09 (int8), 0x0b (int16), 0x0c (int32), 0x0d (float32), 0x0e (float64), got 0x0a.',
    ],
    [
      'a cut header',
      IMAGES.subarray(0, 13),
      13,
      'f at byte 13: expected a header of 16 bytes (rank 3), got a file of 13 bytes.',
    ],
    [
      'cut data',
      IMAGES.subarray(0, 27),
      27,
      'f at byte 27: expected 12 bytes of data for (2, 2, 3) of uint8, got 11. The file is cut short.',
    ],
    [
      'bytes after the data',
      new Uint8Array([...LABELS, 1]),
      10,
      'f at byte 10: expected the file to end after 10 bytes, for (2,) of uint8, got 11 bytes.',
    ],
    [
      'absurd sizes',
      new Uint8Array([0, 0, 8, 3, ...new Array<number>(12).fill(255)]),
      4,
      'f at byte 4: expected sizes that a file can hold, got (4294967295, 4294967295, 4294967295) of uint8. The header is damaged.',
    ],
    [
      'a size beyond the file',
      new Uint8Array([0, 0, 8, 1, 255, 255, 255, 255]),
      8,
      'expected 4294967295 bytes of data',
    ],
  ];
  test.each(bad)('refuses %s', (_, bytes, offset, message) => {
    const error = errorOf(() => decodeIdx(bytes, 'f'));
    expect(error.message).toContain(message);
    expect(error).toMatchObject({ offset, file: 'f' });
  });

  test('every truncation of a file is refused', () => {
    for (let n = 0; n < IMAGES.length; n++) errorOf(() => decodeIdx(IMAGES.subarray(0, n), 'f'));
  });
});

describe('encodeIdx', () => {
  test('refuses data of another length', () => {
    const run = () => encodeIdx({ dtype: 'uint8', shape: [2, 2], data: new Uint8Array(3) });
    expect(run).toThrow(ShapeError);
    expect(run).toThrow('encodeIdx: expected 4 elements for (2, 2), got 3 elements');
  });
  test('refuses sizes and ranks that the header cannot hold', () => {
    const data = new Uint8Array();
    expect(() => encodeIdx({ dtype: 'uint8', shape: [-1], data })).toThrow(ArgumentError);
    expect(() => encodeIdx({ dtype: 'uint8', shape: [0.5], data })).toThrow('sizes from 0 to 2^32');
    const shape = new Array<number>(256).fill(1);
    expect(() => encodeIdx({ dtype: 'uint8', shape, data })).toThrow('rank of at most 255');
  });
  test('refuses an unknown dtype', () => {
    const array = { dtype: 'uint16', shape: [0], data: new Uint8Array() } as unknown as IdxArray;
    expect(() => encodeIdx(array)).toThrow('a dtype of the IDX format, got uint16');
  });
});

describe('MNIST files', () => {
  test('images and labels', () => {
    const { images, labels } = decodeIdxPair(
      { bytes: IMAGES, file: 'i' },
      { bytes: LABELS, file: 'l' },
    );
    expect(images).toMatchObject({ count: 2, rows: 2, cols: 3 });
    expect(Array.from(images.data)).toEqual([0, 20, 40, 60, 80, 100, 120, 140, 160, 180, 200, 220]);
    expect(Array.from(labels)).toEqual([9, 0]);
  });
  test('labels in place of images, and the other way round', () => {
    expect(errorOf(() => decodeIdxImages(LABELS, 'f')).message).toBe(
      'f at byte 0: expected magic number 2051 (images: uint8, rank 3), got 2049. ' +
        'This is a label file: give it as the labels.',
    );
    expect(errorOf(() => decodeIdxLabels(IMAGES, 'f')).message).toBe(
      'f at byte 0: expected magic number 2049 (labels: uint8, rank 1), got 2051. ' +
        'This is an image file: give it as the images.',
    );
  });
  test('another type or rank', () => {
    const floats = encodeIdx({ dtype: 'float32', shape: [1], data: new Float32Array(1) });
    expect(errorOf(() => decodeIdxLabels(floats, 'f')).message).toContain('got 3329');
  });
  test('a file shorter than the magic number', () => {
    expect(errorOf(() => decodeIdxLabels(new Uint8Array(2), 'f')).message).toContain('2 bytes');
  });
  test('a label that is no class', () => {
    const labels = encodeIdx({ dtype: 'uint8', shape: [3], data: new Uint8Array([1, 9, 10]) });
    const error = errorOf(() => decodeIdxLabels(labels, 'f'));
    expect(error.message).toContain('f at byte 10: expected labels from 0 to 9, got 10 as label 2');
    expect(decodeIdxLabels(labels, 'f', 26)).toHaveLength(3);
  });
  test('files of different splits', () => {
    const labels = encodeIdx({ dtype: 'uint8', shape: [3], data: new Uint8Array(3) });
    const run = () => decodeIdxPair({ bytes: IMAGES, file: 'i' }, { bytes: labels, file: 'l' });
    expect(errorOf(run).message).toBe(
      'i at byte 4: expected one label for each of its 2 images, got 3 labels in l. ' +
        'Use the image and the label file of the same split (train or t10k).',
    );
  });
});
