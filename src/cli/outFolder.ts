import fs from 'node:fs';
import path from 'node:path';
import { ResourceError } from 'shadegrad';

/**
 * Makes a folder for results where there is none, so that hours of training are not lost for want
 * of it.
 *
 * @param command  The one that wants it.
 * @param option   Its option that names the folder.
 * @throws ResourceError if it cannot be made or written to.
 */
export function makeOutFolder(folder: string, command: string, option: string): void {
  try {
    // One by one: Node's recursive mkdir never returns where a file system, such as /proc, has a
    // folder but answers "no such folder" to whoever makes one in it.
    for (const missing of missingFolders(path.resolve(folder))) fs.mkdirSync(missing);
    if (!fs.statSync(folder).isDirectory()) throw new Error('it is a file');
    fs.accessSync(folder, fs.constants.W_OK);
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new ResourceError(
      `${command}: expected a folder that can be written to, got ${folder}: ${reason}. Choose another with ${option}.`,
      { cause },
    );
  }
}

/** The folder and those above it that do not exist, outermost first. */
function missingFolders(folder: string): string[] {
  if (fs.existsSync(folder)) return [];
  return [...missingFolders(path.dirname(folder)), folder];
}
