import { cacheFolders } from '../gpu/nodePackages.js';
import { isNode } from '../gpu/runtime.js';
import { concatenate } from './bytes.js';
import {
  appendNodeFile,
  isNodeFile,
  joinPath,
  readNodeFile,
  removeNodeFile,
  writeNodeFileAtomic,
} from './nodeFiles.js';

/** A place for one file, and beside it for the beginning of one that was cut off. */
export interface DownloadCache {
  key: string;
  read(): Promise<Uint8Array | undefined>;
  write(bytes: Uint8Array): Promise<void>;
  remove(): Promise<void>;
  readPart(): Promise<Uint8Array | undefined>;
  /** Keeps more of the part, of which `kept` bytes are there. */
  keepPart(kept: number, fresh: Uint8Array): Promise<void>;
  removePart(): Promise<void>;
}

/**
 * Where a download is kept: on disk in Node, in Cache Storage in browsers.
 *
 * @param digest    Its SHA-256: files of one name and different content live beside each other.
 * @param cacheDir  The folder in Node; failures there are errors only if it is given.
 */
export function downloadCache(
  digest: string,
  name: string,
  cacheDir: string | undefined,
): DownloadCache {
  return isNode() ? diskCache(digest, name, cacheDir) : browserCache(digest, name);
}

function diskCache(digest: string, name: string, cacheDir: string | undefined): DownloadCache {
  const file = joinPath(cacheDir ?? cacheFolders()[0]!, `${digest.slice(0, 16)}-${name}`);
  const part = `${file}.part`;
  // The cache only saves time: its failures matter where the caller chose the folder.
  const tolerant = <T>(result: Promise<T>) =>
    cacheDir === undefined ? result.catch(() => undefined) : result;
  return {
    key: file,
    read: async () => ((await isNodeFile(file)) ? tolerant(readNodeFile(file)) : undefined),
    write: async (bytes) => tolerant(writeNodeFileAtomic(file, bytes)),
    remove: async () => tolerant(removeNodeFile(file)),
    readPart: async () => ((await isNodeFile(part)) ? tolerant(readNodeFile(part)) : undefined),
    keepPart: async (_, fresh) => tolerant(appendNodeFile(part, fresh)),
    removePart: async () => tolerant(removeNodeFile(part)),
  };
}

function browserCache(digest: string, name: string): DownloadCache {
  // Cache Storage wants an address; this one is reserved and never asked for (RFC 2606).
  const key = `https://shadegrad.invalid/${digest}/${encodeURIComponent(name)}`;
  // Entries are written whole: a part is several, each named by where it starts.
  const part = `${key}.part.`;
  return {
    key,
    read: () => withCache((cache) => readEntry(cache, key)),
    write: (bytes) => withCache((cache) => writeEntry(cache, key, bytes)),
    remove: async () => {
      await withCache((cache) => cache.delete(key));
    },
    readPart: () =>
      withCache(async (cache) => {
        const pieces: Uint8Array[] = [];
        let next = await readEntry(cache, `${part}0`);
        for (let at = 0; next && next.length > 0; next = await readEntry(cache, `${part}${at}`)) {
          pieces.push(next);
          at += next.length;
        }
        return pieces.length > 0 ? concatenate(pieces) : undefined;
      }),
    keepPart: (kept, fresh) => withCache((cache) => writeEntry(cache, `${part}${kept}`, fresh)),
    removePart: () =>
      withCache(async (cache) => {
        const pieces = (await cache.keys()).filter(({ url }) => url.startsWith(part));
        await Promise.all(pieces.map((piece) => cache.delete(piece)));
      }),
  };
}

/** Cache Storage is missing outside secure contexts, throws in some private windows, and has a quota. */
async function withCache<T>(use: (cache: Cache) => Promise<T>): Promise<T | undefined> {
  try {
    return await use(await caches.open('shadegrad'));
  } catch {
    return undefined;
  }
}

async function readEntry(cache: Cache, key: string): Promise<Uint8Array | undefined> {
  const response = await cache.match(key);
  return response && new Uint8Array(await response.arrayBuffer());
}

async function writeEntry(cache: Cache, key: string, bytes: Uint8Array): Promise<void> {
  await cache.put(key, new Response(bytes as Uint8Array<ArrayBuffer>));
}
