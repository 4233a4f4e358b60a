/**
 * The IDX format of the MNIST files: two zero bytes, a type code, the rank, one big-endian
 * 32-bit size for each dimension, then the elements, big-endian, last dimension fastest.
 *
 * Format: http://yann.lecun.com/exdb/mnist/ ("The IDX file format"), kept at
 * https://github.com/cvdfoundation/mnist.
 */
import { ArgumentError, DataFormatError, formatShape, ShapeError } from '../errors.js';

/** Element types of an IDX file. */
export type IdxDType = 'uint8' | 'int8' | 'int16' | 'int32' | 'float32' | 'float64';

type IdxData = Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;

/** A decoded IDX file: `data` is row-major and has the product of `shape` elements. */
export interface IdxArray {
  dtype: IdxDType;
  shape: number[];
  data: IdxData;
}

/** Grey images, `count` x `rows` x `cols` bytes, 0 to 255. */
export interface IdxImages {
  count: number;
  rows: number;
  cols: number;
  data: Uint8Array;
}

interface IdxType {
  code: number;
  dtype: IdxDType;
  bytes: number;
  make: (length: number) => IdxData;
  read: (view: DataView, offset: number) => number;
  write: (view: DataView, offset: number, value: number) => void;
}

const TYPES: readonly IdxType[] = [
  {
    code: 0x08,
    dtype: 'uint8',
    bytes: 1,
    make: (n) => new Uint8Array(n),
    read: (v, o) => v.getUint8(o),
    write: (v, o, x) => v.setUint8(o, x),
  },
  {
    code: 0x09,
    dtype: 'int8',
    bytes: 1,
    make: (n) => new Int8Array(n),
    read: (v, o) => v.getInt8(o),
    write: (v, o, x) => v.setInt8(o, x),
  },
  {
    code: 0x0b,
    dtype: 'int16',
    bytes: 2,
    make: (n) => new Int16Array(n),
    read: (v, o) => v.getInt16(o),
    write: (v, o, x) => v.setInt16(o, x),
  },
  {
    code: 0x0c,
    dtype: 'int32',
    bytes: 4,
    make: (n) => new Int32Array(n),
    read: (v, o) => v.getInt32(o),
    write: (v, o, x) => v.setInt32(o, x),
  },
  {
    code: 0x0d,
    dtype: 'float32',
    bytes: 4,
    make: (n) => new Float32Array(n),
    read: (v, o) => v.getFloat32(o),
    write: (v, o, x) => v.setFloat32(o, x),
  },
  {
    code: 0x0e,
    dtype: 'float64',
    bytes: 8,
    make: (n) => new Float64Array(n),
    read: (v, o) => v.getFloat64(o),
    write: (v, o, x) => v.setFloat64(o, x),
  },
];

/** Magic number of the MNIST image files: uint8, rank 3. */
const IMAGES_MAGIC = 2051;
/** Magic number of the MNIST label files: uint8, rank 1. */
const LABELS_MAGIC = 2049;

const AGAIN = 'Download the file again or restore it from a copy.';

const hex = (value: number, digits: number) => `0x${value.toString(16).padStart(digits, '0')}`;

/** What the first bytes look like, to say more than "bad magic" about the usual mix-ups. */
function mistakenFor(bytes: Uint8Array): string {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    return 'The file is gzip-compressed: decompress it (gunzip) or give it the ending .gz.';
  }
  if (bytes[0] === 0x3c) {
    return 'The file is a web page (it begins with "<"): the address it came from is wrong.';
  }
  return `The file is not in the IDX format. ${AGAIN}`;
}

/**
 * Decodes a whole IDX file of any element type and rank.
 *
 * @param bytes  The file, already decompressed. A uint8 result is a view of these bytes, not a
 *   copy; the other types are copied, since their byte order changes.
 * @param file   Path or URL, for messages.
 * @throws DataFormatError  Bad magic, unknown type code, cut header, sizes that no file can have,
 *   data cut or too long.
 */
export function decodeIdx(bytes: Uint8Array, file: string): IdxArray {
  if (bytes.length < 4) {
    const problem = `expected a 4-byte magic number, got a file of ${bytes.length} bytes`;
    throw new DataFormatError(file, problem, 0, AGAIN);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint16(0) !== 0) {
    const problem = `expected an IDX magic number (two zero bytes first), got ${hex(view.getUint32(0), 8)}`;
    throw new DataFormatError(file, problem, 0, mistakenFor(bytes));
  }
  const type = TYPES.find(({ code }) => code === bytes[2]);
  if (!type) {
    const known = TYPES.map(({ code, dtype }) => `${hex(code, 2)} (${dtype})`).join(', ');
    const problem = `expected an IDX type code, one of ${known}, got ${hex(bytes[2]!, 2)}`;
    throw new DataFormatError(file, problem, 2, mistakenFor(bytes));
  }
  const rank = bytes[3]!;
  const start = 4 + 4 * rank;
  if (bytes.length < start) {
    const problem = `expected a header of ${start} bytes (rank ${rank}), got a file of ${bytes.length} bytes`;
    throw new DataFormatError(file, problem, bytes.length, AGAIN);
  }
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const size = shape.reduce((product, n) => product * n, 1);
  if (!Number.isSafeInteger(size * type.bytes)) {
    const problem = `expected sizes that a file can hold, got ${formatShape(shape)} of ${type.dtype}`;
    throw new DataFormatError(file, problem, 4, `The header is damaged. ${AGAIN}`);
  }
  const end = start + size * type.bytes;
  if (bytes.length < end) {
    const problem =
      `expected ${end - start} bytes of data for ${formatShape(shape)} of ${type.dtype}, ` +
      `got ${bytes.length - start}`;
    throw new DataFormatError(file, problem, bytes.length, `The file is cut short. ${AGAIN}`);
  }
  if (bytes.length > end) {
    const problem =
      `expected the file to end after ${end} bytes, for ${formatShape(shape)} of ${type.dtype}, ` +
      `got ${bytes.length} bytes`;
    throw new DataFormatError(file, problem, end, `The file or its header is damaged. ${AGAIN}`);
  }
  if (type.dtype === 'uint8') {
    const data = new Uint8Array(bytes.buffer, bytes.byteOffset + start, size);
    return { dtype: 'uint8', shape, data };
  }
  const data = type.make(size);
  for (let i = 0; i < size; i++) data[i] = type.read(view, start + i * type.bytes);
  return { dtype: type.dtype, shape, data };
}

