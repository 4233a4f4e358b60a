import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Plugin } from 'vite';
import { mutate, type MutationFile } from './mutation.js';

/**
 * Lets `import source from './kernel.wgsl'` give the file's text, as the build does; or, where
 * SHADEGRAD_MUTATION is `kernel:3`, the text of that kernel broken in the fourth of the ways in
 * test/mutations/kernel.json.
 */
export function wgslPlugin(): Plugin {
  const [mutant, index] = (process.env['SHADEGRAD_MUTATION'] ?? '').split(':');
  return {
    name: 'wgsl-as-text',
    enforce: 'pre',
    transform(code, id) {
      if (!id.endsWith('.wgsl')) return undefined;
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
