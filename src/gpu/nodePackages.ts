/**
 * Finding npm packages from Node, and unpacking the compressed binaries that some of them carry
 * into a cache folder. Node's own modules are reached with `process.getBuiltinModule` inside
 * functions, because the one bundle that has this file in it is loaded by browsers as well.
 */
import { ResourceError } from '../errors.js';

/** An installed package: where its files are and which version it is. */
export interface InstalledPackage {
  root: string;
  version: string;
  /** The file that `import` or `require` of the package's name loads. */
  entry: string;
}

/**
 * Finds an installed package, seen first from this library and then from the working directory,
 * which differ when the library is linked rather than installed.
 *
 * @param name  The package's name, `@scope/name` or `name`.
 * @param preferProject  Looks from the working directory first. Default false.
 * @returns Its folder, version and entry file.
 * @throws {ResourceError} if neither place has the package.
 */
export function findPackage(name: string, preferProject = false): InstalledPackage {
  const { createRequire } = process.getBuiltinModule('node:module');
  const fs = process.getBuiltinModule('node:fs');
  const path = process.getBuiltinModule('node:path');
  const places = [import.meta.url, path.join(process.cwd(), 'package.json')];
  if (preferProject) places.reverse();
  const requires = places.map((from) => createRequire(from));
  const entry = firstResolved(requires, name);
  for (let root = path.dirname(entry); ; root = path.dirname(root)) {
    const manifestPath = path.join(root, 'package.json');
    if (fs.existsSync(manifestPath)) {
      const manifest = JSON.parse(fs.readFileSync(manifestPath, 'utf8')) as {
        name?: string;
        version?: string;
      };
      // A package.json without the name is one that only sets "type" for a folder below the root.
      if (manifest.name === name && manifest.version !== undefined) {
        return { root, version: manifest.version, entry };
      }
    }
    if (root === path.dirname(root)) {
      throw new ResourceError(`${name}: expected its package.json above ${entry}, found none`);
    }
  }
}

function firstResolved(requires: NodeJS.Require[], name: string): string {
  let cause: unknown;
  for (const require of requires) {
    try {
      return require.resolve(name);
    } catch (error) {
      cause = error;
    }
  }
  throw new ResourceError(`the npm package ${name} is not installed`, { cause });
}

/**
 * Imports a package by a specifier that bundlers cannot see, so that none of them follows it into
 * a browser bundle.
 *
 * @param name  The package's name.
 * @returns The module's namespace.
 * @throws {ResourceError} if the package is not installed; whatever the package throws on load.
 */
export async function importPackage<Namespace>(name: string): Promise<Namespace> {
  const { pathToFileURL } = process.getBuiltinModule('node:url');
  const { href } = pathToFileURL(findPackage(name).entry);
  return (await import(/* @vite-ignore */ /* webpackIgnore: true */ href)) as Namespace;
}

/**
 * Unpacks brotli-compressed files of an installed package into a folder of the user's cache that
 * carries the package's version, once: later calls, in this process or another, find it there.
 *
 * A `NAME.tar.br` spreads its files over the folder, a `NAME.br` becomes the executable `NAME`.
 *
 * @param packageName  The package, `@scope/name` or `name`.
 * @param archives     The files, relative to the package's root.
 * @param folderName   The start of the folder's name, the same for the same archives.
 * @param expected     Files that the folder must have in the end; a cache folder that lacks one
 *   (a cleaner took it) is unpacked anew.
 * @returns The folder's absolute path.
 * @throws {ResourceError} if the package, an archive or an expected file is missing, or the cache
 *   cannot be written.
 */
