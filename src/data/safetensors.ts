/**
 * The safetensors format: an 8-byte little-endian header length, a JSON header padded with spaces
 * to a multiple of 8, then the tensors' bytes, little-endian and row-major, without holes.
 *
 *   { "__metadata__": { "format": "pt" },
 *     "fc.weight": { "dtype": "F32", "shape": [10, 84], "data_offsets": [0, 3360] } }
 *
 * Format: https://github.com/huggingface/safetensors#format. The writer gives the bytes that the
 * reference writer (safetensors 0.8) gives, with the metadata keys sorted.
 */
import { fromHalf, halfOf } from '../gpu/half.js';
import { ArgumentError, DataFormatError, DTypeError, formatShape, ShapeError } from '../errors.js';

/** Element types of the codec's plain tensors, each with one typed array. */
export type RawDType = 'f64' | 'f32' | 'i32' | 'u32' | 'i16' | 'u16' | 'i8' | 'u8' | 'bool';

/** Element types inside a safetensors file. */
export type StoredDType =
  | 'U64'
  | 'I64'
  | 'F64'
  | 'F32'
  | 'U32'
  | 'I32'
  | 'BF16'
  | 'F16'
  | 'U16'
  | 'I16'
  | 'I8'
  | 'U8'
  | 'BOOL';

/** The typed arrays of {@link RawTensor}; `bool` is a Uint8Array of 0 and 1. */
export type RawData =
  | Float64Array
  | Float32Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

/**
 * A tensor as plain memory: `data` is row-major and has the product of `shape` elements, one for
 * a scalar (shape `[]`).
 *
 * `storedAs` is the type in the file. The reader always sets it; the writer takes it to write
 * f32 as F16, BF16 or F64, i32 as I64 and u32 as U64, and without it stores `dtype` as it is.
 */
export interface RawTensor {
  dtype: RawDType;
  shape: number[];
  data: RawData;
  storedAs?: StoredDType;
}

type ArrayOf = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => RawData;

/** The array that holds each dtype, and the stored types it may be written as, its own first. */
const RAW: Record<RawDType, { array: ArrayOf; storable: readonly StoredDType[] }> = {
  f64: { array: Float64Array, storable: ['F64'] },
  f32: { array: Float32Array, storable: ['F32', 'F16', 'BF16', 'F64'] },
  i32: { array: Int32Array, storable: ['I32', 'I64'] },
  u32: { array: Uint32Array, storable: ['U32', 'U64'] },
  i16: { array: Int16Array, storable: ['I16'] },
  u16: { array: Uint16Array, storable: ['U16'] },
  i8: { array: Int8Array, storable: ['I8'] },
  u8: { array: Uint8Array, storable: ['U8'] },
  bool: { array: Uint8Array, storable: ['BOOL'] },
};

/** Bytes of an element, and the dtype it is read as. The order is that of the reference writer. */
const STORED: Record<StoredDType, { bytes: number; read: RawDType }> = {
  U64: { bytes: 8, read: 'u32' },
  I64: { bytes: 8, read: 'i32' },
  F64: { bytes: 8, read: 'f32' },
  F32: { bytes: 4, read: 'f32' },
  U32: { bytes: 4, read: 'u32' },
  I32: { bytes: 4, read: 'i32' },
  BF16: { bytes: 2, read: 'f32' },
  F16: { bytes: 2, read: 'f32' },
  U16: { bytes: 2, read: 'u16' },
  I16: { bytes: 2, read: 'i16' },
  I8: { bytes: 1, read: 'i8' },
  U8: { bytes: 1, read: 'u8' },
  BOOL: { bytes: 1, read: 'bool' },
};
const WRITE_ORDER = Object.keys(STORED);

/** Longest header that the format allows, in bytes. */
const MAX_HEADER = 100_000_000;
const METADATA = '__metadata__';

const AGAIN = 'Save the weights again, or download the file again.';

/**
 * Encodes named tensors as a safetensors file.
 *
 * Tensors are ordered by the size of their type, then by name, as the reference writer does, and
 * metadata by key, so the same tensors give the same bytes.
 *
 * @param tensors   Name to tensor. The name `__metadata__` is reserved.
 * @param metadata  Free text by key. Default: none written.
 * @throws ShapeError     `data` is not as long as `shape` says, or `shape` is no list of integers.
 * @throws DTypeError     `data` is not the array of `dtype`, or `dtype` cannot be stored as
 *   `storedAs`.
 * @throws ArgumentError  A reserved or malformed name, metadata that is no string, a finite value
 *   that overflows F16 or BF16, or a header over 100 MB.
 */
