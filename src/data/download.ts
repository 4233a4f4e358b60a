/**
 * Downloads that are checked against a SHA-256 and kept, so that a data set comes over the network
 * once: on disk in Node, in Cache Storage in browsers.
 */
import { ArgumentError, DataFormatError, ResourceError, ShadegradError } from '../errors.js';
import { cacheFolders } from '../gpu/nodePackages.js';
import { isNode } from '../gpu/runtime.js';
import {
  isNodeFile,
  joinPath,
  readNodeFile,
  removeNodeFile,
  writeNodeFileAtomic,
} from './nodeFiles.js';

/** How far a download has come. */
export interface DownloadProgress {
  /** The `name` given to {@link fetchVerified}. */
  name: string;
  url: string;
  /** Bytes received so far, as they come over the network (compressed if the file is). */
  received: number;
  /** Bytes in all, if the server says. */
  total: number | undefined;
}

export interface FetchOptions {
  /** Where the file is; the addresses are tried in order. */
  url: string | readonly string[];
  /** SHA-256 of the file, 64 hexadecimal digits; of the decompressed file with `gzip`. */
  sha256: string;
  /** Name of the file in the cache, and in messages; no folders. */
  name: string;
  /** The file is gzip-compressed: decompress it before it is checked and kept. Default false. */
  gzip?: boolean;
  /** Node: folder of the cache. Default `shadegrad` in $XDG_CACHE_HOME or ~/.cache. */
  cacheDir?: string;
  /** Called as bytes arrive; not at all when the file is in the cache. */
  onProgress?: (progress: DownloadProgress) => void;
  /** Give an address up after so many milliseconds without a byte. Default 30000. */
  timeoutMs?: number;
}

/** Downloads under way in this process, by place in the cache. */
const underWay = new Map<
  string,
  { bytes: Promise<Uint8Array>; listeners: Set<(progress: DownloadProgress) => void> }
>();

/**
 * Fetches a file that is known by its SHA-256, from the cache or else from the first address that
 * has it. Calls for the same file while one is under way share its download, and each gets an array
 * of its own. Several processes may fetch at once: the file is renamed into place.
 *
 * A file in the cache that no longer has the checksum is removed and fetched anew. A cache folder
 * that cannot be read or written is an error only if `cacheDir` names it.
 *
 * @returns The whole file, decompressed with `gzip`.
 * @throws DataFormatError  An address answered with another file, and none had the right one;
 *   nothing is kept.
 * @throws ResourceError    No address could be reached; the message lists each with its reason.
 * @throws ArgumentError    A malformed `sha256`, a `name` with folders, or no address.
 */
export async function fetchVerified(options: FetchOptions): Promise<Uint8Array> {
  const { name, sha256, onProgress } = options;
  if (!/^[0-9a-f]{64}$/i.test(sha256)) {
    throw new ArgumentError('fetchVerified', 'sha256 of 64 hexadecimal digits', `'${sha256}'`);
  }
  if (!/^[^/\\]+$/.test(name) || name === '.' || name === '..') {
    throw new ArgumentError('fetchVerified', 'a file name without folders', `'${name}'`);
  }
  const urls = typeof options.url === 'string' ? [options.url] : options.url;
  if (urls.length === 0) throw new ArgumentError('fetchVerified', 'at least one URL', 'none');
  const digest = sha256.toLowerCase();
  const cache = isNode() ? diskCache(digest, options) : browserCache(digest, name);

  const first = underWay.get(cache.key);
  if (first) {
    if (onProgress) first.listeners.add(onProgress);
    return (await first.bytes).slice();
  }
  const listeners = new Set(onProgress ? [onProgress] : []);
  const report = (progress: DownloadProgress) => listeners.forEach((listen) => listen(progress));
  const bytes = fetchThrough(cache, urls, digest, options, report);
  underWay.set(cache.key, { bytes, listeners });
  try {
    return await bytes;
  } finally {
    underWay.delete(cache.key);
  }
}

/** A place for one file. */
interface Cache {
  key: string;
  read(): Promise<Uint8Array | undefined>;
  write(bytes: Uint8Array): Promise<void>;
  remove(): Promise<void>;
}

function diskCache(digest: string, { name, cacheDir }: FetchOptions): Cache {
  // The digest in the name: files of one name and different content live beside each other.
  const file = joinPath(cacheDir ?? cacheFolders()[0]!, `${digest.slice(0, 16)}-${name}`);
  // The cache only saves time: its failures matter where the caller chose the folder.
  const tolerant = <T>(result: Promise<T>) =>
    cacheDir === undefined ? result.catch(() => undefined) : result;
  return {
    key: file,
    read: async () => ((await isNodeFile(file)) ? tolerant(readNodeFile(file)) : undefined),
    write: async (bytes) => tolerant(writeNodeFileAtomic(file, bytes)),
    remove: async () => tolerant(removeNodeFile(file)),
  };
}

