/**
 * Finds the files of a data set: in a folder, in an npm package or on the network, single or packed
 * in one archive. One description for each data set says what they are.
 */
import type { ParsedTarFileItem } from 'nanotar';
import { DataFormatError, ResourceError } from '../errors.js';
import { findPackage } from '../gpu/nodePackages.js';
import { isNode } from '../gpu/runtime.js';
import { fetchVerified, type DownloadProgress } from './download.js';
import { fileExists, readFile } from './files.js';
import { gunzip } from './gzip.js';
import { isNodeFolder, joinPath } from './nodeFiles.js';

/** Where a data set is to be looked for. */
export interface SourceOptions {
  /**
   * Where the files are, plain, as .gz or in the archive that they are published as: in Node a
   * folder, or one that has them where torchvision puts them; in browsers the beginning of their
   * URLs. Files missing or damaged there are an error. Default: search.
   */
  root?: string;
  /** May the files be downloaded, if they are nowhere else? Default true. */
  download?: boolean;
  /** Called as a download proceeds. */
  onProgress?: (progress: DownloadProgress) => void;
}

/** What tells the files of one data set from another's. */
export interface DataFiles<K extends string = string> {
  /** For messages, and the names of files in the cache: `MNIST`. */
  name: string;
  /** Names of the files, without the `.gz` that they may have. */
  files: Record<K, string>;
  /** Another spelling of a file's name that some archives have. */
  otherName?: (name: string) => string;
  /** Sub-folders of a root that may have the files. */
  subFolders: readonly string[];
  /** Sub-folder of the folder in the environment variable SHADEGRAD_DATA: `mnist`. */
  dataFolder: string;
  /** npm package with the files in its folder `data`, if there is one. */
  package?: string;
  /** Beginnings of URLs, ending in a slash, in the order to try. */
  mirrors: readonly string[];
  /** The one .tar.gz that has all files; without it they are downloaded one by one as .gz. */
  archive?: { file: string; sha256: string };
  /** SHA-256 of each file; a data set without them, and without an archive, is not downloaded. */
  sha256?: Record<K, string>;
  /** Whether `sha256` is of the files or of their .gz. Default 'file'. */
  sha256Of?: 'file' | 'gz';
}

/** A file as it was found, decompressed. */
export interface FoundFile {
  bytes: Uint8Array;
  /** Path or URL, or 'download'. */
  file: string;
}

type Found<K extends string> = Record<K, FoundFile>;

/**
 * Finds the files of a data set. Looked for, in this order:
 *
 *   1. `options.root`, and then nowhere else;
 *   2. in Node, its folder in the folder that the environment variable SHADEGRAD_DATA names;
 *   3. in Node, its npm package, of the caller's project or beside shadegrad;
 *   4. a download, checked against SHA-256 and kept in the cache.
 *
 * @throws ResourceError    The files are nowhere; the message lists the places and the fix.
 * @throws DataFormatError  A file is damaged.
 */
export async function findFiles<K extends string>(
  spec: DataFiles<K>,
  { root, download = true, onProgress }: SourceOptions = {},
): Promise<Found<K>> {
  if (root !== undefined) return readFolder(spec, root);
  const tried: string[] = [];
  if (isNode()) {
    const data = process.env.SHADEGRAD_DATA;
    const folder = data ? joinPath(data, spec.dataFolder) : '';
    if (folder && (await isNodeFolder(folder))) return readFolder(spec, folder);
    tried.push(
      folder
        ? `$SHADEGRAD_DATA/${spec.dataFolder}: no folder ${folder}`
        : '$SHADEGRAD_DATA: not set',
    );
    if (spec.package) {
      const root = rootOf(spec.package);
      if (root) return readFolder(spec, joinPath(root, 'data'));
      tried.push(`npm package ${spec.package}: not installed`);
    }
  }
  if (!spec.sha256 && !spec.archive) tried.push('download: no address with a known checksum');
  else if (!download) tried.push('download: turned off by download: false');
  else {
    try {
      return await fetchAll(spec, onProgress);
    } catch (cause) {
      if (!(cause instanceof ResourceError)) throw cause;
      tried.push(`download: ${cause.message}`);
    }
  }
  const install = spec.package ? `npm install ${spec.package}, or ` : '';
  const packed = spec.archive ? `, or ${spec.archive.file},` : ' (or their .gz)';
  throw new ResourceError(
    `${spec.name} is nowhere to be found. Tried:\n  ${tried.join('\n  ')}\n` +
      `To fix it: ${install}put ${namesOf(spec)}${packed} in a folder and pass it as \`root\`.`,
  );
}

const keysOf = <K extends string>({ files }: DataFiles<K>): K[] => Object.keys(files) as K[];

const namesOf = ({ files }: DataFiles): string => Object.values(files).join(', ');