export function encodeSafetensors(
  tensors: Record<string, RawTensor>,
  metadata: Record<string, string> = {},
): Uint8Array {
  const entries = Object.entries(tensors).map(([name, tensor]) => {
    return { name, tensor, stored: checkTensor(name, tensor) };
  });
  entries.sort(
    (a, b) =>
      WRITE_ORDER.indexOf(a.stored) - WRITE_ORDER.indexOf(b.stored) ||
      compareCodePoints(a.name, b.name),
  );

  // Written by hand: an object would move names such as "0" to the front.
  const fields: string[] = [];
  const meta = checkMetadata(metadata);
  if (meta.length > 0) {
    const pairs = meta.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
    fields.push(`"${METADATA}":{${pairs.join(',')}}`);
  }
  let size = 0;
  const starts: number[] = [];
  for (const { name, tensor, stored } of entries) {
    starts.push(size);
    const end = size + tensor.data.length * STORED[stored].bytes;
    const info = `"dtype":"${stored}","shape":[${tensor.shape.join(',')}],"data_offsets":[${size},${end}]`;
    fields.push(`${JSON.stringify(name)}:{${info}}`);
    size = end;
  }

  const json = new TextEncoder().encode(`{${fields.join(',')}}`);
  const headerLength = Math.ceil(json.length / 8) * 8;
  if (headerLength > MAX_HEADER) {
    const expected = `a header of at most ${MAX_HEADER} bytes`;
    throw new ArgumentError('encodeSafetensors', expected, `${headerLength} bytes`);
  }
  const bytes = new Uint8Array(8 + headerLength + size);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true);
  bytes.fill(0x20, 8, 8 + headerLength).set(json, 8);
  entries.forEach(({ name, tensor, stored }, i) => {
    const start = 8 + headerLength + starts[i]!;
    const end = start + tensor.data.length * STORED[stored].bytes;
    writeElements(name, tensor, stored, bytes.subarray(start, end));
  });
  return bytes;
}

/** Refuses a tensor that is inconsistent in itself; returns the type to store it as. */
function checkTensor(name: string, { dtype, shape, data, storedAs }: RawTensor): StoredDType {
  const op = 'encodeSafetensors';
  if (name === METADATA) {
    const fix = 'Rename the tensor; give free text as the second argument.';
    throw new ArgumentError(op, `tensor names other than the reserved ${METADATA}`, name, fix);
  }
  if (hasLoneSurrogate(name)) {
    throw new ArgumentError(op, 'tensor names of well-formed Unicode', JSON.stringify(name));
  }
  const raw = RAW[dtype] as (typeof RAW)[RawDType] | undefined;
  if (!raw) {
    const known = Object.keys(RAW).join(', ');
    throw new DTypeError(op, `tensor '${name}' of dtype ${known}`, dtype);
  }
  if (!(data instanceof raw.array)) {
    const got = (data as object | undefined)?.constructor?.name ?? String(data);
    throw new DTypeError(op, `data of tensor '${name}' (${dtype}) in a ${raw.array.name}`, got);
  }
  const stored = storedAs ?? raw.storable[0]!;
  if (!raw.storable.includes(stored)) {
    const expected = `tensor '${name}' (${dtype}) stored as ${raw.storable.join(', ')}`;
    throw new DTypeError(op, expected, stored, 'Convert the tensor first, or leave out storedAs.');
  }
  if (!shape.every((n) => Number.isSafeInteger(n) && n >= 0)) {
    throw new ShapeError(op, `sizes of tensor '${name}' to be integers from 0`, shape);
  }
  const size = shape.reduce((product, n) => product * n, 1);
  if (data.length !== size) {
    const expected = `${size} elements in tensor '${name}' of shape ${formatShape(shape)}`;
    throw new ShapeError(op, expected, `${data.length}`);
  }
  return stored;
}

