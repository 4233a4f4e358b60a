/**
 * Whole files by path, in Node, or by URL, in browsers: the same calls for both, so that code
 * above this module need not know where it runs.
 */
import { ResourceError } from '../errors.js';
import { isNode } from '../gpu/runtime.js';
import { isNodeFile, readNodeFile, writeNodeFileAtomic } from './nodeFiles.js';

/**
 * Reads a whole file.
 *
 * @param path  In Node a path; in browsers a URL, relative to the page or absolute.
 * @throws ResourceError  It is missing or cannot be read; the message says which and the fix.
 */
export async function readFile(path: string): Promise<Uint8Array> {
  if (isNode()) return readNodeFile(path);
  const response = await fetch(path).catch((cause: unknown) => {
    const fix = 'Check the address, and that its server allows requests from this page (CORS).';
    throw new ResourceError(`cannot read ${path}: ${(cause as Error).message}. ${fix}`, { cause });
  });
  if (!response.ok) {
    throw new ResourceError(`cannot read ${path}: HTTP ${response.status}. Check the address.`);
  }
  return new Uint8Array(await response.arrayBuffer());
}

/**
 * Whether {@link readFile} would find a file. In browsers this asks the server for the headers;
 * a web page in answer counts as missing, since servers of single-page apps send one for any
 * address.
 */
export async function fileExists(path: string): Promise<boolean> {
  if (isNode()) return isNodeFile(path);
  const response = await fetch(path, { method: 'HEAD' }).catch(() => undefined);
  const type = response?.headers.get('content-type') ?? '';
  return !!response?.ok && !type.startsWith('text/html');
}

/**
 * Writes a file whole or not at all: through a temporary file in the same folder, flushed and
 * renamed. Creates missing folders. Node only.
 *
 * @param path  Where to write; an existing file is replaced.
 * @param data  Bytes, or text to store as UTF-8.
 * @throws ResourceError  It cannot be written, and then the old file is untouched and no temporary
 *   file is left; or this is a browser.
 */
export async function writeFileAtomic(path: string, data: Uint8Array | string): Promise<void> {
  if (isNode()) return writeNodeFileAtomic(path, data);
  throw new ResourceError(
    `cannot write ${path}: browsers have no file system. ` +
      'Offer the bytes as a download (a Blob and a link), or store them in IndexedDB.',
  );
}
