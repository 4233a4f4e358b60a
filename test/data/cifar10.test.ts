import { describe, expect, test } from 'vitest';
import { decodeCifar10 } from '../../src/data/cifar10.js';
import { DataFormatError } from '../../src/errors.js';
import { cifar10Records } from '../support/tinyCifar10.js';

describe('decodeCifar10', () => {
  test('takes records of several files apart', () => {
    const files = [cifar10Records(2, 3), cifar10Records(1, 9)].map((bytes) => ({
      bytes,
      file: 'f',
    }));
    const { images, labels } = decodeCifar10(files);
    expect([...labels]).toEqual([3, 4, 9]);
    expect(images).toHaveLength(3 * 3072);
    expect([...images.subarray(0, 3)]).toEqual([4, 5, 6]);
    expect(images[3072 * 2 + 3071]).toBe((9 + 3072) % 256);
  });

  test.each([
    [
      'a cut file',
      cifar10Records(2).subarray(0, 4000),
      3073,
      'records of 3073 bytes, got 927 bytes as record 1. The file is cut short.',
    ],
    ['an empty file', new Uint8Array(), 0, 'got 0 bytes as record 0'],
    ['a byte too many', new Uint8Array([...cifar10Records(1), 0]), 3073, 'got 1 bytes as record 1'],
  ])('refuses %s', (_, bytes, offset, message) => {
    const files = [
      { bytes: cifar10Records(1), file: 'good.bin' },
      { bytes, file: 'bad.bin' },
    ];
    expect(() => decodeCifar10(files)).toThrow(DataFormatError);
    expect(() => decodeCifar10(files)).toThrow(`bad.bin at byte ${offset}: expected`);
    expect(() => decodeCifar10(files)).toThrow(message);
  });

  test('refuses a label that is no class, at its place', () => {
    const bytes = cifar10Records(3);
    bytes[2 * 3073] = 10;
    expect(() => decodeCifar10([{ bytes, file: 'b.bin' }])).toThrow(
      'b.bin at byte 6146: expected labels from 0 to 9, got 10 in record 2',
    );
  });
});