function checkMetadata(metadata: Record<string, string>): [string, string][] {
  const entries = Object.entries(metadata);
  for (const [key, value] of entries) {
    if (typeof value !== 'string') {
      const fix = 'Turn it into text, for instance with JSON.stringify.';
      const expected = `metadata '${key}' to be a string`;
      throw new ArgumentError('encodeSafetensors', expected, typeof value, fix);
    }
    if (hasLoneSurrogate(key) || hasLoneSurrogate(value)) {
      const expected = 'metadata of well-formed Unicode';
      throw new ArgumentError('encodeSafetensors', expected, JSON.stringify({ [key]: value }));
    }
  }
  return entries.sort(([a], [b]) => compareCodePoints(a, b));
}

const hasLoneSurrogate = (text: string) => /\p{Surrogate}/u.test(text);

/** The order of Unicode code points, which is that of the UTF-8 bytes. */
function compareCodePoints(a: string, b: string): number {
  const x = Array.from(a, (char) => char.codePointAt(0)!);
  const y = Array.from(b, (char) => char.codePointAt(0)!);
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    if (x[i] !== y[i]) return x[i]! - y[i]!;
  }
  return x.length - y.length;
}

/** Writes the elements into `target`, which has exactly their bytes. */
function writeElements(name: string, tensor: RawTensor, stored: StoredDType, target: Uint8Array) {
  const { data } = tensor;
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  if (stored === 'I64' || stored === 'U64') {
    data.forEach((value: number, i: number) => view.setBigInt64(8 * i, BigInt(value), true));
  } else if (stored === 'F64' && tensor.dtype === 'f32') {
    data.forEach((value: number, i: number) => view.setFloat64(8 * i, value, true));
  } else if (stored === 'F16' || stored === 'BF16') {
    const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
    const [convert, infinity] = stored === 'F16' ? [halfOf, 0x7c00] : [toBfloat16, 0x7f80];
    bits.forEach((word, i) => {
      const half = convert(word);
      if ((half & 0x7fff) === infinity && Number.isFinite(data[i])) {
        const expected = `values of tensor '${name}' within the range of ${stored}`;
        const fix = 'Store it as F32.';
        throw new ArgumentError('encodeSafetensors', expected, `${data[i]} at index ${i}`, fix);
      }
      view.setUint16(2 * i, half, true);
    });
  } else {
    // WebGPU, like every engine that has it, is little-endian: memory is already in file order.
    target.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
}

/** One tensor of the header, checked in itself. */
interface Entry {
  name: string;
  stored: StoredDType;
  shape: number[];
  start: number;
  end: number;
}

/**
 * Decodes a safetensors file.
 *
 * F16 and BF16 are widened to f32 and F64 is narrowed to f32; I64 becomes i32 and U64 u32; the
 * other types stay as they are. `storedAs` keeps the type of the file.
 *
 * @param bytes  The whole file. Where no conversion is needed and the file is aligned, the arrays
 *   returned are views of these bytes.
 * @param file   Path or URL, for messages. Default 'safetensors'.
 * @returns Tensors by name, in the order of their bytes, and the metadata, `{}` if there is none.
 * @throws DataFormatError  A header that is cut, over 100 MB, no JSON object, has a name twice or
 *   contradicts the file (offsets out of range, overlapping, with holes, of another size than
 *   dtype and shape), an unknown dtype, or an I64, U64 or F64 value beyond the range it is read in.
 */
export function decodeSafetensors(
  bytes: Uint8Array,
  file = 'safetensors',
): { tensors: Record<string, RawTensor>; metadata: Record<string, string> } {
  const { header, text, dataStart } = readHeader(bytes, file);
  checkDuplicates(text, file);
  const metadata = readMetadata(header[METADATA], file);
  const entries = Object.entries(header)
    .filter(([name]) => name !== METADATA)
    .map(([name, info]) => readEntry(name, info, dataStart, bytes.length - dataStart, file));
  entries.sort((a, b) => a.start - b.start || a.end - b.end);
  checkContiguous(entries, dataStart, bytes.length - dataStart, file);
  const tensors = entries.map((entry): [string, RawTensor] => [
    entry.name,
    readElements(entry, bytes, dataStart, file),
  ]);
  // fromEntries defines the keys, so a tensor called "__proto__" is only a tensor.
  return { tensors: Object.fromEntries(tensors), metadata };
}

function readHeader(bytes: Uint8Array, file: string) {
  if (bytes.length < 8) {
    const problem = `expected an 8-byte header length, got a file of ${bytes.length} bytes`;
    throw new DataFormatError(file, problem, 0, AGAIN);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getBigUint64(0, true);
  const notSafetensors = `The file is not in the safetensors format, or it is damaged. ${AGAIN}`;
  if (length > BigInt(MAX_HEADER)) {
    const problem = `expected a header of at most ${MAX_HEADER} bytes, got a length of ${length}`;
    throw new DataFormatError(file, problem, 0, notSafetensors);
  }
  const dataStart = 8 + Number(length);
  if (dataStart > bytes.length) {
    const problem =
      `expected a header within the file's ${bytes.length} bytes, ` +
      `got a header length of ${length}`;
    throw new DataFormatError(file, problem, 0, `The file is cut short, or damaged. ${AGAIN}`);
  }
  let text: string;
  let header: unknown;
  try {
    const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    text = utf8.decode(bytes.subarray(8, dataStart));
  } catch {
    throw new DataFormatError(file, 'expected a header in UTF-8', 8, notSafetensors);
  }
  try {
    header = JSON.parse(text);
  } catch (cause) {
    const problem = `expected a header in JSON, got ${(cause as Error).message}`;
    throw new DataFormatError(file, problem, 8, notSafetensors);
  }
  if (!isObject(header)) {
    const problem = `expected the header to be a JSON object, got ${show(header)}`;
    throw new DataFormatError(file, problem, 8, notSafetensors);
  }
  return { header, text, dataStart };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A JSON value for a message, cut to a readable length. */
function show(value: unknown): string {
  let text: string;
  try {
    text = JSON.stringify(value) ?? 'nothing';
  } catch {
    text = 'a value nested too deeply to print';
  }
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/**
 * Refuses a key that occurs twice in one object, which JSON.parse resolves silently: two readers
 * could see two tensors in the same file. `text` is known to be valid JSON.
 */
function checkDuplicates(text: string, file: string): void {
  const open: Set<string>[] = []; // keys of each open object; arrays have a set that stays empty
  // A loop, not a regular expression, which overflows the stack on a string of some megabytes.
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === '{' || char === '[') open.push(new Set());
    else if (char === '}' || char === ']') open.pop();
    else if (char === '"') {
      const start = i++;
      while (text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
      let next = i + 1;
      while (' \t\r\n'.includes(text[next]!)) next++; // a key is followed by a colon
      if (text[next] !== ':') continue;
      const key = JSON.parse(text.slice(start, i + 1)) as string;
      const keys = open.at(-1)!;
      if (keys.has(key)) {
        const offset = 8 + new TextEncoder().encode(text.slice(0, start)).length;
        const problem = `expected each key of the header once, got '${key}' twice`;
        throw new DataFormatError(file, problem, offset, AGAIN);
      }
      keys.add(key);
    }
  }
}

function readMetadata(value: unknown, file: string): Record<string, string> {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) {
    const problem = `expected ${METADATA} to be an object of strings, got ${show(value)}`;
    throw new DataFormatError(file, problem, 8, AGAIN);
  }
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') {
      const problem = `expected ${METADATA} '${key}' to be a string, got ${show(text)}`;
      throw new DataFormatError(file, problem, 8, AGAIN);
    }
  }
  return value as Record<string, string>;
}

