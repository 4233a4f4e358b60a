/**
 * PNG and JPEG files as plain pixels.
 *
 * Formats: https://www.w3.org/TR/png-3/, https://www.w3.org/Graphics/JPEG/itu-t81.pdf.
 */
import type { DecodedPng } from 'fast-png';
import { ArgumentError, DataFormatError, ShapeError } from '../errors.js';

/**
 * An image of 8-bit samples, rows from the top, pixels from the left, channels together (HWC).
 * `channels` is 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA).
 */
export interface Image {
  width: number;
  height: number;
  channels: number;
  data: Uint8Array;
}

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** The colour type of IHDR for palette images. */
const INDEXED = 3;

/** Other formats by their first bytes, to name them in the message. */
const OTHER_FORMATS: readonly [string, readonly number[]][] = [
  ['a GIF file', [0x47, 0x49, 0x46, 0x38]],
  ['a BMP file', [0x42, 0x4d]],
  ['a RIFF file, perhaps WebP', [0x52, 0x49, 0x46, 0x46]],
  ['text that begins with "<", perhaps a web page or SVG', [0x3c]],
];

/** Pixels that an image may have. One that claims more would not fit in memory once decoded. */
const MAX_PIXELS = 1 << 26;

const AGAIN = 'Save the image again as PNG.';

/**
 * Decodes a PNG or JPEG file.
 *
 * PNG: grey, RGB or palette, with or without transparency, 1 to 16 bits a sample, which are scaled to
 * 8 bits; a palette becomes RGB, a transparent colour becomes an alpha channel. JPEG: baseline or
 * progressive, as RGB. Colour profiles, gamma and the orientation that cameras note are ignored.
 *
 * @param bytes  The whole file.
 * @param file   Path or URL, for messages.
 * @throws DataFormatError  Neither PNG nor JPEG, cut, damaged (checksums are verified), above 67
 *   million pixels, or interlaced with less than 8 bits a sample, which is not supported.
 */
export async function decodeImage(bytes: Uint8Array, file: string): Promise<Image> {
  const isJpeg = JPEG_START.every((byte, i) => bytes[i] === byte);
  return isJpeg ? decodeJpeg(bytes, file) : decodePng(bytes, file);
}

const JPEG_START = [0xff, 0xd8, 0xff];
const START_OF_SCAN = 0xda;
const END_OF_IMAGE = 0xd9;

async function decodeJpeg(bytes: Uint8Array, file: string): Promise<Image> {
  if (!hasEnd(bytes)) {
    const problem = 'expected the end of a JPEG image, got the end of the file';
    throw new DataFormatError(file, problem, bytes.length, `The file is cut short. ${AGAIN}`);
  }
  const { decode } = await import('jpeg-js');
  try {
    const { width, height, data } = decode(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: false,
      maxResolutionInMP: MAX_PIXELS / 1e6,
      maxMemoryUsageInMB: 2048,
    });
    return { width, height, channels: 3, data };
  } catch (cause) {
    // The decoder does not say where it was.
    const found = `a damaged one of ${bytes.length} bytes (${(cause as Error).message})`;
    const problem = `expected a whole JPEG file, got ${found}`;
    throw new DataFormatError(file, problem, undefined, AGAIN);
  }
}

/** Whether the marker of the end follows the first scan: the decoder fills in what a cut took. */
function hasEnd(bytes: Uint8Array): boolean {
  let at = 2;
  // Segments before it may hold a small image with an end of its own.
  while (at + 3 < bytes.length && bytes[at] === 0xff && bytes[at + 1] !== START_OF_SCAN)
    at += 2 + 256 * bytes[at + 2]! + bytes[at + 3]!;
  for (; at + 1 < bytes.length; at++)
    if (bytes[at] === 0xff && bytes[at + 1] === END_OF_IMAGE) return true;
  return false;
}

async function decodePng(bytes: Uint8Array, file: string): Promise<Image> {
  checkHeader(bytes, file);
  const { decode, convertIndexedToRgb } = await import('fast-png');
  try {
    const png = decode(bytes, { checkCrc: true });
    // A colour image may carry a palette too, as a hint for displays.
    if (png.palette && bytes[25] === INDEXED) {
      const data = convertIndexedToRgb(png);
      return { width: png.width, height: png.height, channels: png.palette[0]!.length, data };
    }
    return withTransparency(png, toBytes(png));
  } catch (cause) {
    const problem = `expected a whole PNG file, got a damaged one (${(cause as Error).message})`;
    throw new DataFormatError(file, problem, damagedChunk(bytes), AGAIN);
  }
}

const CHUNK_OF_PIXELS = 0x49444154; // IDAT
const LAST_CHUNK = 0x49454e44; // IEND