/** Reads the files from a folder, or from below a URL in browsers. */
async function readFolder<K extends string>(spec: DataFiles<K>, root: string): Promise<Found<K>> {
  const found = await Promise.allSettled(
    keysOf(spec).map(async (key): Promise<[K, FoundFile]> => {
      const candidates = candidatePaths(spec, root, spec.files[key]);
      const file = await firstThatExists(candidates);
      if (file !== undefined)
        return [key, { bytes: await unpacked(await readFile(file), file), file }];
      throw new ResourceError(
        `${spec.name}: no ${spec.files[key]} in ${root}. Looked for:\n  ${candidates.join('\n  ')}\n` +
          `The files ${namesOf(spec)} must be there, plain or as .gz.`,
      );
    }),
  );
  // The first that is missing, whichever was looked for faster.
  const missing = found.find(({ status }) => status === 'rejected');
  if (missing) {
    const reason = (missing as PromiseRejectedResult).reason as Error;
    const archive = spec.archive && (await firstThatExists(pathsOf(spec, root, spec.archive.file)));
    if (archive === undefined || !(reason instanceof ResourceError)) throw reason;
    return fromArchive(spec, await readFile(archive), archive);
  }
  const files = found.map((result) => (result as PromiseFulfilledResult<[K, FoundFile]>).value);
  return Object.fromEntries(files) as Found<K>;
}

/** Decompressed if the content says so: a server may have done it on its way. */
function unpacked(bytes: Uint8Array, file: string): Uint8Array | Promise<Uint8Array> {
  const packed = file.endsWith('gz') && bytes[0] === 0x1f && bytes[1] === 0x8b;
  return packed ? gunzip(bytes, file) : bytes;
}

function candidatePaths(spec: DataFiles, root: string, name: string): string[] {
  const other = spec.otherName?.(name);
  const names = [name, ...(other ? [other] : [])].flatMap((n) => [n, `${n}.gz`]);
  return pathsOf(spec, root, ...names);
}

function pathsOf({ subFolders }: DataFiles, root: string, ...names: string[]): string[] {
  if (!isNode()) return names.map((name) => `${root.replace(/\/$/, '')}/${name}`);
  return ['', ...subFolders].flatMap((sub) => names.map((name) => joinPath(root, sub, name)));
}

async function firstThatExists(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if (await fileExists(path)) return path;
  return undefined;
}

async function fetchAll<K extends string>(
  spec: DataFiles<K>,
  onProgress: SourceOptions['onProgress'],
): Promise<Found<K>> {
  const { archive, mirrors, name, sha256, sha256Of = 'file' } = spec;
  if (archive) {
    const bytes = await fetchVerified({
      url: mirrors.map((mirror) => mirror + archive.file),
      sha256: archive.sha256,
      name: archive.file,
      onProgress,
    });
    return fromArchive(spec, bytes, archive.file);
  }
  const found: Partial<Found<K>> = {};
  // One after the other: the first failure is the one to report, and progress stays readable.
  for (const key of keysOf(spec)) {
    const file = `${name.toLowerCase()}-${spec.files[key]}`;
    const packed = sha256Of === 'gz' ? `${file}.gz` : file;
    const bytes = await fetchVerified({
      url: mirrors.map((mirror) => `${mirror}${spec.files[key]}.gz`),
      sha256: sha256![key],
      name: packed,
      gzip: sha256Of === 'file',
      onProgress,
    });
    found[key] = { bytes: await unpacked(bytes, packed), file: 'download' };
  }
  return found as Found<K>;
}

/** Takes the files out of a .tar.gz, from whatever folder they are in there. */
async function fromArchive<K extends string>(
  spec: DataFiles<K>,
  packed: Uint8Array,
  file: string,
): Promise<Found<K>> {
  const bytes = await unpacked(packed, file);
  const { parseTar } = await import('nanotar');
  let entries: ParsedTarFileItem[];
  try {
    entries = parseTar(bytes.slice()); // a copy: it reads the whole buffer of a view
  } catch (cause) {
    const problem = `expected a whole tar archive, got a damaged one (${(cause as Error).message})`;
    throw new DataFormatError(file, problem, undefined, AGAIN);
  }
  const found = keysOf(spec).map((key): [K, FoundFile] => {
    const name = spec.files[key];
    const entry = entries.find((entry) => entry.name.split('/').at(-1) === name);
    if (entry?.data && entry.data.length === entry.size)
      return [key, { bytes: entry.data, file: `${file}/${name}` }];
    const got = entry ? `${entry.data?.length ?? 0} of its ${entry.size} bytes` : 'none';
    throw new DataFormatError(file, `expected ${name} in it, got ${got}`, undefined, AGAIN);
  });
  return Object.fromEntries(found) as Found<K>;
}

const AGAIN = 'Download the file again, or restore it from a copy.';

/** The folder of an installed package, the one that the caller's project has before others. */
function rootOf(packageName: string): string | null {
  try {
    return findPackage(packageName, true).root;
  } catch {
    return null;
  }
}
