/**
 * SwiftShader, a Vulkan driver that computes on the CPU, for machines that have no Vulkan at all:
 * the npm package `@sparticuz/chromium` carries it and a Vulkan loader along with its browser.
 */
import { ResourceError } from '../errors.js';
import { unpackArchives } from './nodePackages.js';

const PACKAGE = '@sparticuz/chromium';
const LOADER = 'libvulkan.so.1';
const DRIVER = 'libvk_swiftshader.so';
const MANIFEST = 'vk_swiftshader_icd.json';

/** The unpacked driver: absolute paths of the Vulkan loader and of the driver's manifest. */
export interface SwiftShader {
  loader: string;
  manifest: string;
}

/**
 * Unpacks SwiftShader into the user's cache, once for each version of the package.
 *
 * @returns Where it is.
 * @throws {ResourceError} if this machine is not 64-bit x86 Linux, the package is not installed or
 *   the files cannot be written.
 */
export async function unpackSwiftShader(): Promise<SwiftShader> {
  const path = process.getBuiltinModule('node:path');
  const platform = `${process.platform}-${process.arch}`;
  if (platform !== 'linux-x64') {
    throw new ResourceError(`${PACKAGE}: expected linux-x64, got ${platform}`);
  }
  const archives = ['bin/swiftshader.tar.br'];
  const files = [LOADER, DRIVER, MANIFEST];
  const folder = await unpackArchives(PACKAGE, archives, 'swiftshader', files);
  return {
    loader: path.join(folder, LOADER),
    manifest: resolvableManifest(path.join(folder, MANIFEST), path.join(folder, DRIVER)),
  };
}

/**
 * The manifest's `library_path` is relative to the manifest. Should a version of the package have
 * it otherwise, this writes a manifest beside it that names the unpacked driver.
 */
function resolvableManifest(manifest: string, driver: string): string {
  const fs = process.getBuiltinModule('node:fs');
  const path = process.getBuiltinModule('node:path');
  const content = JSON.parse(fs.readFileSync(manifest, 'utf8')) as {
    ICD: { library_path: string };
  };
  const library = path.resolve(path.dirname(manifest), content.ICD.library_path);
  if (library === driver) return manifest;
  content.ICD.library_path = driver;
  const fixed = `${manifest}.fixed.json`;
  const temporary = `${fixed}.${process.pid}`;
  fs.writeFileSync(temporary, JSON.stringify(content));
  fs.renameSync(temporary, fixed);
  return fixed;
}

/**
 * Tells whether the dynamic linker finds a Vulkan loader. Asked first because Dawn prints a
 * warning of two lines when there is none.
 */
export function hasSystemVulkanLoader(): boolean {
  // Asked once: later it would be true of a loader that this process brought in itself.
  systemHasLoader ??= loadSharedLibrary(LOADER) === undefined;
  return systemHasLoader;
}

let systemHasLoader: boolean | undefined;

/**
 * Brings SwiftShader's own Vulkan loader into this process, where Dawn then finds it under its
 * name.
 *
 * @throws {ResourceError} if the dynamic linker refuses it, as it does on musl.
 */
export function loadVulkanLoader(swiftShader: SwiftShader): void {
  const { RTLD_NOW, RTLD_GLOBAL } = process.getBuiltinModule('node:os').constants.dlopen;
  // Node closes a library that is not an addon at once; RTLD_NODELETE, which Node has no name
  // for, keeps it loaded.
  const RTLD_NODELETE = 0x1000;
  const problem = loadSharedLibrary(swiftShader.loader, RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE);
  if (problem !== undefined) throw new ResourceError(problem);
}

/** Opens a library that is not a Node addon. Returns what went wrong, undefined if nothing. */
function loadSharedLibrary(
  file: string,
  // Given as undefined, Node would take it for 0, which no linker accepts.
  flags = process.getBuiltinModule('node:os').constants.dlopen.RTLD_LAZY,
): string | undefined {
  try {
    process.dlopen({ exports: {} }, file, flags);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // Node says this of a library that did load but is no addon.
    if (!message.includes('did not self-register')) return message;
  }
  return undefined;
}
