import { DataFormatError } from '../errors.js';
import { concatenate } from './bytes.js';

/**
 * Decompresses gzip data (RFC 1952).
 *
 * @param file  Path or URL, for messages.
 * @throws DataFormatError  The data is damaged, cut short or not gzip; with how far it was whole.
 */
export async function gunzip(bytes: Uint8Array, file: string): Promise<Uint8Array> {
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new DecompressionStream('gzip'));
  const chunks: Uint8Array[] = [];
  try {
    const reader = stream.getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      chunks.push(next.value);
    }
  } catch (cause) {
    const whole = chunks.reduce((sum, { length }) => sum + length, 0);
    const found = `damaged data after ${whole} decompressed bytes (${(cause as Error).message})`;
    const problem = `expected ${bytes.length} bytes of gzip data, got ${found}`;
    const fix = 'Download the file again, or restore it from a copy.';
    throw new DataFormatError(file, problem, undefined, fix);
  }
  return concatenate(chunks);
}
