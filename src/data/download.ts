/**
 * Downloads that are checked against a SHA-256 and kept, so that a data set comes over the network
 * once: on disk in Node, in Cache Storage in browsers.
 */
import { ArgumentError, DataFormatError, ResourceError, ShadegradError } from '../errors.js';
import { isNode } from '../gpu/runtime.js';
import { concatenate } from './bytes.js';
import { downloadCache, type DownloadCache } from './downloadCache.js';
import { gunzip } from './gzip.js';

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
 * A connection that breaks is taken up where it broke, if the server can, and so is a download that
 * an earlier call, process or page left unfinished. A file in the cache that no longer has the
 * checksum is removed and fetched anew. A cache folder that cannot be read or written is an error only
 * if `cacheDir` names it.
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
  const cache = downloadCache(digest, name, options.cacheDir);

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

/** Bytes from which a part is worth keeping. */
const PART = 2 ** 20;
/** Bytes after which a part is kept while more arrive, in case the process or page ends. */
const KEEP_EVERY = 4 * PART;
/** How often a download from one address is taken up again. */
const RESUMES = 3;

async function fetchThrough(
  cache: DownloadCache,
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
  const part = new Part(cache, await cache.readPart());
  const left = urls.map((url) => ({ url, resumes: RESUMES }));
  for (let next = left.shift(); next; next = left.shift()) {
    const { url, resumes } = next;
    try {
      const tell: Report = (received, total) => report({ name, url, received, total });
      let bytes = await downloadWithResumes(url, resumes, timeoutMs, part, tell);
      // A server may have said "content-encoding: gzip", and then fetch has decompressed it.
      if (gzip && bytes[0] === 0x1f && bytes[1] === 0x8b) bytes = await gunzip(bytes, url);
      const found = await sha256Hex(bytes);
      if (found !== digest) {
        throw new DataFormatError(
          url,
          `expected SHA-256 ${digest}, got ${found} (${bytes.length} bytes)`,
        );
      }
      await part.clear();
      await cache.write(bytes);
      return bytes;
    } catch (error) {
      if (error instanceof ShadegradError && !(error instanceof DataFormatError)) throw error;
      const wrongContent = error instanceof DataFormatError;
      const { joined } = part;
      if (wrongContent) await part.clear();
      // The beginning may have been of another file: once more, in one piece.
      if (wrongContent && joined) left.unshift({ url, resumes: 0 });
      else {
        const reason = (error as Error).message.replace(`${url}: `, '');
        failures.push({ url, reason, wrongContent });
      }
    }
  }
  await part.keep();

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

/** What came of a file so far, over one connection or several. */
class Part {
  private chunks: Uint8Array[] = [];
  private kept = 0; // of the chunks
  private keptBytes = 0;
  received = 0;
  /** Whether the server can go on in the middle. */
  resumable = true;
  /** Whether it is of several connections. */
  joined = false;

  constructor(
    private readonly cache: DownloadCache,
    before: Uint8Array | undefined,
  ) {
    if (!before) return;
    this.chunks = [before];
    this.kept = 1;
    this.received = this.keptBytes = before.length;
  }

  async add(chunk: Uint8Array): Promise<void> {
    this.chunks.push(chunk);
    this.received += chunk.length;
    if (this.received - this.keptBytes >= KEEP_EVERY) await this.keep();
  }

  /** For another download, if it is worth it. */
  async keep(): Promise<void> {
    if (!this.resumable || this.received < PART || this.received === this.keptBytes) return;
    await this.cache.keepPart(this.keptBytes, concatenate(this.chunks.slice(this.kept)));
    this.kept = this.chunks.length;
    this.keptBytes = this.received;
  }

  /** Starts from nothing. */
  async clear(): Promise<void> {
    if (this.kept > 0) await this.cache.removePart();
    this.chunks = [];
    this.kept = this.keptBytes = this.received = 0;
    this.joined = false;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return concatenate(this.chunks);
  }
}

type Report = (received: number, total: number | undefined) => void;

/** Fetches one address, and goes on where a connection broke. Throws as {@link download}. */
async function downloadWithResumes(
  url: string,
  resumes: number,
  timeoutMs: number,
  part: Part,
  report: Report,
): Promise<Uint8Array> {
  for (let tries = 0; ; tries++) {
    const before = part.received;
    try {
      await download(url, timeoutMs, part, report);
      return part.bytes();
    } catch (error) {
      if (!part.resumable) await part.clear();
      if (part.received <= before || !part.resumable || tries === resumes) throw error;
    }
  }
}

/** Adds to `part` what is missing. Throws plain errors, whose messages are the reasons in a list. */
async function download(url: string, timeoutMs: number, part: Part, report: Report): Promise<void> {
  const abort = new AbortController();
  const giveUp = () => abort.abort(new Error(`no answer for ${timeoutMs / 1000} s`));
  let timer = setTimeout(giveUp, timeoutMs);
  try {
    const { received: before } = part;
    let response = await ask(url, before, abort.signal);
    // Another origin may keep these headers from the page; what is joined wrongly fails the checksum.
    const isHidden = (name: string): boolean =>
      response.type === 'cors' && !response.headers.has(name);
    const continues = response.headers.get('content-range')?.startsWith(`bytes ${before}-`);
    if (
      response.status === 416 ||
      (response.status === 206 && !continues && !isHidden('content-range'))
    ) {
      // It has less than was kept: then all of it.
      await response.body?.cancel();
      await part.clear();
      response = await ask(url, 0, abort.signal);
    } else if (response.status === 200) await part.clear();
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`HTTP ${response.status} ${response.statusText}`.trimEnd());
    }
    part.joined = part.received > 0;
    const encoded = response.headers.has('content-encoding');
    const accepts =
      response.status === 206 ||
      response.headers.get('accept-ranges') === 'bytes' ||
      isHidden('accept-ranges');
    part.resumable = accepts && !encoded;
    const length = Number(response.headers.get('content-length') ?? NaN);
    const total = encoded || Number.isNaN(length) ? undefined : part.received + length;
    const reader = response.body?.getReader();
    for (let next = await reader?.read(); next && !next.done; next = await reader!.read()) {
      clearTimeout(timer);
      timer = setTimeout(giveUp, timeoutMs);
      await part.add(next.value);
      const isMore = total !== undefined && part.received > total; // it came compressed
      report(part.received, isMore ? undefined : total);
    }
    if (total !== undefined && part.received !== total && !isHidden('content-encoding')) {
      throw new Error(`the connection ended after ${part.received} of ${total} bytes`);
    }
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

/** Asks for what comes after `from`. */
async function ask(url: string, from: number, signal: AbortSignal): Promise<Response> {
  if (from === 0) return fetch(url, { signal });
  try {
    return await fetch(url, { signal, headers: { range: `bytes=${from}-` } });
  } catch (error) {
    if (isNode() || signal.aborted) throw error;
    return fetch(url, { signal }); // another origin may forbid the header
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