/**
 * Encodes an array as an IDX file, the inverse of {@link decodeIdx}.
 *
 * @throws ShapeError     A rank above 255, or `data` is not as long as `shape` says.
 * @throws ArgumentError  A size that is no integer from 0 to 2^32 - 1, or an unknown dtype.
 */
export function encodeIdx({ dtype, shape, data }: IdxArray): Uint8Array {
  const type = TYPES.find((t) => t.dtype === dtype);
  if (!type) throw new ArgumentError('encodeIdx', 'a dtype of the IDX format', dtype);
  if (shape.length > 255) {
    throw new ShapeError('encodeIdx', 'a rank of at most 255', `rank ${shape.length}`);
  }
  for (const n of shape) {
    if (!Number.isInteger(n) || n < 0 || n > 0xffffffff) {
      throw new ArgumentError('encodeIdx', 'sizes from 0 to 2^32 - 1', formatShape(shape));
    }
  }
  const size = shape.reduce((product, n) => product * n, 1);
  if (data.length !== size) {
    const expected = `${size} elements for ${formatShape(shape)}`;
    throw new ShapeError('encodeIdx', expected, `${data.length} elements`);
  }
  const start = 4 + 4 * shape.length;
  const bytes = new Uint8Array(start + size * type.bytes);
  const view = new DataView(bytes.buffer);
  bytes[2] = type.code;
  bytes[3] = shape.length;
  shape.forEach((n, i) => view.setUint32(4 + 4 * i, n));
  for (let i = 0; i < size; i++) type.write(view, start + i * type.bytes, data[i]!);
  return bytes;
}

/** Refuses a file that is not uint8 of the rank that its role asks for. */
function expectMagic(bytes: Uint8Array, file: string, magic: number, what: string): void {
  if (bytes.length < 4) return; // decodeIdx has the message
  const found = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  if (found === magic) return;
  const swapped =
    found === IMAGES_MAGIC
      ? 'This is an image file: give it as the images.'
      : found === LABELS_MAGIC
        ? 'This is a label file: give it as the labels.'
        : mistakenFor(bytes);
  throw new DataFormatError(
    file,
    `expected magic number ${magic} (${what}), got ${found}`,
    0,
    swapped,
  );
}

/**
 * Decodes an IDX file of grey images: uint8, (count, rows, cols), magic number 2051.
 *
 * @returns The images; `data` is a view of `bytes`.
 * @throws DataFormatError  As {@link decodeIdx}, and for another type or rank.
 */
export function decodeIdxImages(bytes: Uint8Array, file: string): IdxImages {
  expectMagic(bytes, file, IMAGES_MAGIC, 'images: uint8, rank 3');
  const { shape, data } = decodeIdx(bytes, file);
  const [count, rows, cols] = shape as [number, number, number];
  return { count, rows, cols, data: data as Uint8Array };
}

/**
 * Decodes an IDX file of class labels: uint8, (count,), magic number 2049.
 *
 * @param classes  Number of classes; every label must be below it. Default 10.
 * @returns The labels, a view of `bytes`.
 * @throws DataFormatError  As {@link decodeIdx}, for another type or rank, and for a label that is
 *   no class: the offset is that of the first one.
 */
export function decodeIdxLabels(bytes: Uint8Array, file: string, classes = 10): Uint8Array {
  expectMagic(bytes, file, LABELS_MAGIC, 'labels: uint8, rank 1');
  const labels = decodeIdx(bytes, file).data as Uint8Array;
  const bad = labels.findIndex((label) => label >= classes);
  if (bad >= 0) {
    const problem = `expected labels from 0 to ${classes - 1}, got ${labels[bad]} as label ${bad}`;
    throw new DataFormatError(file, problem, 8 + bad, AGAIN);
  }
  return labels;
}

/**
 * Decodes the image file and the label file of one split, and checks that they belong together.
 *
 * @param images   Bytes and name of the image file.
 * @param labels   Bytes and name of the label file.
 * @param classes  Number of classes. Default 10.
 * @throws DataFormatError  As {@link decodeIdxImages} and {@link decodeIdxLabels}, and when one
 *   file has more entries than the other.
 */
export function decodeIdxPair(
  images: { bytes: Uint8Array; file: string },
  labels: { bytes: Uint8Array; file: string },
  classes = 10,
): { images: IdxImages; labels: Uint8Array } {
  const decodedImages = decodeIdxImages(images.bytes, images.file);
  const decodedLabels = decodeIdxLabels(labels.bytes, labels.file, classes);
  if (decodedImages.count !== decodedLabels.length) {
    const problem =
      `expected one label for each of its ${decodedImages.count} images, ` +
      `got ${decodedLabels.length} labels in ${labels.file}`;
    const fix = 'Use the image and the label file of the same split (train or t10k).';
    throw new DataFormatError(images.file, problem, 4, fix);
  }
  return { images: decodedImages, labels: decodedLabels };
}