const isSize = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;

function readEntry(
  name: string,
  info: unknown,
  dataStart: number,
  dataLength: number,
  file: string,
): Entry {
  const refuse = (problem: string, offset = 8): never => {
    throw new DataFormatError(file, `tensor '${name}': ${problem}`, offset, AGAIN);
  };
  if (!isObject(info)) {
    return refuse(`expected an object with dtype, shape and data_offsets, got ${show(info)}`);
  }
  const { dtype, shape, data_offsets: offsets } = info;
  if (typeof dtype !== 'string' || !WRITE_ORDER.includes(dtype)) {
    return refuse(`expected a dtype of ${WRITE_ORDER.join(', ')}, got ${show(dtype)}`);
  }
  if (!Array.isArray(shape) || !shape.every(isSize)) {
    return refuse(`expected a shape of integers from 0, got ${show(shape)}`);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) {
    return refuse(`expected data_offsets [start, end], got ${show(offsets)}`);
  }
  const [start, end] = offsets as [number, number];
  if (start > end || end > dataLength) {
    return refuse(
      `expected data_offsets in order and within the ${dataLength} bytes of data, ` +
        `got [${start}, ${end}]`,
      dataStart + Math.min(start, dataLength),
    );
  }
  const stored = dtype as StoredDType;
  const size = shape.reduce((product, n) => product * n, STORED[stored].bytes);
  if (end - start !== size) {
    return refuse(
      `expected ${size} bytes for ${formatShape(shape)} of ${dtype}, got ${end - start}`,
      dataStart + start,
    );
  }
  return { name, stored, shape, start, end };
}