function browserCache(digest: string, name: string): Cache {
  // Cache Storage wants an address; this one is reserved and never asked for (RFC 2606).
  const key = `https://shadegrad.invalid/${digest}/${encodeURIComponent(name)}`;
  // It is missing outside secure contexts, throws in some private windows, and has a quota.
  const withCache = async <T>(use: (cache: globalThis.Cache) => Promise<T>) => {
    try {
      return await use(await caches.open('shadegrad'));
    } catch {
      return undefined;
    }
  };
  return {
    key,
    read: () =>
      withCache(async (cache) => {
        const response = await cache.match(key);
        return response && new Uint8Array(await response.arrayBuffer());
      }),
    write: async (bytes) => {
      await withCache((cache) => cache.put(key, new Response(bytes as Uint8Array<ArrayBuffer>)));
    },
    remove: async () => {
      await withCache((cache) => cache.delete(key));
    },
  };
}

async function fetchThrough(
  cache: Cache,
  urls: readonly string[],
  digest: string,
  options: FetchOptions,
  report: (progress: DownloadProgress) => void,
): Promise<Uint8Array> {
  const { name, gzip = false, timeoutMs = 30_000 } = options;
  const kept = await cache.read();
  if (kept) {
    if ((await sha256Hex(kept)) === digest) return kept;
    await cache.remove();
  }

  const failures: { url: string; reason: string; wrongContent: boolean }[] = [];
  for (const url of urls) {
    try {
      let bytes = await download(url, timeoutMs, (received, total) =>
        report({ name, url, received, total }),
      );
      // A server may have said "content-encoding: gzip", and then fetch has decompressed it.
      if (gzip && bytes[0] === 0x1f && bytes[1] === 0x8b) bytes = await gunzip(bytes, url);
      const found = await sha256Hex(bytes);
      if (found !== digest) {
        const reason = `expected SHA-256 ${digest}, got ${found} (${bytes.length} bytes)`;
        failures.push({ url, reason, wrongContent: true });
        continue;
      }
      await cache.write(bytes);
      return bytes;
    } catch (error) {
      if (error instanceof ShadegradError && !(error instanceof DataFormatError)) throw error;
      const wrongContent = error instanceof DataFormatError;
      failures.push({ url, reason: (error as Error).message, wrongContent });
    }
  }

  const list = failures.map(({ url, reason }) => `\n  ${url}: ${reason}`).join('');
  if (failures.some(({ wrongContent }) => wrongContent)) {
    const problem = `expected the file of the checksum, got other content; nothing was kept:${list}\n`;
    const fix =
      'Try again; if it stays, a proxy changes the file: put it in a folder and pass `root`';
    throw new DataFormatError(name, `${problem}${fix}`);
  }
  throw new ResourceError(
    `cannot download ${name}:${list}\n` +
      'Check the network, or put the files in a folder and pass it as `root`.',
  );
}

/** Fetches one address. Throws plain errors, whose messages are the reasons in a list. */
async function download(
  url: string,
  timeoutMs: number,
  report: (received: number, total: number | undefined) => void,
): Promise<Uint8Array> {
  const abort = new AbortController();
  const giveUp = () => abort.abort(new Error(`no answer for ${timeoutMs / 1000} s`));
  let timer = setTimeout(giveUp, timeoutMs);
  try {
    const response = await fetch(url, { signal: abort.signal });
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`HTTP ${response.status} ${response.statusText}`.trimEnd());
    }
    const encoded = response.headers.has('content-encoding');
    const length = Number(response.headers.get('content-length') ?? NaN);
    const total = encoded || Number.isNaN(length) ? undefined : length;
    const chunks: Uint8Array[] = [];
    let received = 0;
    const reader = response.body?.getReader();
    for (let part = await reader?.read(); part && !part.done; part = await reader!.read()) {
      clearTimeout(timer);
      timer = setTimeout(giveUp, timeoutMs);
      chunks.push(part.value);
      received += part.value.length;
      report(received, total);
    }
    if (total !== undefined && received !== total) {
      throw new Error(`the connection ended after ${received} of ${total} bytes`);
    }
    return concatenate(chunks, received);
  } catch (error) {
    if (abort.signal.aborted) throw abort.signal.reason;
    // "fetch failed" hides what failed: the cause has it (refused, not found, reset).
    const { message, cause } = error as Error;
    const detail = (cause as Error | undefined)?.message;
    throw new Error(detail ? `${message} (${detail})` : message, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

function concatenate(chunks: Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}

/**
 * Decompresses gzip data (RFC 1952).
 *
 * @param file  Path or URL, for messages.
 * @throws DataFormatError  The data is damaged, cut short or not gzip.
 */
export async function gunzip(bytes: Uint8Array, file: string): Promise<Uint8Array> {
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new DecompressionStream('gzip'));
  try {
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch (cause) {
    const found = (cause as Error).message;
    const problem = `expected ${bytes.length} bytes of gzip data, got damaged data (${found})`;
    const fix = 'Download the file again, or restore it from a copy.';
    throw new DataFormatError(file, problem, undefined, fix);
  }
}

/**
 * The SHA-256 of bytes, as 64 lower-case hexadecimal digits.
 *
 * @throws ResourceError  A page that is neither https nor localhost: browsers keep WebCrypto from it.
 */
export async function sha256Hex(bytes: Uint8Array): Promise<string> {
  if (!globalThis.crypto?.subtle) {
    throw new ResourceError(
      'cannot check a SHA-256: WebCrypto is missing. Open the page over https or from localhost.',
    );
  }
  const digest = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