export async function unpackArchives(
  packageName: string,
  archives: readonly string[],
  folderName: string,
  expected: readonly string[],
): Promise<string> {
  const fs = process.getBuiltinModule('node:fs');
  const path = process.getBuiltinModule('node:path');
  const { root, version } = findPackage(packageName);
  const isComplete = (folder: string): boolean =>
    expected.every((file) => fs.existsSync(path.join(folder, file)));

  let cause: unknown;
  for (const cache of cacheFolders()) {
    const target = path.join(cache, `${folderName}-${version}`);
    if (isOwnFolder(cache) && isComplete(target)) return target;
    try {
      fs.mkdirSync(cache, { recursive: true, mode: 0o700 });
      if (!isOwnFolder(cache)) throw new ResourceError(`${cache} belongs to another user`);
      const temporary = fs.mkdtempSync(`${target}.`);
      try {
        for (const archive of archives) await unpackArchive(path.join(root, archive), temporary);
        if (!isComplete(temporary)) {
          throw new ResourceError(
            `${packageName} ${version}: expected ${expected.join(', ')} in ${archives.join(', ')}`,
          );
        }
        publishFolder(temporary, target, isComplete);
      } finally {
        fs.rmSync(temporary, { recursive: true, force: true });
      }
      return target;
    } catch (error) {
      cause = error;
    }
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  throw new ResourceError(`${packageName}: could not be unpacked: ${reason}`, { cause });
}

/**
 * Where files may go that can be had again, best first, since a home may be missing or read-only:
 * `shadegrad` in $XDG_CACHE_HOME, or in ~/.cache where that is unset or not absolute; then a
 * temporary folder.
 * Source: https://specifications.freedesktop.org/basedir-spec/latest/.
 */
export function cacheFolders(): string[] {
  const fs = process.getBuiltinModule('node:fs');
  const os = process.getBuiltinModule('node:os');
  const path = process.getBuiltinModule('node:path');
  const user = process.getuid?.() ?? 'user';
  const folders = [path.join(os.tmpdir(), `shadegrad-${user}`)];
  const xdg = process.env.XDG_CACHE_HOME;
  const home = process.env.HOME ?? process.env.USERPROFILE;
  // The XDG specification says to ignore a relative path.
  if (xdg !== undefined && path.isAbsolute(xdg)) folders.unshift(path.join(xdg, 'shadegrad'));
  else if (home && fs.existsSync(home)) folders.unshift(path.join(home, '.cache', 'shadegrad'));
  return folders;
}

/** The text of a file in the first cache folder that has it, or null. */
export function readCacheFile(name: string): string | null {
  const fs = process.getBuiltinModule('node:fs');
  const path = process.getBuiltinModule('node:path');
  for (const folder of cacheFolders().filter(isOwnFolder)) {
    try {
      return fs.readFileSync(path.join(folder, name), 'utf8');
    } catch {
      // not there: the next folder
    }
  }
  return null;
}

/** Writes a file to the first cache folder that can be written to, through a temporary name. */
export function writeCacheFile(name: string, text: string): void {
  const fs = process.getBuiltinModule('node:fs');
  const path = process.getBuiltinModule('node:path');
  let cause: unknown;
  for (const folder of cacheFolders()) {
    const temporary = path.join(folder, `${name}.${process.pid}`);
    try {
      fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
      if (!isOwnFolder(folder)) throw new ResourceError(`${folder} belongs to another user`);
      fs.writeFileSync(temporary, text);
      fs.renameSync(temporary, path.join(folder, name));
      return;
    } catch (error) {
      cause = error;
    }
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  throw new ResourceError(`${name}: could not be written: ${reason}`, { cause });
}

/** Code is loaded from the folder, so one that somebody else made (in /tmp) must not be used. */
function isOwnFolder(folder: string): boolean {
  const stats = process.getBuiltinModule('node:fs').statSync(folder, { throwIfNoEntry: false });
  const user = process.getuid?.();
  return stats !== undefined && (user === undefined || stats.uid === user);
}

async function unpackArchive(archive: string, folder: string): Promise<void> {
  const fs = process.getBuiltinModule('node:fs');
  const path = process.getBuiltinModule('node:path');
  const { brotliDecompress } = process.getBuiltinModule('node:zlib');
  const { promisify } = process.getBuiltinModule('node:util');
  const content = await promisify(brotliDecompress)(fs.readFileSync(archive));
  if (!archive.endsWith('.tar.br')) {
    fs.writeFileSync(path.join(folder, path.basename(archive, '.br')), content, { mode: 0o755 });
    return;
  }
  const { parseTar } = await importPackage<typeof import('nanotar')>('nanotar');
  for (const { name, type, data, attrs } of parseTar(content)) {
    const file = path.join(folder, name);
    if (type === 'directory') {
      fs.mkdirSync(file, { recursive: true });
    } else if (type === 'file' && data !== undefined) {
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.writeFileSync(file, data, { mode: Number.parseInt(attrs?.mode ?? '644', 8) });
    }
  }
}

/**
 * Renames the finished `temporary` to `target`. Where another process was faster its folder
 * stays; an incomplete folder makes way.
 */
function publishFolder(
  temporary: string,
  target: string,
  isComplete: (folder: string) => boolean,
): void {
  const fs = process.getBuiltinModule('node:fs');
  fs.chmodSync(temporary, 0o755);
  if (fs.existsSync(target) && !isComplete(target)) {
    fs.rmSync(target, { recursive: true, force: true });
  }
  try {
    fs.renameSync(temporary, target);
  } catch (error) {
    if (!isComplete(target)) throw error;
  }
}