/** Where the first chunk begins that is cut or has another checksum; if none has, the first of pixels. */
function damagedChunk(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let [at, pixels] = [SIGNATURE.length, 0];
  // Length, type, data, checksum of the two before it.
  while (at + 12 <= bytes.length) {
    const [end, type] = [at + 8 + view.getUint32(at), view.getUint32(at + 4)];
    if (end + 4 > bytes.length || crc32(bytes.subarray(at + 4, end)) !== view.getUint32(end)) break;
    if (type === CHUNK_OF_PIXELS) pixels ||= at;
    if (type === LAST_CHUNK) return pixels || at;
    at = end + 4;
  }
  return at;
}

/** Source: https://www.w3.org/TR/png-3/#5CRC-algorithm */
function crc32(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** Refuses what is no PNG, or one that the decoder would get wrong. */
function checkHeader(bytes: Uint8Array, file: string): void {
  if (!SIGNATURE.every((byte, i) => bytes[i] === byte)) {
    const other = OTHER_FORMATS.find(([, start]) => start.every((byte, i) => bytes[i] === byte));
    const found = other?.[0] ?? (bytes.length === 0 ? 'an empty file' : 'another kind of file');
    const problem = `expected a PNG or JPEG file, got ${found}`;
    throw new DataFormatError(file, problem, 0, 'Convert it to PNG or JPEG.');
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 33 || view.getUint32(8) !== 13 || view.getUint32(12) !== 0x49484452) {
    throw new DataFormatError(file, 'expected the PNG header IHDR, got something else', 8, AGAIN);
  }
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  if (width === 0 || height === 0 || width * height > MAX_PIXELS) {
    const problem = `expected from 1 to ${MAX_PIXELS} pixels, got ${width} x ${height}`;
    throw new DataFormatError(file, problem, 16, 'Scale the image down.');
  }
  if (view.getUint8(24) < 8 && view.getUint8(28) !== 0) {
    const problem = `expected no interlacing with ${view.getUint8(24)} bits a sample, got Adam7`;
    throw new DataFormatError(file, problem, 28, 'Save the image without interlacing.');
  }
}

/** The samples of a grey or RGB image, unpacked and scaled to 0 to 255. */
function toBytes({ width, height, channels, depth, data }: DecodedPng): Uint8Array {
  const samples = rawSamples({ width, height, channels, depth, data });
  if (depth === 8) return samples as Uint8Array;
  const max = 2 ** depth - 1;
  return Uint8Array.from(samples, (value) => Math.round((value * 255) / max));
}

/** The samples as they are in the file, one an element; below 8 bits, rows are packed in bytes. */
function rawSamples({
  width,
  height,
  channels,
  depth,
  data,
}: Pick<DecodedPng, 'width' | 'height' | 'channels' | 'depth' | 'data'>): ArrayLike<number> {
  if (depth >= 8) return data;
  const perRow = width * channels;
  const rowBytes = Math.ceil((perRow * depth) / 8);
  const samples = new Uint8Array(perRow * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < perRow; x++) {
      const bit = x * depth;
      const shift = 8 - depth - (bit % 8);
      samples[y * perRow + x] = (data[y * rowBytes + (bit >> 3)]! >> shift) & (2 ** depth - 1);
    }
  }
  return samples;
}

/** Adds an alpha channel, 0 where a pixel has the colour that the file calls transparent. */
function withTransparency(png: DecodedPng, data: Uint8Array): Image {
  const { width, height, channels, transparency } = png;
  if (!transparency) return { width, height, channels, data };
  const raw = rawSamples(png); // compared before scaling: 16-bit colours may differ by little
  const pixels = width * height;
  const out = new Uint8Array(pixels * (channels + 1));
  for (let p = 0; p < pixels; p++) {
    let transparent = true;
    for (let c = 0; c < channels; c++) {
      out[p * (channels + 1) + c] = data[p * channels + c]!;
      transparent &&= raw[p * channels + c] === transparency[c];
    }
    out[p * (channels + 1) + channels] = transparent ? 0 : 255;
  }
  return { width, height, channels: channels + 1, data: out };
}

/** Refuses an image whose fields contradict each other. */
export function checkImage(op: string, { width, height, channels, data }: Image): void {
  const size = (n: number) => Number.isInteger(n) && n > 0;
  if (!size(width) || !size(height)) {
    throw new ArgumentError(op, 'width and height of at least 1', `${width} x ${height}`);
  }
  if (![1, 2, 3, 4].includes(channels)) {
    throw new ArgumentError(op, 'channels 1 (grey), 2, 3 (RGB) or 4', channels);
  }
  const expected = width * height * channels;
  if (data.length !== expected) {
    const what = `${expected} samples for ${width} x ${height} x ${channels}`;
    throw new ShapeError(op, what, `${data.length}`);
  }
}

/**
 * Encodes an image as a PNG file of 8 bits a sample.
 *
 * @throws ArgumentError  A size below 1, or channels other than 1 to 4.
 * @throws ShapeError     `data` is not width x height x channels long.
 */
export async function encodePng(image: Image): Promise<Uint8Array> {
  checkImage('encodePng', image);
  const { encode } = await import('fast-png');
  return encode({ ...image, depth: 8 });
}
