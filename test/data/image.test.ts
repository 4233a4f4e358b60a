import { describe, expect, test } from 'vitest';
import { toGrey28 } from '../../src/data/grey28.js';
import { decodeImage, encodePng, type Image } from '../../src/data/image.js';
import { ArgumentError, DataFormatError, ShapeError } from '../../src/errors.js';

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

function crc32(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let k = 0; k < 8; k++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

function chunk(type: string, data: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(type), 4);
  bytes.set(Array.from(data), 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

const joined = (...parts: ArrayLike<number>[]) =>
  new Uint8Array(parts.flatMap((part) => Array.from(part)));

interface Parts {
  width: number;
  depth: number;
  type: number;
  rows: number[][];
  interlace?: number;
  height?: number;
  more?: Uint8Array[];
}

/** A PNG file written from scratch; each row is its bytes without the filter, which is 0. */
async function png({
  width,
  depth,
  type,
  rows,
  interlace = 0,
  height = rows.length,
  more = [],
}: Parts) {
  const header = new Uint8Array(13);
  new DataView(header.buffer).setUint32(0, width);
  new DataView(header.buffer).setUint32(4, height);
  header.set([depth, type, 0, 0, interlace], 8);
  const raw = new Uint8Array(rows.flatMap((row) => [0, ...row]));
  const stream = new Blob([raw]).stream().pipeThrough(new CompressionStream('deflate'));
  const packed = new Uint8Array(await new Response(stream).arrayBuffer());
  return joined(
    SIGNATURE,
    chunk('IHDR', header),
    ...more,
    chunk('IDAT', packed),
    chunk('IEND', []),
  );
}

/**
 * Written by Pillow 12 (libjpeg-turbo), 11 x 9 pixels of (20 x, 25 y, 100): baseline, progressive, and
 * their grey.
 */
const JPEG = {
  baseline:
    '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUGBgYFBgYGBwkIBgcJBwYGCAsICQoKCgoKBggLDAsKDAkKCgr/2wBDAQICAgICAgUDAwUKBwYHCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgr/wAARCAAJAAsDAREAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAACAf/xAAjEAAAAwYHAAAAAAAAAAAAAAAAAQMFBwkVJUMjMjVBU3KB/8QAFwEAAwEAAAAAAAAAAAAAAAAABgcICf/EACQRAAEDAgQHAAAAAAAAAAAAAAADBQcjQQEiM1ECJTE1Q3GB/9oADAMBAAIRAxEAPwAmuSh6Fg0MtrQJX+TOucGIkl/TqbXEmx4ehSxGhlk4grF5Lq45y9WuX+Xp1Lbl3clZ8C8f7mJsSeP4JNj6Yj0CtX1eIvVr7en6P//Z',
  progressive:
    '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUGBgYFBgYGBwkIBgcJBwYGCAsICQoKCgoKBggLDAsKDAkKCgr/2wBDAQICAgICAgUDAwUKBwYHCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgr/wgARCAAJAAsDAREAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAABwb/xAAXAQADAQAAAAAAAAAAAAAAAAAFBgcI/9oADAMBAAIQAxAAAAEmJC0lWvd4u4mSVa9f/8QAGRAAAgMBAAAAAAAAAAAAAAAAAAMFByMz/9oACAEBAAEFAoSvRNe5wgnn/8QAHBEAAgICAwAAAAAAAAAAAAAAAAYCBCIkMjRC/9oACAEDAQE/AVJv45FVv145Cl5KvXif/8QAHBEAAQMFAAAAAAAAAAAAAAAAAAIEBgEiMTJh/9oACAECAQE/AX8m6Lkt2R+L2qf/xAAXEAADAQAAAAAAAAAAAAAAAAAAASOh/9oACAEBAAY/AlDBQwQj/8QAFxABAAMAAAAAAAAAAAAAAAAAABCBof/aAAgBAQABPyEynQcb/9oADAMBAAIAAwAAABBxf//EABkRAQACAwAAAAAAAAAAAAAAAABBoVGBwf/aAAgBAwEBPxCslpGXJQf/xAAYEQACAwAAAAAAAAAAAAAAAAAAECExQf/aAAgBAgEBPxC4zztb/8QAGRAAAgMBAAAAAAAAAAAAAAAAAAEQMUHB/9oACAEBAAE/EF4YU1D5Qv8A/9k=',
  grey: '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUGBgYFBgYGBwkIBgcJBwYGCAsICQoKCgoKBggLDAsKDAkKCgr/wAALCAAJAAsBAREA/8QAFQABAQAAAAAAAAAAAAAAAAAACAf/xAAjEAAAAwYHAAAAAAAAAAAAAAAAAQMFBwkVJUMjMjVBU3KB/9oACAEBAAA/ACa5KHoWDQy2tBJseHoUsRoZZOIXdyVnwJNj6Yj0H//Z',
};
const bytesOf = (base64: string) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

const PALETTE = chunk('PLTE', [255, 0, 0, 0, 255, 0, 0, 0, 255]);

describe('decodeImage of JPEG', () => {
  const colour = (i: number) => [20 * (i % 11), 25 * Math.floor(i / 11), 100];
  test.each([
    ['baseline', JPEG.baseline, colour],
    ['progressive', JPEG.progressive, colour],
    [
      'grey',
      JPEG.grey,
      (i: number) => {
        const [r, g, b] = colour(i) as [number, number, number];
        return Array<number>(3).fill(0.299 * r + 0.587 * g + 0.114 * b);
      },
    ],
  ])('%s', async (_, file, expected) => {
    const { width, height, channels, data } = await decodeImage(bytesOf(file), 'x.jpg');
    expect([width, height, channels, data.length]).toEqual([11, 9, 3, 297]);
    for (let i = 0; i < 99; i++) {
      expected(i).forEach((value, c) =>
        expect(Math.abs(data[3 * i + c]! - value), `pixel ${i}`).toBeLessThan(7),
      );
    }
  });

  test('refuses every truncation, and damage that shows', async () => {
    const bytes = bytesOf(JPEG.baseline);
    for (let n = 0; n < bytes.length; n++)
      await expect(decodeImage(bytes.subarray(0, n), 'x.jpg')).rejects.toThrow(DataFormatError);
    await expect(decodeImage(bytes.subarray(0, 300), 'x.jpg')).rejects.toThrow(
      'x.jpg at byte 300: expected the end of a JPEG image, got the end of the file',
    );
    const damaged = bytes.slice();
    damaged[bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xc0) + 1] = 0xc5;
    await expect(decodeImage(damaged, 'x.jpg')).rejects.toThrow(
      `x.jpg: expected a whole JPEG file, got a damaged one of ${bytes.length} bytes (`,
    );
  });
});

describe('decodeImage', () => {
  const cases: [string, Parts, number, number[]][] = [
    [
      'grey, 1 bit',
      { width: 3, depth: 1, type: 0, rows: [[0b10100000], [0b01011111]] },
      1,
      [255, 0, 255, 0, 255, 0],
    ],
    [
      'grey, 2 bits',
      { width: 5, depth: 2, type: 0, rows: [[0b00011011, 0b01111111]] },
      1,
      [0, 85, 170, 255, 85],
    ],
    ['grey, 4 bits', { width: 3, depth: 4, type: 0, rows: [[0x0f, 0x80]] }, 1, [0, 255, 136]],
    [
      'grey, 8 bits',
      {
        width: 2,
        depth: 8,
        type: 0,
        rows: [
          [1, 2],
          [3, 4],
        ],
      },
      1,
      [1, 2, 3, 4],
    ],
    [
      'grey, 16 bits',
      { width: 3, depth: 16, type: 0, rows: [[0xff, 0xff, 0x12, 0x34, 0, 0x81]] },
      1,
      [255, 18, 1],
    ],
    ['grey and alpha', { width: 1, depth: 8, type: 4, rows: [[7, 8]] }, 2, [7, 8]],
    [
      'RGB',
      {
        width: 1,
        depth: 8,
        type: 2,
        rows: [
          [1, 2, 3],
          [4, 5, 6],
        ],
      },
      3,
      [1, 2, 3, 4, 5, 6],
    ],
    ['RGB, 16 bits', { width: 1, depth: 16, type: 2, rows: [[1, 1, 2, 2, 3, 3]] }, 3, [1, 2, 3]],
    [
      'RGB with a palette as a hint',
      { width: 1, depth: 8, type: 2, rows: [[1, 2, 0]], more: [PALETTE] },
      3,
      [1, 2, 0],
    ],
    ['RGBA', { width: 1, depth: 8, type: 6, rows: [[1, 2, 3, 4]] }, 4, [1, 2, 3, 4]],
    [
      'RGBA, 16 bits',
      { width: 1, depth: 16, type: 6, rows: [[1, 1, 2, 2, 3, 3, 4, 4]] },
      4,
      [1, 2, 3, 4],
    ],
    [
      'palette, 1 bit',
      { width: 3, depth: 1, type: 3, rows: [[0b01000000]], more: [PALETTE] },
      3,
      [255, 0, 0, 0, 255, 0, 255, 0, 0],
    ],
    [
      'palette, 2 bits',
      { width: 3, depth: 2, type: 3, rows: [[0b10010000]], more: [PALETTE] },
      3,
      [0, 0, 255, 0, 255, 0, 255, 0, 0],
    ],
    [
      'palette, 4 bits',
      { width: 2, depth: 4, type: 3, rows: [[0x12]], more: [PALETTE] },
      3,
      [0, 255, 0, 0, 0, 255],
    ],
    [
      'palette, 8 bits, with alpha',
      { width: 2, depth: 8, type: 3, rows: [[0, 2]], more: [PALETTE, chunk('tRNS', [9])] },
      4,
      [255, 0, 0, 9, 0, 0, 255, 255],
    ],
    [
      'grey with a transparent value',
      { width: 3, depth: 2, type: 0, rows: [[0b01101100]], more: [chunk('tRNS', [0, 2])] },
      2,
      [85, 255, 170, 0, 255, 255],
    ],
    [
      'RGB with a transparent colour',
      {
        width: 3,
        depth: 8,
        type: 2,
        rows: [[1, 2, 3, 1, 2, 4, 1, 3, 3]],
        more: [chunk('tRNS', [0, 1, 0, 2, 0, 3])],
      },
      4,
      [1, 2, 3, 0, 1, 2, 4, 255, 1, 3, 3, 255],
    ],
    [
      '16 bits with a transparent value that rounds like another',
      { width: 2, depth: 16, type: 0, rows: [[1, 1, 1, 2]], more: [chunk('tRNS', [1, 2])] },
      2,
      [1, 255, 1, 0],
    ],
    [
      'interlaced, 8 bits',
      { width: 2, depth: 8, type: 0, interlace: 1, height: 2, rows: [[1], [2], [3, 4]] },
      1,
      [1, 2, 3, 4],
    ],
  ];
  test.each(cases)('%s', async (_, parts, channels, data) => {
    const { width, rows, height = rows.length } = parts;
    expect(await decodeImage(await png(parts), 'f')).toEqual({
      width,
      height,
      channels,
      data: new Uint8Array(data),
    });
  });

  test('reads from the middle of a larger buffer', async () => {
    const bytes = await png({ width: 2, depth: 8, type: 0, rows: [[5, 6]] });
    const larger = joined([1, 2, 3], bytes, [4]);
    const image = await decodeImage(larger.subarray(3, 3 + bytes.length), 'f');
    expect(Array.from(image.data)).toEqual([5, 6]);
  });

  const refuse = async (bytes: Uint8Array, message: string) => {
    await expect(decodeImage(bytes, 'digit.png')).rejects.toThrow(DataFormatError);
    await expect(decodeImage(bytes, 'digit.png')).rejects.toThrow(message);
  };
  test.each([
    [
      'an empty file',
      [],
      'digit.png at byte 0: expected a PNG or JPEG file, got an empty file. Convert it to PNG or JPEG.',
    ],
    ['a GIF', [0x47, 0x49, 0x46, 0x38], 'expected a PNG or JPEG file, got a GIF file.'],
    ['a web page', [0x3c, 0x21], 'perhaps a web page or SVG'],
    ['random bytes', [1, 2, 3, 4, 5, 6, 7, 8], 'got another kind of file'],
    ['only the signature', SIGNATURE, 'at byte 8: expected the PNG header IHDR'],
  ])('refuses %s', async (_, bytes, message) => refuse(new Uint8Array(bytes), message));

  test('refuses every truncation', async () => {
    const bytes = await png({ width: 3, depth: 8, type: 2, rows: [[1, 2, 3, 4, 5, 6, 7, 8, 9]] });
    for (let n = 0; n < bytes.length; n++) await refuse(bytes.subarray(0, n), 'digit.png');
  });
  test('refuses damage anywhere in the image data', async () => {
    const bytes = await png({ width: 3, depth: 8, type: 0, rows: [[1, 2, 3]] });
    for (let i = 41; i < bytes.length - 12; i++) {
      const damaged = bytes.slice();
      damaged[i]! ^= 1;
      await refuse(damaged, 'digit.png at byte 33: expected a whole PNG file, got a damaged one (');
    }
  });
  test('says which chunk is damaged or cut', async () => {
    const more = [chunk('tEXt', [97, 0, 98]), chunk('tEXt', [99, 0, 100])];
    const bytes = await png({ width: 3, depth: 8, type: 0, rows: [[1, 2, 3]], more });
    const damaged = bytes.slice();
    damaged[33 + 15 + 8]! ^= 1; // data of the chunk after IHDR and the first text
    await refuse(damaged, 'digit.png at byte 48: expected a whole PNG file, got a damaged one (');
    await refuse(bytes.subarray(0, 48 + 10), 'digit.png at byte 48: expected a whole PNG file');
    await refuse(bytes.subarray(0, -4), `digit.png at byte ${bytes.length - 12}: expected a whole`);
  });
  test('refuses sizes that no memory holds', async () => {
    const huge = await png({ width: 1 << 20, height: 1 << 20, depth: 8, type: 0, rows: [] });
    await refuse(huge, 'at byte 16: expected from 1 to 67108864 pixels, got 1048576 x 1048576');
    const none = await png({ width: 0, depth: 8, type: 0, rows: [[]] });
    await refuse(none, 'got 0 x 1. Scale the image down.');
  });
  test('refuses fewer rows than it says', async () => {
    await refuse(
      await png({ width: 1, height: 3, depth: 8, type: 0, rows: [[1]] }),
      'at byte 33: ',
    ); // the pixels
  });
  test('refuses a palette index beyond the palette', async () => {
    const parts = { width: 1, depth: 8, type: 3, rows: [[3]], more: [PALETTE] };
    await refuse(await png(parts), 'damaged');
  });
  test('refuses interlacing below 8 bits', async () => {
    const parts = { width: 1, depth: 1, type: 0, interlace: 1, rows: [[128]] };
    await refuse(await png(parts), 'at byte 28: expected no interlacing with 1 bits a sample');
  });
});

describe('encodePng', () => {
  test.each([1, 2, 3, 4])('%i channels come back', async (channels) => {
    const data = Uint8Array.from({ length: 7 * 5 * channels }, (_, i) => i * 37);
    const image = { width: 7, height: 5, channels, data };
    expect(await decodeImage(await encodePng(image), 'f')).toEqual(image);
  });
  test('refuses fields that contradict each other', async () => {
    const image = { width: 2, height: 1, channels: 1, data: new Uint8Array(2) };
    await expect(encodePng({ ...image, data: new Uint8Array(3) })).rejects.toThrow(ShapeError);
    await expect(encodePng({ ...image, width: 3 })).rejects.toThrow(
      '3 samples for 3 x 1 x 1, got 2',
    );
    await expect(encodePng({ ...image, channels: 5 })).rejects.toThrow(ArgumentError);
    await expect(encodePng({ ...image, height: 0 })).rejects.toThrow('at least 1, got 2 x 0');
  });
});

describe('toGrey28', () => {
  /** An image from a function of the pixel. */
  const draw = (
    width: number,
    height: number,
    ...at: ((x: number, y: number) => number)[]
  ): Image => ({
    width,
    height,
    channels: at.length,
    data: Uint8Array.from({ length: width * height * at.length }, (_, i) => {
      const p = Math.floor(i / at.length);
      return at[i % at.length]!(p % width, Math.floor(p / width));
    }),
  });
  const plain = (value: number) => () => value;
  /** A stroke of 4 x 12 pixels, not in the middle. */
  const stroke = (x: number, y: number) => (x >= 6 && x < 10 && y >= 4 && y < 16 ? 255 : 0);
  const sum = (pixels: Uint8Array) => pixels.reduce((a, b) => a + b, 0);

  test('an image in the form of MNIST is unchanged', () => {
    const image = draw(28, 28, (x, y) => stroke(x, y) && 100 + x + y);
    expect(toGrey28(image)).toEqual(image.data);
  });
  test('dark on light is inverted', () => {
    const image = draw(28, 28, (x, y) => 255 - stroke(x, y));
    const upright = draw(28, 28, stroke).data;
    expect(toGrey28(image)).toEqual(upright);
    expect(toGrey28(image, { invert: true })).toEqual(upright);
    expect(toGrey28(image, { invert: false })).toEqual(image.data);
    expect(toGrey28(draw(28, 28, stroke), { invert: true })).toEqual(image.data);
  });
  test('colours by ITU-R BT.601', () => {
    const colour = (r: number, g: number, b: number) =>
      toGrey28(draw(28, 28, plain(r), plain(g), plain(b)), { invert: false })[0];
    expect(colour(255, 0, 0)).toBe(76);
    expect(colour(0, 255, 0)).toBe(150);
    expect(colour(0, 0, 255)).toBe(29);
    expect(colour(255, 255, 255)).toBe(255);
  });
  test('transparency: a stroke of either colour comes out white on black', () => {
    const upright = draw(28, 28, stroke).data;
    expect(toGrey28(draw(28, 28, plain(0), stroke))).toEqual(upright);
    expect(toGrey28(draw(28, 28, plain(255), stroke))).toEqual(upright);
    const rgba = draw(28, 28, plain(0), plain(0), plain(0), stroke);
    expect(toGrey28(rgba)).toEqual(upright);
    const half = draw(28, 28, plain(0), (x, y) => stroke(x, y) && 128);
    expect(toGrey28(half)[5 * 28 + 7]).toBe(128);
    expect(sum(toGrey28(draw(28, 28, plain(0), plain(0))))).toBe(0);
  });
  test('shrinks by area: whole blocks and parts of pixels', () => {
    const large = draw(84, 84, (x, y) => stroke(Math.floor(x / 3), Math.floor(y / 3)));
    expect(toGrey28(large)).toEqual(draw(28, 28, stroke).data);
    const checks = draw(56, 56, (x, y) => ((x + y) % 2 ? 200 : 100));
    expect(toGrey28(checks, { invert: false })).toEqual(new Uint8Array(784).fill(150));
    // 42 -> 28: each pixel is one and a half of the old; columns 0, 200, 0, 200 ...
    const columns = draw(42, 42, (x) => (x % 3 === 1 ? 150 : 0));
    expect(Array.from(toGrey28(columns).subarray(0, 4))).toEqual([50, 50, 50, 50]);
    const edge = draw(42, 42, (x) => (x < 2 ? 150 : 0));
    expect(Array.from(toGrey28(edge).subarray(0, 3))).toEqual([150, 50, 0]);
  });
  test('grows bilinearly', () => {
    const small = draw(14, 14, (x) => x * 10);
    const row = Array.from(toGrey28(small, { invert: false }).subarray(0, 5));
    expect(row).toEqual([0, 3, 8, 13, 18]); // 0, 2.5, 7.5 ...
    expect(toGrey28(draw(1, 1, plain(9)))).toEqual(new Uint8Array(784).fill(9));
  });
  test('a long image is padded to a square, not stretched', () => {
    const tall = draw(28, 56, (x, y) => (x >= 12 && x < 16 && y >= 20 && y < 36 ? 0 : 255));
    const pixels = toGrey28(tall);
    expect(sum(pixels)).toBe(255 * 2 * 8);
    expect(pixels[14 * 28 + 13]).toBe(255);
    const wide = toGrey28(
      draw(56, 28, (x, y) => (y >= 12 && y < 16 && x >= 20 && x < 36 ? 0 : 255)),
    );
    expect(Array.from(wide)).toEqual(
      Array.from(pixels, (_, i) => pixels[(i % 28) * 28 + Math.floor(i / 28)]),
    );
  });

  describe('center', () => {
    test('a small drawing in a corner fills the box and moves to the middle', () => {
      // On grey paper, dark, 10 x 30 of 200 x 100.
      const photo = draw(200, 100, (x, y) => (x >= 150 && x < 160 && y >= 5 && y < 35 ? 20 : 220));
      const pixels = toGrey28(photo, { center: true });
      const bright = Array.from(pixels.keys()).filter((i) => pixels[i]! > 127);
      const rows = bright.map((i) => Math.floor(i / 28));
      const cols = bright.map((i) => i % 28);
      expect([Math.min(...rows), Math.max(...rows)]).toEqual([4, 23]);
      expect(Math.min(...cols) + Math.max(...cols)).toBe(27);
      expect(Math.max(...pixels)).toBe(255);
      expect(pixels[0]).toBe(0);
    });
    test('is by mass, inside the image', () => {
      const heavyTop = draw(40, 40, (x, y) =>
        (y >= 10 && y < 14 && x >= 10 && x < 30) || (x === 20 && y >= 10 && y < 30) ? 255 : 0,
      );
      const pixels = toGrey28(heavyTop, { center: true });
      const first = pixels.findIndex((value) => value > 0);
      expect(Math.floor(first / 28)).toBe(8); // pulled down by the bar, and no further than 8
    });
    test('a plain image is black', () => {
      expect(sum(toGrey28(draw(50, 50, plain(200)), { center: true }))).toBe(0);
    });
  });

  test('refuses fields that contradict each other', () => {
    const image = { width: 2, height: 2, channels: 1, data: new Uint8Array(3) };
    expect(() => toGrey28(image)).toThrow('toGrey28: expected 4 samples for 2 x 2 x 1, got 3');
    expect(() => toGrey28({ ...image, width: 0.5 })).toThrow(ArgumentError);
  });
});
