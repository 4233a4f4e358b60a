import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Plugin } from 'vite';
import { mutate, type MutationFile } from './mutation.js';

/**
 * Lets `import source from './kernel.wgsl'` give the file's text, as the build does; or, where
 * SHADEGRAD_MUTATION is `kernel:3`, the text of that kernel broken in the fourth of the ways in
 * test/mutations/kernel.json. Markdown is text too.
 */
export function textPlugin(): Plugin {
  return {
    name: 'files-as-text',
    enforce: 'pre',
    transform(code, id) {
      if (!/\.(?:wgsl|md)$/.test(id)) return undefined;
      const [mutant, index] = (process.env['SHADEGRAD_MUTATION'] ?? '').split(':');
      const text =
        basename(id, '.wgsl') === mutant ? mutate(code, mutationsOf(mutant)[Number(index)]!) : code;
      return { code: `export default ${JSON.stringify(text)};`, map: null };
    },
  };
}

function mutationsOf(shader: string): MutationFile['mutations'] {
  const file = new URL(`../mutations/${shader}.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as MutationFile).mutations;
}