/** The tensors, sorted by offset, must cover the data exactly. */
function checkContiguous(entries: Entry[], dataStart: number, length: number, file: string): void {
  let covered = 0;
  let before = '';
  for (const { name, start, end } of entries) {
    if (start !== covered) {
      const what =
        start < covered
          ? `got an overlap with '${before}'`
          : `got a hole of ${start - covered} bytes`;
      const problem = `tensor '${name}': expected its data to begin at offset ${covered}, ${what}`;
      throw new DataFormatError(file, problem, dataStart + Math.min(start, covered), AGAIN);
    }
    covered = end;
    before = name;
  }
  if (covered !== length) {
    const problem =
      `expected the tensors to cover all ${length} bytes of data, ` +
      `got ${length - covered} bytes that belong to none`;
    throw new DataFormatError(file, problem, dataStart + covered, AGAIN);
  }
}

function readElements(
  { name, stored, shape, start, end }: Entry,
  bytes: Uint8Array,
  dataStart: number,
  file: string,
): RawTensor {
  const { bytes: elementBytes, read: dtype } = STORED[stored];
  const length = (end - start) / elementBytes;
  const offset = dataStart + start;
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, end - start);
  const refuse = (i: number, expected: string, got: number | bigint): never => {
    const problem = `tensor '${name}': expected ${expected}, got ${got} at index ${i}`;
    throw new DataFormatError(file, problem, offset + i * elementBytes);
  };
  const record = (data: RawData): RawTensor => ({ dtype, shape, data, storedAs: stored });

  if (stored === 'F16' || stored === 'BF16') {
    const bits = new Uint32Array(length);
    const convert = stored === 'F16' ? fromHalf : (half: number) => half << 16;
    for (let i = 0; i < length; i++) bits[i] = convert(view.getUint16(2 * i, true));
    return record(new Float32Array(bits.buffer));
  }
  if (stored === 'F64') {
    const data = new Float32Array(length);
    for (let i = 0; i < length; i++) {
      const value = view.getFloat64(8 * i, true);
      data[i] = value;
      if (!Number.isFinite(data[i]) && Number.isFinite(value)) {
        refuse(i, 'F64 values within the range of f32', value);
      }
    }
    return record(data);
  }
  if (stored === 'I64' || stored === 'U64') {
    const data = stored === 'I64' ? new Int32Array(length) : new Uint32Array(length);
    for (let i = 0; i < length; i++) {
      const value =
        stored === 'I64' ? view.getBigInt64(8 * i, true) : view.getBigUint64(8 * i, true);
      data[i] = Number(value);
      if (BigInt(data[i]!) !== value) {
        refuse(i, `${stored} values within the range of ${dtype}`, value);
      }
    }
    return record(data);
  }
  if (stored === 'BOOL') {
    const bad = bytes.subarray(offset, dataStart + end).findIndex((value) => value > 1);
    if (bad >= 0) refuse(bad, 'BOOL values 0 or 1', bytes[offset + bad]!);
  }
  const from = bytes.byteOffset + offset;
  if (from % elementBytes === 0) return record(new RAW[dtype].array(bytes.buffer, from, length));
  const copy = new Uint8Array(end - start); // not slice(), which is a view on Node's Buffer
  copy.set(bytes.subarray(offset, dataStart + end));
  return record(new RAW[dtype].array(copy.buffer, 0, length));
}

/** The BF16 nearest to the f32 of these bits, ties to even. */
function toBfloat16(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40; // NaN stays NaN
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}
