import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PRINTOUT = fileURLToPath(new URL('../support/printout.ts', import.meta.url));

/**
 * Lets a page of docs/tutorials be imported, in a browser too: `import('training.md?program')` runs
 * its blocks of TypeScript, one after the other, as one module. Blocks headed "ts node" run in Node
 * alone, in a scope of their own. What the page says that it prints is checked by `printout`.
 */
export function tutorialPlugin(): Plugin {
  return {
    name: 'tutorials-as-programs',
    enforce: 'pre',
    resolveId(id, importer, options) {
      const [, page] = /^(.*\.md)(?:\?program|\.ts)$/.exec(id) ?? [];
      if (page === undefined) return undefined;
      // What a browser asks for starts at the root of the repository.
      const folder = importer && page.startsWith('.') ? dirname(importer) : ROOT;
      const path = page.startsWith(ROOT) ? page : resolve(folder, page.replace(/^\//, ''));
      // Vite's scan for dependencies, which its types leave out, reads files itself: a page has none.
      const { scan } = options as { scan?: boolean };
      return scan ? path : `${path}.ts`;
    },
    async load(id) {
      if (!id.endsWith('.md.ts')) return undefined;
      const page = readFileSync(id.slice(0, -'.ts'.length), 'utf8');
      // The compiler is slow to load, and few tests need it.
      const { programOf } = await import('../support/tutorialProgram.js');
      const head = `import { printout as $printout } from ${JSON.stringify(PRINTOUT)};`;
      return { code: `${head} ${programOf(page)}`, map: null };
    },
  };
}
