/**
 * Files on disk, in Node only. The builtins are reached inside the functions, so that a bundle for
 * browsers may contain this module; `files.ts` has the functions that choose by platform.
 */
import { ResourceError } from '../errors.js';

const fs = () => process.getBuiltinModule('node:fs/promises');
const path = () => process.getBuiltinModule('node:path');

/** What to do about the usual failures, as a sentence. */
const FIXES: Record<string, string> = {
  ENOENT: 'Check the path; a relative one starts at the working directory.',
  EACCES: 'Check the permissions of the file and its folders.',
  EPERM: 'Check the permissions of the file and its folders.',
  EISDIR: 'Give the path of a file, not of a folder.',
  ENOTDIR: 'A part of the path is a file where a folder was expected.',
  EEXIST: 'A part of the path is a file where a folder was expected.',
  ENOSPC: 'Free some space on the disk.',
  EROFS: 'Choose a folder that can be written to.',
};

function refuse(doing: string, file: string, cause: unknown): never {
  const { code = '', message } = cause as NodeJS.ErrnoException;
  const reason = code === 'ENOENT' ? 'no such file or folder' : message;
  const fix = FIXES[code] ? `. ${FIXES[code]}` : '';
  throw new ResourceError(`cannot ${doing} ${path().resolve(file)}: ${reason}${fix}`, { cause });
}

/** Reads a whole file. @throws ResourceError  Missing or unreadable. */
export async function readNodeFile(file: string): Promise<Uint8Array> {
  try {
    const buffer = await fs().readFile(file);
    return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  } catch (cause) {
    return refuse('read', file, cause);
  }
}

/** Whether there is a file, not a folder, at this path. */
export async function isNodeFile(file: string): Promise<boolean> {
  return (
    (
      await fs()
        .stat(file)
        .catch(() => undefined)
    )?.isFile() ?? false
  );
}

/** Whether there is a folder at this path. */
export async function isNodeFolder(folder: string): Promise<boolean> {
  return (
    (
      await fs()
        .stat(folder)
        .catch(() => undefined)
    )?.isDirectory() ?? false
  );
}

/**
 * The names of the files, or of the folders, in a folder, sorted by code units; not hidden ones.
 * @throws ResourceError  Missing or unreadable.
 */
export async function listNodeFolder(folder: string, kind: 'files' | 'folders'): Promise<string[]> {
  const names = await fs()
    .readdir(folder)
    .catch((cause: unknown) => refuse('read', folder, cause));
  const is = kind === 'files' ? isNodeFile : isNodeFolder; // through links
  const wanted = await Promise.all(names.map((name) => is(path().join(folder, name))));
  return names.filter((name, i) => wanted[i] && !name.startsWith('.')).sort();
}

/** Adds to the end of a file, which it creates with its folders. @throws ResourceError */
export async function appendNodeFile(file: string, data: Uint8Array): Promise<void> {
  try {
    await fs().mkdir(path().dirname(file), { recursive: true });
    await fs().appendFile(file, data);
  } catch (cause) {
    refuse('write', file, cause);
  }
}

/** Removes a file if it is there. @throws ResourceError  It cannot be removed. */
export async function removeNodeFile(file: string): Promise<void> {
  await fs()
    .rm(file, { force: true })
    .catch((cause: unknown) => refuse('remove', file, cause));
}

/**
 * Writes a file so that a reader, or a crash, meets the old content or the new, never a part: into
 * a temporary file in the same folder, flushed to disk, then renamed. Creates missing folders;
 * follows a link to the file that it names.
 *
 * @throws ResourceError  The folder or the file cannot be written; nothing is left behind.
 */
export async function writeNodeFileAtomic(file: string, data: Uint8Array | string): Promise<void> {
  const { basename, dirname, join } = path();
  const { mkdir, open, realpath, rename, rm } = fs();
  const target = await realpath(file).catch(() => file);
  const folder = dirname(target);
  const unique = `${process.pid}-${Math.random().toString(36).slice(2)}`;
  const temporary = join(folder, `.${basename(target)}.${unique}.tmp`);
  cleanAtExit();
  unfinished.add(temporary);
  try {
    await mkdir(folder, { recursive: true });
    const handle = await open(temporary, 'wx');
    try {
      await handle.writeFile(data);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, target);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined);
    refuse('write', file, cause);
  } finally {
    unfinished.delete(temporary);
  }
  await syncFolder(folder);
}

/** Temporary files that are being written: process.exit() may come at any moment. */
const unfinished = new Set<string>();
let cleansAtExit = false;

function cleanAtExit(): void {
  if (cleansAtExit) return;
  cleansAtExit = true;
  const { rmSync } = process.getBuiltinModule('node:fs');
  process.once('exit', () => unfinished.forEach((file) => rmSync(file, { force: true })));
}

/** Flushes the rename too, where the system can (Windows cannot open folders). */
async function syncFolder(folder: string): Promise<void> {
  const handle = await fs()
    .open(folder)
    .catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

/** Joins parts of a path with the separator of the system. */
export function joinPath(...parts: string[]): string {
  return path().join(...parts);
}
